// The facets of the rail: the most frequent values among all matches. They are
// asked for when the list has its answer; what arrives live is counted here.

import { request } from '../api.js';
import { byId, h, icon, replace } from '../dom.js';
import { textNodes } from '../list/row.js';
import { oneLine } from '../list/text.js';
import { openMenu } from '../frame/menu.js';
import { copy } from '../frame/toast.js';
import { scopeParams } from '../search/scope.js';
import { locale, t } from '../strings.js';
import { choiceOf, exclude, toggle, withField, withoutField } from './terms.js';

/** @typedef {{name: string, prefix: string, of: (entry: Entry) => string | undefined}} Field */
/** @typedef {{value: string, count: number}} Value */
/** @typedef {{values: Value[], others: number}} Counts */

/** @type {Field[]} */
const fields = [
  { name: 'severity', prefix: 'severity:', of: (entry) => entry.severity },
  { name: 'host', prefix: 'host:=', of: (entry) => entry.hostname },
  { name: 'app_name', prefix: 'tag:=', of: (entry) => entry.app_name },
];

const Few = 8;
const Many = 100;
/** After the list has its answer, in ms: the histogram goes first. */
const AfterMs = 120;
/** Between two drawings of what arrives, in ms. */
const GrowMs = 1000;
/** Between two questions that no search asks for: this long, or many times what one costs. */
const RefreshMs = 15_000;
const RefreshCosts = 50;
const FoldedKey = 'folded';

const numbers = new Intl.NumberFormat(locale, { notation: 'compact', maximumFractionDigits: 1 });

export class Facets {
  /**
   * @param {import('../store.js').Store} store
   * @param {import('../tail/feed.js').Feed} feed
   */
  constructor(store, feed) {
    this.store = store;
    this.root = byId('facets');
    /** @type {Map<string, Counts>} */
    this.counts = new Map();
    this.folded = new Set((localStorage.getItem(FoldedKey) ?? '').split(','));
    /** The fields of which more was asked for. @type {Set<string>} */
    this.whole = new Set();
    this.stale = true;
    this.abort = new AbortController();
    this.timer = 0;
    this.growing = 0;
    this.refresh = 0;
    /** What the last question took, in ms. */
    this.cost = 0;
    feed.fresh.push((items) => this.arrived(items));
    store.watch(['loading'], ({ loading }) => {
      if (loading) this.leave();
      else if (this.stale) this.soon();
    });
    store.watch(['q'], () => {
      if (this.counts.size > 0) this.draw();
    });
    new ResizeObserver(() => {
      if (this.stale && !store.state.loading) this.soon();
    }).observe(byId('rail'));
  }

  /** The list has begun another search. */
  leave() {
    this.stale = true;
    this.abort.abort();
    clearTimeout(this.timer);
    clearTimeout(this.refresh);
    this.timer = this.refresh = 0;
    this.root.classList.add('old');
  }

  soon() {
    if (byId('rail').clientWidth === 0) return; // a phone asks when the rail is opened
    this.timer ||= setTimeout(() => {
      this.timer = 0;
      void this.load();
    }, AfterMs);
  }

  async load() {
    this.stale = false;
    this.abort.abort();
    this.abort = new AbortController();
    const { signal } = this.abort;
    try {
      const answers = await Promise.all(this.questions().map((question) => this.ask(question, signal)));
      if (signal.aborted) return;
      for (const { answer, names } of answers) {
        for (const name of names) {
          const values = (answer.fields[name] ?? []).filter(({ value }) => value !== '');
          this.counts.set(name, { values, others: answer.others[name] ?? 0 });
        }
      }
      this.root.classList.remove('old');
      this.draw();
    } catch {
      // The list itself reports trouble.
    }
  }

  /**
   * A field that the search chooses from is counted without that choice: what
   * else there is to choose stays in sight.
   */
  questions() {
    const { q } = this.store.state;
    /** @type {Map<string, {q: string, names: string[], limit: number}>} */
    const questions = new Map();
    for (const { name, prefix } of fields) {
      if (this.folded.has(name)) continue;
      const rest = withoutField(q, prefix);
      const limit = this.whole.has(name) ? Many : Few + 1;
      const key = `${limit} ${rest}`;
      const question = questions.get(key) ?? { q: rest, names: [], limit };
      question.names.push(name);
      questions.set(key, question);
    }
    return [...questions.values()];
  }

  /**
   * @param {{q: string, names: string[], limit: number}} question
   * @param {AbortSignal} signal
   */
  async ask({ q, names, limit }, signal) {
    const params = { ...scopeParams({ ...this.store.state, q }), fields: names.join(), limit: String(limit) };
    const started = performance.now();
    /** @type {FacetsAnswer} */
    const answer = await request('facets', { params, signal });
    this.cost = performance.now() - started;
    return { answer, names };
  }

