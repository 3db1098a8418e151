// Marks in the messages, without touching the rows: ranges over their text
// nodes, in the browser's own highlight registry.

/** How many words somebody can have marked, each in a colour of its own. */
export const MostMarks = 6;

/**
 * The texts to mark: what was searched for as plain text, in lower case.
 * @param {Term[]} terms
 * @returns {string[]}
 */
export function markedTexts(terms) {
  return terms.filter((term) => !term.not && (term.kind === 'text' || term.kind === 'phrase'))
    .map((term) => term.text.replace(/^(["'])(.*?)\1?$/s, '$2').replace(/^\*+|\*+$/g, '').toLowerCase())
    .filter((text) => text !== '' && !/[*?]/.test(text));
}

/**
 * @param {Iterable<HTMLElement>} rows
 * @param {string[]} texts what the search found
 * @param {string[]} words what somebody wants marked besides
 */
export function highlight(rows, texts, words) {
  if (typeof Highlight === 'undefined') return;
  /** @type {Map<string, string[]>} */
  const wanted = new Map();
  if (texts.length > 0) wanted.set('hit', texts);
  words.slice(0, MostMarks).forEach((word, i) => wanted.set(`mark-${i}`, [word.toLowerCase()]));
  for (const name of ['hit', ...Array.from({ length: MostMarks }, (_, i) => `mark-${i}`)]) {
    if (!wanted.has(name)) CSS.highlights.delete(name);
  }
  if (wanted.size === 0) return;
  const messages = [...rows].map((row) => row.querySelector('.c-msg')).filter((message) => message !== null);
  for (const [name, found] of wanted) {
    const ranges = new Highlight();
    for (const message of messages) markIn(message, found, ranges);
    ranges.priority = name === 'hit' ? 0 : 1;
    CSS.highlights.set(name, ranges);
  }
}

/**
 * A hit may begin in one text node and end in another: values and colours are
 * elements of their own.
 * @param {Element} message
 * @param {string[]} texts
 * @param {Highlight} hits
 */
function markIn(message, texts, hits) {
  const original = message.textContent ?? '';
  const folded = original.toLowerCase();
  // Folding may change the length (İ); then offsets would be wrong.
  if (folded.length !== original.length) return;
  for (const text of texts) {
    let at = folded.indexOf(text);
    if (at < 0) continue;
    const nodes = textNodesOf(message);
    for (; at >= 0; at = folded.indexOf(text, at + text.length)) {
      const range = new Range();
      const from = nodes.findLast(({ start }) => start <= at);
      const to = nodes.findLast(({ start }) => start < at + text.length);
      if (!from || !to) continue;
      range.setStart(from.node, at - from.start);
      range.setEnd(to.node, at + text.length - to.start);
      hits.add(range);
    }
  }
}

/** @param {Element} element */
function textNodesOf(element) {
  const nodes = [];
  const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
  let start = 0;
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    nodes.push({ node, start });
    start += node.nodeValue?.length ?? 0;
  }
  return nodes;
}
