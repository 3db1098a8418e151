// A difference as diff -u writes it, coloured by line.

import { h } from '../dom.js';
import { textNodes } from '../list/row.js';
import { t } from '../strings.js';

/** More lines than this are read elsewhere. */
const MaxLines = 3000;

/**
 * What a line of a difference is: a file's name, a place, or text that comes,
 * goes or stays.
 * @param {string} line
 */
export function kindOf(line) {
  if (/^(diff |--- |\+\+\+ )/.test(line)) return 'file';
  if (line.startsWith('@@')) return 'place';
  if (line.startsWith('+')) return 'in';
  if (line.startsWith('-')) return 'out';
  return '';
}

/**
 * The lines without those that say twice which file it is.
 * @param {string} text
 */
export function linesOf(text) {
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  return lines.filter((line) => !line.startsWith('diff '));
}

/** @param {string} text */
export function diffView(text) {
  const lines = linesOf(text);
  const more = lines.length - MaxLines;
  return h('pre', { class: 'diff', tabindex: '0', 'aria-label': t('diff.label') },
    ...lines.slice(0, MaxLines).map((line) => h('span', { class: `line ${kindOf(line)}` }, ...textNodes(`${line}\n`, false))),
    more > 0 && h('span', { class: 'quiet' }, t('diff.more', { n: more })));
}