  /** @param {Item[]} items that have just arrived */
  arrived(items) {
    if (this.stale || this.store.state.range !== '') return;
    for (const item of items) {
      if ('gap' in item) continue;
      for (const { name, of } of fields) {
        const counts = this.counts.get(name);
        const value = of(item);
        if (!counts || !value) continue;
        const known = counts.values.find((one) => one.value === value);
        if (known) known.count++;
        else if (counts.others > 0 || counts.values.length > Few) counts.others++;
        else counts.values.push({ value, count: 1 });
      }
    }
    this.growing ||= setTimeout(() => {
      this.growing = 0;
      this.draw();
    }, GrowMs);
    // Of a field that is chosen from we see only a part arrive.
    const chosen = fields.some(({ prefix }) => withoutField(this.store.state.q, prefix) !== this.store.state.q);
    if (!chosen && !items.some((item) => 'gap' in item)) return;
    this.refresh ||= setTimeout(() => {
      this.refresh = 0;
      if (!this.stale && !document.hidden) void this.load();
    }, Math.max(RefreshMs, RefreshCosts * this.cost));
  }

  draw() {
    // A button that is drawn anew under a finger loses its click.
    if (this.root.querySelector(':active')) {
      this.growing ||= setTimeout(() => {
        this.growing = 0;
        this.draw();
      }, GrowMs);
      return;
    }
    const focused = document.activeElement instanceof HTMLElement && this.root.contains(document.activeElement)
      ? document.activeElement.dataset.focus : undefined;
    replace(this.root, ...fields.map((field) => this.section(field)));
    if (focused) [...this.root.querySelectorAll('button')].find((button) => button.dataset.focus === focused)?.focus();
  }

  /** @param {Field} field */
  section(field) {
    const { name, prefix } = field;
    const counts = this.counts.get(name);
    const open = !this.folded.has(name);
    const choice = choiceOf(this.store.state.q, prefix);
    const values = counts ? this.shown(name, counts, [...choice.only, ...choice.not]) : [];
    if (open && values.length === 0 && (counts || this.counts.size === 0)) return null;
    return h('section', { class: 'facet', 'data-facet': name },
      h('h2', {}, h('button', {
        type: 'button', class: 'plain facet-fold', 'data-focus': name, 'aria-expanded': String(open), click: () => this.fold(name),
      }, icon('down'), t(`facet.${name}`))),
      open && h('div', {}, ...values.map((value) => this.row(field, value, choice))),
      open && counts && !this.whole.has(name) && (counts.values.length > Few) && h('button', {
        type: 'button', class: 'plain facet-more', 'data-focus': `${name} more`, click: () => this.more(name),
      }, t('facet.more')));
  }

  /**
   * The values to show; what is chosen is among them also where nothing has it.
   * @param {string} name
   * @param {Counts} counts
   * @param {string[]} chosen
   */
  shown(name, { values }, chosen) {
    const shown = this.whole.has(name) ? [...values] : values.slice(0, Few);
    for (const value of chosen) {
      if (!shown.some((one) => one.value === value)) shown.push(values.find((one) => one.value === value) ?? { value, count: 0 });
    }
    return shown;
  }

  /**
   * @param {Field} field
   * @param {Value} value
   * @param {import('./terms.js').Choice} choice
   */
  row({ name, prefix }, { value, count }, choice) {
    const only = choice.only.includes(value);
    const not = choice.not.includes(value);
    const set = (/** @type {string} */ q) => this.store.set({ q });
    const q = () => this.store.state.q;
    const key = `${name} ${value}`;
    const menu = (/** @type {HTMLElement} */ at) => openMenu(at, [
      { label: t(only ? 'facet.remove' : 'menu.add'), run: () => set(toggle(not ? exclude(q(), prefix, value) : q(), prefix, value)) },
      { label: t(not ? 'facet.remove' : 'menu.exclude'), run: () => set(exclude(q(), prefix, value)) },
      { label: t('facet.only'), run: () => set(withField(q(), prefix, { only: [value], not: [] })) },
      { label: t('facet.allBut'), run: () => set(withField(q(), prefix, { only: [], not: [value] })) },
      { label: t('menu.copy'), run: () => void copy(value) },
    ]);
    return h('div', {
      class: `facet-row${only ? ' chosen' : ''}${not ? ' excluded' : ''}`,
      /** @param {MouseEvent & {currentTarget: HTMLElement}} event */
      contextmenu: (event) => {
        event.preventDefault();
        menu(/** @type {HTMLElement} */ (event.currentTarget.lastElementChild));
      },
    },
    h('button', {
      type: 'button', class: 'plain facet-value', 'data-focus': key, 'aria-pressed': String(only), title: t('facet.title', { value }),
      'aria-label': `${not ? `${t('term.not')} ` : ''}${value}, ${t('histogram.entries', { n: count })}`,
      /** @param {MouseEvent} event */
      click: (event) => set((event.altKey ? exclude : toggle)(q(), prefix, value)),
    }, h('span', { class: `facet-name${name === 'severity' ? ` sev-${value}` : ''}` }, ...textNodes(oneLine(value, 80), false)), h('span', { class: 'facet-count' }, numbers.format(count))),
    h('button', {
      type: 'button', class: 'plain facet-menu', 'data-focus': `${key}…`, 'aria-haspopup': 'menu', 'aria-label': t('menu.open', { value }),
      /** @param {MouseEvent & {currentTarget: HTMLElement}} event */
      click: (event) => menu(event.currentTarget),
    }, '⋯'));
  }

  /** @param {string} name */
  fold(name) {
    if (!this.folded.delete(name)) this.folded.add(name);
    localStorage.setItem(FoldedKey, [...this.folded].filter((one) => one !== '').join());
    this.draw();
    if (!this.folded.has(name)) void this.load();
  }

  /** @param {string} name */
  more(name) {
    this.whole.add(name);
    void this.load();
  }
}
