// The search box, and the chips that show how its text was read.

import { byId, h, replace } from '../dom.js';
import { removeTerm } from './query.js';
import { t } from '../strings.js';

/** @param {import('../store.js').Store} store */
export function search(store) {
  const box = /** @type {HTMLInputElement} */ (byId('q'));
  const clear = byId('q-clear');

  byId('search').addEventListener('submit', (event) => {
    event.preventDefault();
    store.set({ q: box.value.trim() });
    byId('scroller').focus();
  });
  clear.addEventListener('click', () => {
    box.value = '';
    store.set({ q: '' });
    box.focus();
  });
  box.addEventListener('input', showClear);
  box.addEventListener('keydown', (event) => {
    if (event.key !== 'Escape') return;
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
    const chips = q === '' ? [] : terms.filter((term) => term.kind !== 'group').map((term) => chip(store, term));
    replace(byId('chips'), ...chips);
  });
}

/**
 * @param {import('../store.js').Store} store
 * @param {Term} term
 */
function chip(store, term) {
  if (term.kind === 'operator') return h('span', { class: 'operator' }, term.text);
  const text = term.not ? term.text.replace(/^(-|!|NOT\s+)/, '') : term.text;
  return h('span', { class: `chip ${term.kind}`, title: term.hint ?? '' },
    term.not && h('b', {}, t('term.not')),
    h('span', { class: 'chip-text' }, text),
    term.hint && h('i', {}, term.hint),
    h('button', {
      type: 'button', class: 'plain', 'aria-label': `${t('search.clear')}: ${term.text}`,
      click: () => store.set({ q: removeTerm(store.state.q, term.text) }),
    }, '×'));
}
