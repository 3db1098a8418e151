// JSON and key=value as something that folds, each value with its menu.

import { h } from '../dom.js';
import { quotePhrase } from '../search/query.js';
import { t } from '../strings.js';
import { valueButton } from './value.js';
import { jsonOf, pairsOf } from './structure.js';

/** More nobody reads; the message above has all. */
const MostNodes = 500;
const MostDepth = 20;

/**
 * @param {string} message
 * @param {import('../store.js').Store} store
 * @returns {HTMLElement | null} nothing if the message has no such form
 */
export function structureView(message, store) {
  const value = jsonOf(message);
  if (value) return h('section', { class: 'tree' }, branch(value, store, 0, { left: MostNodes }));
  const pairs = pairsOf(message);
  if (pairs.length === 0) return null;
  return h('section', { class: 'tree' }, h('dl', { class: 'branch' }, ...pairs.flatMap(({ key, value: said, raw }) => [
    h('dt', {}, key), h('dd', {}, valueButton('message', said, said, store, quotePhrase(raw))),
  ])));
}

/**
 * @param {object} value
 * @param {import('../store.js').Store} store
 * @param {number} depth
 * @param {{left: number}} room
 * @returns {HTMLElement}
 */
function branch(value, store, depth, room) {
  const list = h('dl', { class: 'branch' });
  for (const [key, kid] of Object.entries(value)) {
    if (room.left-- <= 0 || depth > MostDepth) {
      list.append(h('dt', {}, '…'), h('dd', { class: 'quiet' }, t('tree.more')));
      break;
    }
    if (kid !== null && typeof kid === 'object') {
      const size = Object.keys(kid).length;
      list.append(h('dd', { class: 'wide' }, h('details', { open: depth < 2 },
        h('summary', {}, key, ' ', h('span', { class: 'quiet small' }, Array.isArray(kid) ? `[${size}]` : `{${size}}`)),
        branch(kid, store, depth + 1, room))));
    } else {
      const said = String(kid);
      // As the message writes it.
      const raw = typeof kid === 'string' ? JSON.stringify(kid).slice(1, -1) : said;
      list.append(h('dt', {}, key), h('dd', {}, valueButton('message', said, said, store, raw === '' ? '' : quotePhrase(raw))));
    }
  }
  return list;
}
