// Where each row of the list is: heights, and sums over chunks of them, so that
// a place among 100,000 rows of any height is found in a few hundred steps.

/** Rows to a chunk: about the root of the longest list. */
const Chunk = 256;

export class Layout {
  constructor() {
    /** In px; 0 for an item that is folded into another's row. @type {number[]} */
    this.heights = [];
    /** The sum of each chunk. @type {number[]} */
    this.sums = [];
  }

  get length() {
    return this.heights.length;
  }

  /** @param {number[]} heights */
  reset(heights) {
    this.heights = heights;
    this.sums = [];
    this.sum(0);
  }

  /**
   * Takes rows away and puts others in their place.
   * @param {number} at
   * @param {number} removed
   * @param {number[]} added
   */
  splice(at, removed, added) {
    if (removed === 0 && at === this.heights.length) for (const height of added) this.heights.push(height);
    else this.heights = [...this.heights.slice(0, at), ...added, ...this.heights.slice(at + removed)];
    this.sum(at);
  }

  /**
   * @param {number} i
   * @param {number} height
   */
  set(i, height) {
    this.sums[Math.floor(i / Chunk)] += height - this.heights[i];
    this.heights[i] = height;
  }

  /**
   * How far below the first row the row with this index begins; that of the
   * length is the height of all.
   * @param {number} i
   */
  offsetOf(i) {
    const chunk = Math.floor(Math.min(i, this.length) / Chunk);
    let y = 0;
    for (let c = 0; c < chunk; c++) y += this.sums[c];
    for (let k = chunk * Chunk; k < i && k < this.length; k++) y += this.heights[k];
    return y;
  }

  /**
   * The row at this offset, the first or the last if it is outside.
   * @param {number} y
   */
  indexAt(y) {
    let top = 0;
    let chunk = 0;
    while (chunk < this.sums.length && top + this.sums[chunk] <= y) top += this.sums[chunk++];
    let last = 0;
    for (let i = chunk * Chunk; i < this.length; i++) {
      if (this.heights[i] === 0) continue;
      top += this.heights[i];
      last = i;
      if (top > y) return i;
    }
    return last || this.before(this.length);
  }

  /**
   * The next row that has a height, from i on; the length if there is none.
   * @param {number} i
   */
  from(i) {
    while (i < this.length && this.heights[i] === 0) {
      // Somebody who sends one text 100,000 times fills whole chunks.
      if (i % Chunk === 0 && this.sums[i / Chunk] === 0) i += Chunk;
      else i++;
    }
    return Math.min(i, this.length);
  }

  /**
   * The last row before i that has a height, or 0.
   * @param {number} i
   */
  before(i) {
    do i--; while (i > 0 && this.heights[i] === 0);
    return Math.max(i, 0);
  }

  /** @param {number} from the first row whose chunk has changed */
  sum(from) {
    this.sums.length = Math.ceil(this.length / Chunk);
    for (let c = Math.floor(from / Chunk); c < this.sums.length; c++) {
      let sum = 0;
      const end = Math.min((c + 1) * Chunk, this.length);
      for (let i = c * Chunk; i < end; i++) sum += this.heights[i];
      this.sums[c] = sum;
    }
  }
}
