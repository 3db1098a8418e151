// The way into a part of time and back out.

/** @typedef {Pick<State, 'range' | 'from' | 'to'>} Range */

export class Zoom {
  /** @param {import('../store.js').Store} store */
  constructor(store) {
    this.store = store;
    /** Where we came from. @type {Range[]} */
    this.back = [];
    /** Where we have gone ourselves. */
    this.own = '';
    store.watch(['range', 'from', 'to'], (state) => {
      if (key(state) !== this.own) this.back = [];
    });
  }

  /** Whether there is a wider range to go out to. */
  get zoomed() {
    return this.store.state.range !== '';
  }

  /**
   * @param {number} from ms since the epoch
   * @param {number} to
   */
  into(from, to) {
    const { range, from: oldFrom, to: oldTo } = this.store.state;
    this.back.push({ range, from: oldFrom, to: oldTo });
    this.go({ range: 'custom', from: new Date(from).toISOString(), to: new Date(to).toISOString() });
  }

  /** Back to where we came from, or else to all time. */
  out() {
    if (this.zoomed) this.go(this.back.pop() ?? { range: '', from: '', to: '' });
  }

  /** @param {Range} range */
  go(range) {
    this.own = key(range);
    this.store.set(range);
  }
}

/** @param {Range} range */
function key({ range, from, to }) {
  return `${range} ${from} ${to}`;
}
