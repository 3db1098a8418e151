// What can be done with a value, wherever it is shown: one menu for the rows
// and the details.

import { h } from '../dom.js';
import { openMenu } from '../frame/menu.js';
import { copy } from '../frame/toast.js';
import { textNodes } from '../list/row.js';
import { addTerm, fieldTerm } from '../search/query.js';
import { t } from '../strings.js';

/** Half of the window around an entry's time, in ms. */
const AroundMs = 30_000;

/**
 * @param {string} key of the entry or of its content
 * @param {string} value
 * @param {import('../store.js').Store} store
 * @param {string} [term] what finds the value, '' if nothing does
 * @returns {import('../frame/menu.js').Choice[]}
 */
export function valueChoices(key, value, store, term = fieldTerm(key, value)) {
  const last = [{ label: t('menu.copy'), run: () => void copy(value) }];
  if (key === 'message' && /^https?:\/\//i.test(value)) {
    last.unshift({ label: t('menu.visit'), run: () => void open(value, '_blank', 'noopener,noreferrer') });
  }
  if (key === 'received') return [...timeChoices(value, store), ...last];
  if (term === '') return last;
  return [
    { label: t('menu.add'), run: () => store.set({ q: addTerm(store.state.q, term) }) },
    { label: t('menu.exclude'), run: () => store.set({ q: addTerm(store.state.q, '-' + term) }) },
    { label: t('menu.only'), run: () => store.set({ q: term, instances: [] }) },
    { label: t('menu.allBut'), run: () => store.set({ q: '-' + term, instances: [] }) },
    ...last,
  ];
}

/**
 * @param {string} value
 * @param {import('../store.js').Store} store
 */
function timeChoices(value, store) {
  const at = Date.parse(value);
  if (Number.isNaN(at)) return [];
  /** @param {number} ms */
  const iso = (ms) => new Date(ms).toISOString();
  return [
    { label: t('menu.around'), run: () => store.set({ range: 'custom', from: iso(at - AroundMs), to: iso(at + AroundMs) }) },
    { label: t('menu.since'), run: () => store.set({ range: 'custom', from: iso(at), to: '' }) },
    { label: t('menu.until'), run: () => store.set({ range: 'custom', from: '', to: iso(at + 1) }) },
  ];
}

/**
 * A value and the menu of what can be done with it.
 * @param {string} key
 * @param {string} value
 * @param {string} shown
 * @param {import('../store.js').Store} store
 * @param {string} [term] as of valueChoices
 */
export function valueButton(key, value, shown, store, term) {
  return h('button', {
    type: 'button', class: 'value', 'aria-haspopup': 'menu', 'data-field': key,
    'aria-label': t('menu.open', { value: shown }),
    /** @param {MouseEvent & {currentTarget: HTMLElement}} event */
    click: (event) => openMenu(event.currentTarget, valueChoices(key, value, store, term)),
  }, ...textNodes(shown, false));
}
