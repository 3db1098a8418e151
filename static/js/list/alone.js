// Which part of a search that found nothing has hits alone.

import { request } from '../api.js';
import { h, replace } from '../dom.js';
import { partsAlone } from '../search/parts.js';
import { scopeParams } from '../search/scope.js';
import { t } from '../strings.js';

/**
 * Fills a place with the parts and their numbers of hits as these come in; a
 * click searches for the part.
 * @param {import('../store.js').Store} store
 * @param {HTMLElement} place
 */
export async function showAlone(store, place) {
  const { state } = store;
  const parts = partsAlone(state.q, state.terms);
  if (parts.length === 0) return;
  const rows = parts.map((part) => ({ ...part, row: h('li', {}, h('code', {}, part.text), h('span', { class: 'quiet' }, '…')) }));
  replace(place, h('h3', {}, t('empty.alone')), h('ul', {}, ...rows.map(({ row }) => row)));
  await Promise.all(rows.map(async ({ text, q, row }) => {
    try {
      const { count } = await request('count', { params: scopeParams({ ...state, q }) });
      const words = t('list.matched', { n: count });
      replace(row, h('code', {}, text), count === 0
        ? h('span', { class: 'quiet' }, words)
        : h('button', { type: 'button', class: 'link', click: () => store.set({ q }) }, words));
    } catch {
      row.remove(); // it is a hint only
    }
  }));
}
