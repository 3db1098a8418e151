// The neighbours of an entry: what its instance logged around it, whatever is
// searched.

import { Problem, goToLogin, request } from '../api.js';
import { h, replace } from '../dom.js';
import { textNodes } from '../list/row.js';
import { oneLine } from '../list/text.js';
import { t } from '../strings.js';
import { rowTime } from '../time.js';
import { zoneOf } from '../zone.js';

/** How many are shown at first on each side, and how many a click adds. */
const First = '10';
const More = '50';

/** The beginning of a message is enough to recognise it. */
const MostLetters = 400;

export class ContextView {
  /** @param {import('../store.js').Store} store */
  constructor(store) {
    this.store = store;
    this.element = h('div', { class: 'context' });
    this.seq = 0;
    /** @type {Entry[]} */
    this.entries = [];
    this.moreBefore = false;
    this.moreAfter = false;
    this.abort = new AbortController();
  }

  /** One that is shown here; the list may not have it. @param {number} seq */
  entry(seq) {
    return this.entries.find((entry) => entry.seq === seq) ?? null;
  }

  /** @param {Entry | null} entry */
  show(entry) {
    if (!entry) {
      this.seq = 0;
      replace(this.element, h('p', { class: 'quiet pad' }, t('drawer.pick')));
      return this.element;
    }
    if (entry.seq === this.seq) {
      this.draw();
      return this.element;
    }
    this.seq = entry.seq;
    this.abort.abort();
    this.abort = new AbortController();
    if (this.entry(entry.seq)) {
      this.draw();
      this.element.querySelector('[aria-current]')?.scrollIntoView({ block: 'nearest' });
      return this.element;
    }
    replace(this.element, h('p', { class: 'quiet pad' }, t('context.loading')));
    void this.load(entry.seq, { before: First, after: First }, (answer) => {
      this.entries = answer.entries;
      this.moreBefore = answer.more_before;
      this.moreAfter = answer.more_after;
      this.draw();
      this.element.querySelector('[aria-current]')?.scrollIntoView({ block: 'center' });
    });
    return this.element;
  }

  /**
   * @param {number} seq
   * @param {{before: string, after: string}} params
   * @param {(answer: {entries: Entry[], more_before: boolean, more_after: boolean}) => void} take
   */
  async load(seq, params, take) {
    const { signal } = this.abort;
    try {
      const answer = await request('context', { params: { seq: String(seq), ...params }, signal });
      if (!signal.aborted) take(answer);
    } catch (err) {
      if (signal.aborted) return;
      if (err instanceof Problem && err.status === 401) goToLogin();
      replace(this.element, h('p', { class: 'warn' }, err instanceof Error && err.message !== '' ? err.message : t('context.failed')));
    }
  }

  older() {
    void this.load(this.entries[0].seq, { before: More, after: '0' }, (answer) => {
      const before = this.element.scrollHeight;
      this.entries = [...answer.entries.slice(0, -1), ...this.entries];
      this.moreBefore = answer.more_before;
      this.draw();
      // What is being read stays where it is.
      const scroller = this.element.parentElement;
      if (scroller) scroller.scrollTop += this.element.scrollHeight - before;
    });
  }

  newer() {
    void this.load(this.entries[this.entries.length - 1].seq, { before: '0', after: More }, (answer) => {
      this.entries = [...this.entries, ...answer.entries.slice(1)];
      this.moreAfter = answer.more_after;
      this.draw();
    });
  }

  draw() {
    if (this.entries.length === 0) return;
    const more = (/** @type {'older' | 'newer'} */ name) => h('button', {
      type: 'button', class: 'link context-more', 'data-more': name, click: () => this[name](),
    }, t(`context.${name}`));
    replace(this.element,
      h('p', { class: 'quiet small context-of' }, t('context.of', { instance: this.entries[0].instance })),
      this.moreBefore ? more('older') : h('p', { class: 'quiet small context-end' }, t('context.first')),
      h('ol', { class: 'context-list' }, ...this.entries.map((entry) => this.line(entry))),
      this.moreAfter ? more('newer') : h('p', { class: 'quiet small context-end' }, t('context.last')));
  }

  /** @param {Entry} entry */
  line(entry) {
    return h('li', {}, h('button', {
      type: 'button', class: `plain context-line sev-${entry.severity}`, 'data-seq': entry.seq,
      'aria-current': entry.seq === this.seq ? 'true' : null,
      click: () => this.store.set({ selected: entry.seq, drawer: 'details' }),
    },
    h('span', { class: 'context-meta' }, rowTime(entry.received, zoneOf(this.store.state), new Date()), ' ', h('b', {}, entry.severity)),
    h('span', { class: 'context-text' }, ...textNodes(oneLine(entry.message, MostLetters), false))));
  }
}
