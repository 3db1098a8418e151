// The search box, and the chips that show how its text was read.

import { byId, h, replace } from '../dom.js';
import { rememberSearch } from './history.js';
import { removePart, replacePart, suggestion } from './parts.js';
import { t } from '../strings.js';

/** @param {import('../store.js').Store} store */
export function search(store) {
  const box = /** @type {HTMLInputElement} */ (byId('q'));
  const clear = byId('q-clear');

  /** They come when somebody is about to type. @type {import('./offers.js').Offers | null} */
  let offers = null;
  box.addEventListener('focus', () => {
    void import('./offers.js').then(({ Offers }) => {
      offers = new Offers(store, box, { submit, changed: showClear });
      if (document.activeElement === box) void offers.typed(box.value === store.state.q);
    });
  }, { once: true });

  function submit() {
    const q = box.value.trim();
    rememberSearch(q);
    store.set({ q });
    byId('scroller').focus();
  }

  byId('search').addEventListener('submit', (event) => {
    event.preventDefault();
    submit();
  });
  clear.addEventListener('click', () => {
    box.value = '';
    store.set({ q: '' });
    box.focus();
  });
  box.addEventListener('input', showClear);
  box.addEventListener('keydown', (event) => {
    if (offers?.key(event) || event.key !== 'Escape') return;
    event.stopPropagation();
    event.preventDefault();
    box.value = store.state.q;
    showClear();
    byId('scroller').focus();
  });
  function showClear() {
    clear.hidden = box.value === '';
  }

  store.watch(['q'], ({ q }) => {
    box.value = q;
    showClear();
  });
  store.watch(['terms', 'q'], ({ terms, q }) => {
    replace(byId('chips'), ...(q === '' ? [] : terms.map((term) => chip(store, term))));
  });
}

/**
 * @param {import('../store.js').Store} store
 * @param {Term} term
 */
function chip(store, term) {
  const joins = term.kind === 'operator' || term.kind === 'group';
  const not = term.not && term.text !== ')' && h('b', {}, t('term.not'));
  if (joins) return h('span', { class: `operator ${term.kind}` }, not, not && ' ', term.text);
  // The sign that a field has behind its colon, as LogAnalyzer writes it, stays.
  const instead = suggestion(term);
  return h('span', { class: `chip ${term.kind}`, title: term.hint ?? '' },
    not,
    h('span', { class: 'chip-text' }, term.text),
    instead !== '' && h('button', {
      type: 'button', class: 'link', click: () => store.set({ q: replacePart(store.state.q, term, instead) }),
    }, t('term.instead', { term: instead })),
    instead === '' && term.hint && h('i', {}, term.hint),
    h('button', {
      type: 'button', class: 'plain', 'aria-label': t('term.remove', { term: term.text }),
      click: () => store.set({ q: removePart(store.state.q, store.state.terms, term) }),
    }, '×'));
}
