// A tint that fades over rows that have just arrived.

import { h } from '../dom.js';

/** How long a new row shows that it is new, in ms. */
const FreshMs = 1000;
/** Where more rows than that come in a second, all are new, and fading them would cost more than showing them. */
const MostFading = 12;

export class Fresh {
  constructor() {
    /** From which entry on rows are new, and until when, in ms since the epoch. */
    this.seq = Infinity;
    this.until = 0;
    /** What came in the last second. @type {{at: number, count: number}[]} */
    this.came = [];
  }

  /**
   * Some entries have arrived.
   * @param {number} seq of the first of them
   * @param {number} count
   * @param {number} [now]
   */
  arrived(seq, count, now = Date.now()) {
    if (now >= this.until) this.seq = seq;
    this.until = now + FreshMs;
    this.came = [...this.came.filter(({ at }) => now - at < FreshMs), { at: now, count }];
  }

  /**
   * Whether a row that is drawn now is pointed out as new.
   * @param {number} seq
   * @param {number} [now]
   */
  isNew(seq, now = Date.now()) {
    return now < this.until && seq >= this.seq && this.came.reduce((sum, { count }) => sum + count, 0) <= MostFading;
  }

  /**
   * The tint lies over the row: only its opacity changes, which costs no drawing.
   * @param {HTMLElement} row
   * @param {number} seq
   */
  tint(row, seq) {
    if (!this.isNew(seq)) return;
    const tint = h('div', { class: 'fresh', 'aria-hidden': 'true', animationend: () => tint.remove() });
    row.append(tint);
  }
}
