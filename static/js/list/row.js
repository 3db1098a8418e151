// One row of the list.

import { h } from '../dom.js';
import { deployParam, isDeploy } from '../histogram/deploys.js';
import { isError } from '../severity.js';
import { t } from '../strings.js';
import { lineCount } from './folds.js';
import { oneLine, pieces, withoutPrologue } from './text.js';
import { clockSkew, duration, rowTime } from '../time.js';
import { cutValues } from './values.js';

/** More than any screen shows on one line, in UTF-16 units. */
const MaxRowText = 600;
/** A claimed time that differs by more is shown, in ms. */
const MostSkew = 2000;
/** What a row shows of a message at most; the details have all of it. */
export const MaxUnfolded = 16_384;

/**
 * @typedef {object} RowStyle
 * @property {import('../zone.js').Zone} zone
 * @property {Wrap} wrap
 * @property {Column[]} columns
 * @property {boolean} unfolded whether it shows its whole message
 * @property {Date} now
 */

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
  const deploy = isDeploy(entry) ? ' deploy' : '';
  const name = `row sev-${entry.severity}${isError(entry.severity) ? ' bad' : ''}${lost}${deploy}${style.unfolded ? ' unfolded' : ''}`;
  const row = h('div', { class: name, role: 'row', id: `row${entry.seq}`, 'data-seq': entry.seq },
    ...style.columns.map((column) => cell(entry, column, style)));
  const claimed = clockBadge(entry, style);
  if (claimed) badges(row).append(claimed);
  const lines = lineCount(entry.message);
  if (lines > 1) {
    const label = t(style.unfolded ? 'row.fold' : 'row.unfold', { n: lines });
    badges(row).append(badge('lines', `⤢${lines}`, label, style.unfolded));
  }
  return row;
}

/**
 * @param {Entry} entry
 * @param {Column} column
 * @param {RowStyle} style
 */
function cell(entry, column, style) {
  switch (column) {
    case 'time':
      return h('span', { class: 'c-time', role: 'gridcell', title: entry.received },
        valueNode('received', entry.received, [rowTime(entry.received, style.zone, style.now)]));
    case 'severity':
      return h('span', { class: 'c-sev', role: 'gridcell' }, valueNode('severity', entry.severity, [entry.severity]));
    case 'instance':
      return h('span', { class: 'c-inst', role: 'gridcell', title: entry.instance },
        valueNode('instance', entry.instance, instanceName(entry)));
    case 'host':
      return textCell('hostname', entry.hostname ?? '');
    case 'app':
      return textCell('app_name', entry.app_name ?? '');
    case 'pid':
      return textCell('proc_id', entry.proc_id ?? '');
    case 'message':
      return h('span', { class: 'c-msg', role: 'gridcell' }, ...messageNodes(entry, style));
  }
}

/**
 * @param {string} key
 * @param {string} value
 */
function textCell(key, value) {
  return h('span', { class: `c-text`, role: 'gridcell', title: value },
    value !== '' && valueNode(key, value, textNodes(oneLine(value, 60), false)));
}

/**
 * A value that a click offers to search for.
 * @param {string} key of the entry
 * @param {string} value
 * @param {import('../dom.js').Child[]} shown
 */
function valueNode(key, value, shown) {
  return h('span', { class: 'v', 'data-key': key, 'data-value': value }, ...shown);
}

/** @param {Entry} entry */
function instanceName(entry) {
  if (!entry.service) return [h('span', { class: 'quiet' }, entry.instance)];
  return [entry.service, h('span', { class: 'quiet' }, '/' + (entry.owner ?? ''))];
}

/**
 * @param {Entry} entry
 * @param {RowStyle} style
 */
function messageNodes(entry, style) {
  if (isDeploy(entry)) return deployNodes(entry, style);
  const nodes = [];
  // The program says nothing new when the instance is named after it.
  const program = entry.app_name ?? '';
  if (program !== '' && !style.columns.includes('app') && !(entry.service && program.startsWith(entry.service))) {
    nodes.push(valueNode('app_name', program, [h('span', { class: 'c-app' }, ...textNodes(oneLine(program, 24), false))]), ' ');
  }
  if (entry.message === '') nodes.push(h('span', { class: 'quiet' }, t('row.empty')));
  return [...nodes, ...rowText(shownText(entry, style))];
}

