// What is said while more arrives than a person can read, and of what was not
// shown then.

import { byId, h, replace } from '../dom.js';
import { t } from '../strings.js';

/** The rate is that of so long, in ms. */
const WindowMs = 1000;
/** After so long without a sample it is over, in ms. */
const OverMs = 3000;

export class Sample {
  /** @param {import('../store.js').Store} store */
  constructor(store) {
    this.store = store;
    /** How far the newest sample has read. */
    this.to = 0;
    this.count = 0;
    this.since = 0;
    this.timer = 0;
  }

  /**
   * @param {number} count how many entries have arrived
   * @param {number} shown how many of them are shown
   * @param {number} seq
   */
  take(count, shown, seq) {
    const now = performance.now();
    this.since ||= now;
    this.count += count;
    this.to = seq;
    const { sampleRate, sampleMissing } = this.store.state;
    const took = now - this.since;
    const over = took >= WindowMs;
    this.store.set({
      sampleMissing: sampleMissing + count - shown,
      sampleRate: over ? Math.round((this.count * 1000) / took) : sampleRate,
    });
    if (over) [this.since, this.count] = [now, 0];
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.over(), OverMs);
  }

  /** All is shown again. */
  over() {
    clearTimeout(this.timer);
    this.since = this.count = 0;
    this.store.set({ sampleRate: 0 });
  }

  /**
   * What was not shown lies before what the list still has.
   * @param {number} first the first Seq of the list, 0 if it is empty
   */
  forget(first) {
    if (first === 0 || first > this.to) this.store.set({ sampleMissing: 0 });
  }
}

/**
 * @param {import('../store.js').Store} store
 * @param {() => void} showAll
 * @param {() => void} showStats what it is that comes, by shape: a click there filters
 */
export function sampleNote(store, showAll, showStats) {
  const words = h('span');
  const button = h('button', { type: 'button', class: 'link', click: showAll }, t('sample.all'));
  const what = h('button', { type: 'button', class: 'link', click: showStats }, t('sample.what'));
  replace(byId('sample'), words, ' ', button, ' ', what);
  store.watch(['sampleRate', 'sampleMissing'], ({ sampleRate, sampleMissing }) => {
    byId('sample').hidden = sampleRate === 0 && sampleMissing === 0;
    button.hidden = sampleMissing === 0;
    what.hidden = sampleRate === 0;
    words.textContent = sampleRate > 0 ? t('sample.fast', { rate: sampleRate }) : t('sample.past', { n: sampleMissing });
  });
}
