// One row of the list.

import { h } from '../dom.js';
import { isError } from '../severity.js';
import { t } from '../strings.js';
import { oneLine, pieces, withoutPrologue } from './text.js';
import { rowTime } from '../time.js';

/** More than any screen shows on one line, in UTF-16 units. */
const MaxRowText = 600;

/** @typedef {{zone: import('../zone.js').Zone, wrap: boolean, now: Date}} RowStyle */

/**
 * @param {Item} item
 * @param {RowStyle} style
 * @returns {HTMLElement}
 */
export function createRow(item, style) {
  return 'gap' in item ? gapRow(item) : entryRow(item, style);
}

/**
 * @param {Item} item
 * @returns {string} what tells it from every other row
 */
export function rowKey(item) {
  return 'gap' in item ? `gap${item.from_seq}${item.loading ? '+' : ''}` : `e${item.seq}`;
}

/**
 * @param {Entry} entry
 * @param {RowStyle} style
 */
function entryRow(entry, style) {
  const lost = entry.flags?.includes('lost') ? ' lost' : '';
  const name = `row sev-${entry.severity}${isError(entry.severity) ? ' bad' : ''}${lost}`;
  const row = h('div', { class: name, role: 'row', id: `row${entry.seq}`, 'data-seq': entry.seq },
    h('span', { class: 'c-time', role: 'gridcell', title: entry.received },
      rowTime(entry.received, style.zone, style.now)),
    h('span', { class: 'c-sev', role: 'gridcell' }, entry.severity),
    h('span', { class: 'c-inst', role: 'gridcell', title: entry.instance }, ...instanceName(entry)),
    h('span', { class: 'c-msg', role: 'gridcell' }, ...messageNodes(entry, style.wrap)));
  return row;
}

/** @param {Entry} entry */
function instanceName(entry) {
  if (!entry.service) return [h('span', { class: 'quiet' }, entry.instance)];
  return [entry.service, h('span', { class: 'quiet' }, '/' + (entry.owner ?? ''))];
}

/**
 * @param {Entry} entry
 * @param {boolean} wrap
 */
function messageNodes(entry, wrap) {
  const nodes = [];
  // The program says nothing new when the instance is named after it.
  const program = entry.app_name ?? '';
  if (program !== '' && !(entry.service && program.startsWith(entry.service))) {
    nodes.push(h('span', { class: 'c-app' }, ...textNodes(oneLine(program, 24), false)), ' ');
  }
  const message = withoutPrologue(entry.message);
  const text = wrap ? message.slice(0, 2 * MaxRowText) : oneLine(message, MaxRowText);
  return [...nodes, ...textNodes(text, false)];
}

/**
 * A message as nodes: text, and spans for what is coloured or not printable.
 * @param {string} text
 * @param {boolean} links whether addresses become links
 * @returns {(Node | string)[]}
 */
export function textNodes(text, links) {
  return pieces(text).map((piece) => {
    if (links && piece.href) {
      const className = piece.className ? { class: piece.className } : {};
      return h('a', { href: piece.href, target: '_blank', rel: 'noopener noreferrer', ...className }, piece.text);
    }
    return piece.className ? h('span', { class: piece.className }, piece.text) : piece.text;
  });
}

/** @param {Gap} gap */
function gapRow(gap) {
  const words = gap.loading ? t('list.gapLoading') : t('list.gap', { n: gap.count });
  return h('div', { class: 'row gap', role: 'row', 'data-gap': gap.from_seq },
    h('span', { role: 'gridcell', class: 'c-gap' },
      h('button', { type: 'button', class: 'link', disabled: gap.loading === true }, words)));
}