/**
 * What the server says of a change, with the subject of the commit.
 * @param {Entry} entry
 * @param {RowStyle} style
 */
function deployNodes(entry, style) {
  const subject = deployParam(entry, 'subject');
  const told = h('span', { class: 'deploy-text' }, ...rowText(shownText(entry, style)));
  if (subject !== '') told.append(' “', ...textNodes(oneLine(subject, 120), false), '”');
  return [told];
}

/**
 * What of a message is in its row.
 * @param {Entry} entry
 * @param {RowStyle} style
 */
function shownText(entry, { wrap, unfolded }) {
  const message = withoutPrologue(entry.message);
  if (unfolded) return cutOff(message.trimEnd(), MaxUnfolded);
  const end = message.search(/\S[^\S\n]*\n/);
  // The badge says how many lines there are.
  const first = end >= 0 && /\S/.test(message.slice(end + 1)) ? message.slice(0, end + 1) : message;
  if (wrap === 'all') return cutOff(first.trimEnd(), MaxUnfolded);
  return oneLine(first, wrap === 'two' ? 2 * MaxRowText : MaxRowText);
}

/**
 * @param {string} text
 * @param {number} max
 */
function cutOff(text, max) {
  return text.length > max ? `${text.slice(0, max)} …` : text;
}

/**
 * The text of a row: as textNodes, and its values can be clicked.
 * @param {string} text
 * @returns {(Node | string)[]}
 */
function rowText(text) {
  return pieces(text).flatMap((piece) => {
    const style = piece.className ?? '';
    if (style === 'control') return [h('span', { class: style }, piece.text)];
    if (piece.href) return [h('span', { class: `v url ${style}`.trimEnd(), 'data-key': 'message', 'data-value': piece.href }, piece.text)];
    const parts = cutValues(piece.text).map((part, i) => (i % 2 === 0 ? part : valueNode('message', part, [part]))).filter((part) => part !== '');
    return style === '' ? parts : [h('span', { class: style }, ...parts)];
  });
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

/**
 * Says on a row how many neighbours it stands for.
 * @param {HTMLElement} row
 * @param {number} count
 * @param {boolean} open whether they are all shown
 */
export function showCount(row, count, open) {
  const words = `×${count}`;
  const label = t(open ? 'row.one' : 'row.each', { n: count });
  const there = row.querySelector('.b-count');
  if (there?.textContent === words && there.getAttribute('aria-expanded') === String(open)) return;
  there?.remove();
  if (count > 1) badges(row).append(badge('count', words, label, open));
}

/** The right end of a row. @param {HTMLElement} row */
function badges(row) {
  row.classList.add('badged');
  const there = row.querySelector('.c-badges');
  if (there) return there;
  const cell = h('span', { class: 'c-badges', role: 'gridcell' });
  row.append(cell);
  return cell;
}

/**
 * The keyboard has o and the arrows for it.
 * @param {'lines' | 'count'} kind
 * @param {string} text
 * @param {string} label
 * @param {boolean} open
 */
function badge(kind, text, label, open) {
  return h('button', {
    type: 'button', class: `b b-${kind}`, tabindex: '-1', 'aria-expanded': String(open), 'aria-label': label, title: label,
  }, text);
}

/**
 * How far the sender's clock is from ours, where that matters: the time that is
 * shown is ours.
 * @param {Entry} entry
 * @param {RowStyle} style
 */
function clockBadge(entry, { zone, now }) {
  const skew = clockSkew(entry);
  if (!entry.time || Math.abs(skew) <= MostSkew) return null;
  const label = t('row.claims', { time: rowTime(entry.time, zone, now) });
  return h('span', { class: 'clock', title: label, 'aria-label': label, role: 'img' }, `${skew < 0 ? '−' : '+'}${duration(Math.abs(skew))}`);
}

/** @param {Gap} gap */
function gapRow(gap) {
  const words = gap.loading ? t('list.gapLoading') : t(gap.upTo ? 'list.gapUpTo' : 'list.gap', { n: gap.count });
  return h('div', { class: 'row gap', role: 'row', 'data-gap': gap.from_seq },
    h('span', { role: 'gridcell', class: 'c-gap' },
      h('button', { type: 'button', class: 'link', disabled: gap.loading === true }, words)));
}
