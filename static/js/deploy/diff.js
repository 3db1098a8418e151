// A difference as diff -u writes it, coloured by line.

import { h } from '../dom.js';
import { textNodes } from '../list/row.js';
import { t } from '../strings.js';

/** @typedef {{kind: 'file' | 'place' | 'in' | 'out' | '', line: string}} Line */

/** More lines than this are read elsewhere. */
const MaxLines = 3000;

/**
 * The lines and what each is: a file's name, a place, or text that comes, goes
 * or stays. The line that says twice which file it is is left out. Text can
 * look like a name: a Lua comment that goes is "--- so".
 * @param {string} text
 * @returns {Line[]}
 */
export function linesOf(text) {
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  let head = false;
  /** @type {Line[]} */
  const found = [];
  for (const line of lines) {
    const place = line.startsWith('@@');
    head = line.startsWith('diff ') || (head && !place);
    if (line.startsWith('diff ')) continue;
    found.push({ line, kind: head ? 'file' : place ? 'place' : line.startsWith('+') ? 'in' : line.startsWith('-') ? 'out' : '' });
  }
  return found;
}

/** @param {string} text */
export function diffView(text) {
  const lines = linesOf(text);
  const more = lines.length - MaxLines;
  return h('pre', { class: 'diff', tabindex: '0', 'aria-label': t('diff.label') },
    ...lines.slice(0, MaxLines).map(({ kind, line }) => h('span', { class: `line ${kind}` }, ...textNodes(`${line}\n`, false))),
    more > 0 && h('span', { class: 'quiet' }, t('diff.more', { n: more })));
}
