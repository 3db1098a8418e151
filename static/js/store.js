// The one state of the page, and who is told when a part of it changes.

import { usual } from './list/columns.js';

/** @typedef {(state: State) => void} Listener */

export class Store {
  /** @param {State} state */
  constructor(state) {
    /** Read freely; change only through set. */
    this.state = state;
    /** @type {{keys: (keyof State)[], listener: Listener}[]} */
    this.listeners = [];
    /** @type {Set<keyof State>} */
    this.changed = new Set();
    this.scheduled = false;
  }

  /**
   * Changes parts of the state. Listeners run once, after the current task's
   * changes are all made.
   * @param {Partial<State>} patch
   */
  set(patch) {
    for (const key of /** @type {(keyof State)[]} */ (Object.keys(patch))) {
      if (Object.is(this.state[key], patch[key])) continue;
      /** @type {any} */ (this.state)[key] = patch[key];
      this.changed.add(key);
    }
    if (this.changed.size === 0 || this.scheduled) return;
    this.scheduled = true;
    queueMicrotask(() => this.tell());
  }

  /**
   * Calls the listener now, and whenever one of the keys has changed.
   * @param {(keyof State)[]} keys
   * @param {Listener} listener
   */
  watch(keys, listener) {
    this.listeners.push({ keys, listener });
    listener(this.state);
  }

  tell() {
    const changed = this.changed;
    this.changed = new Set();
    this.scheduled = false;
    for (const { keys, listener } of this.listeners) {
      if (keys.some((key) => changed.has(key))) listener(this.state);
    }
  }
}

/** @returns {State} */
export function initialState() {
  return {
    q: '', instances: [], range: '', from: '', to: '',
    theme: 'auto', zone: 'local', histogram: true,
    columns: usual, wrap: '', relaxed: false, marks: [], startsOwn: false, link: 0, linkTrouble: '', linkMissed: 0,
    me: null, known: [], inputs: [], knownLoaded: false, unkept: '', diskFull: false, terms: [], matched: -1, tookMs: 0,
    views: [],
    loading: true, scannedTo: '', following: true, shown: 0, newEntries: 0, newErrors: 0, sampleRate: 0, sampleMissing: 0, lostAt: 0, trouble: '',
    selected: 0, drawer: '', control: '', job: '', help: false, rail: false, railFolded: false, teamOpen: false,
  };
}
