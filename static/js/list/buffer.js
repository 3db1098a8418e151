// The entries that the list can show: in order of arrival, each one once. Imported
// ones stand where the server has put them, among the others of their day.

/** What is kept while the list follows. */
export const FollowCap = 5000;
/** What is kept at most while somebody reads further up. */
export const ReadCap = 100_000;

/** The Seqs of imported entries begin here: they say nothing of arrival. */
export const FirstImported = 2 ** 52;

export class Buffer {
  constructor() {
    /** Oldest first. @type {Item[]} */
    this.items = [];
    /** The Seqs of those that were imported. @type {Set<number>} */
    this.imported = new Set();
  }

  /**
   * Told of every change, after it.
   * @param {number} at
   * @param {number} removed
   * @param {number} added
   */
  changed(at, removed, added) {
    void [at, removed, added];
  }

  get length() {
    return this.items.length;
  }

  clear() {
    const { length } = this.items;
    this.items = [];
    this.imported.clear();
    this.changed(0, length, 0);
  }

  /** The first Seq that is held, or 0. */
  get firstSeq() {
    return this.items.length === 0 ? 0 : startOf(this.items[0]);
  }

  /** The last Seq that is held or known to be missing, or 0. */
  get lastSeq() {
    return this.items.length === 0 ? 0 : endOf(this.items[this.items.length - 1]);
  }

  /** The last Seq of what has arrived, or 0. */
  get lastArrived() {
    const at = this.find(this.items.length - 1, -1, (item) => !isImported(item));
    return at < 0 ? 0 : endOf(this.items[at]);
  }

  /** The first Seq of what has arrived, or 0. */
  get firstArrived() {
    const at = this.find(0, 1, (item) => !isImported(item));
    return at < 0 ? 0 : startOf(this.items[at]);
  }

  /**
   * Notes an imported item, and tells whether it is new.
   * @param {Item} item
   */
  take(item) {
    const seq = startOf(item);
    if (this.imported.has(seq)) return false;
    this.imported.add(seq);
    return true;
  }

  /**
   * Adds what arrived and returns what of it was new: a resumed connection
   * may repeat what is here already.
   * @template {Item} T
   * @param {T[]} items oldest first
   * @returns {T[]}
   */
  append(items) {
    let last = this.lastArrived;
    const fresh = items.filter((item) => {
      if (isImported(item)) return this.take(item);
      if (startOf(item) <= last) return false;
      last = endOf(item);
      return true;
    });
    for (const item of fresh) this.items.push(item);
    this.changed(this.items.length - fresh.length, 0, fresh.length);
    return fresh;
  }

  /**
   * Puts older entries in front and returns how many were new.
   * @param {Entry[]} entries oldest first
   */
  prepend(entries) {
    const first = this.firstArrived;
    const fresh = entries.filter((entry) => (isImported(entry) ? this.take(entry) : first === 0 || entry.seq < first));
    this.items = [...fresh, ...this.items];
    this.changed(0, 0, fresh.length);
    return fresh.length;
  }

  /**
   * Drops the oldest so that at most cap remain; returns how many went.
   * @param {number} cap
   */
  trim(cap) {
    const excess = this.items.length - cap;
    if (excess <= 0) return 0;
    for (const item of this.items.splice(0, excess)) this.imported.delete(startOf(item));
    this.changed(0, excess, 0);
    return excess;
  }

  /**
   * Replaces a gap by the entries found in it. With more set, what lies behind
   * the last of them stays a gap.
   * @param {Gap} gap
   * @param {Entry[]} entries oldest first
   * @param {boolean} more
   */
  fill(gap, entries, more) {
    const at = this.items.indexOf(gap);
    if (at < 0) return;
    /** @type {Item[]} */
    const found = entries.filter((entry) => entry.seq >= gap.from_seq && entry.seq <= gap.to_seq);
    const last = found.length === 0 ? gap.to_seq : endOf(found[found.length - 1]);
    if (more && last < gap.to_seq) {
      const count = Math.max(1, gap.count - found.length);
      found.push({ ...gap, count, from_seq: last + 1 });
    }
    this.items.splice(at, 1, ...found);
    this.changed(at, 1, found.length);
  }

  /**
   * Where the item with this Seq is, or -1.
   * @param {number} seq
   */
  indexOf(seq) {
    if (this.imported.size > 0) return this.find(0, 1, (item) => startOf(item) <= seq && seq <= endOf(item));
    let low = 0;
    let high = this.items.length - 1;
    while (low <= high) {
      const middle = (low + high) >> 1;
      const item = this.items[middle];
      if (endOf(item) < seq) low = middle + 1;
      else if (startOf(item) > seq) high = middle - 1;
      else return middle;
    }
    return -1;
  }

  /**
   * The entry with this Seq.
   * @param {number} seq
   * @returns {Entry | null}
   */
  entry(seq) {
    const item = this.items[this.indexOf(seq)];
    return item && !('gap' in item) ? item : null;
  }

  /**
   * The next index from `from` in the direction of step whose item fits, or -1.
   * @param {number} from
   * @param {1 | -1} step
   * @param {(item: Item) => boolean} fits
   */
  find(from, step, fits) {
    for (let i = from; i >= 0 && i < this.items.length; i += step) {
      if (fits(this.items[i])) return i;
    }
    return -1;
  }
}

/** @param {Item} item */
export function startOf(item) {
  return 'gap' in item ? item.from_seq : item.seq;
}

/** @param {Item} item */
function isImported(item) {
  return startOf(item) >= FirstImported;
}

/** @param {Item} item */
function endOf(item) {
  return 'gap' in item ? item.to_seq : item.seq;
}
