// Marks what the search found, without touching the rows: ranges over their
// text nodes, in the browser's own highlight registry.

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
 * @param {string[]} texts
 */
export function highlight(rows, texts) {
  if (typeof Highlight === 'undefined') return;
  CSS.highlights.delete('hit');
  if (texts.length === 0) return;
  const hits = new Highlight();
  for (const row of rows) {
    const message = row.querySelector('.c-msg');
    if (message) markIn(message, texts, hits);
  }
  CSS.highlights.set('hit', hits);
}

/**
 * @param {Element} message
 * @param {string[]} texts
 * @param {Highlight} hits
 */
function markIn(message, texts, hits) {
  const walker = document.createTreeWalker(message, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const original = node.nodeValue ?? '';
    const folded = original.toLowerCase();
    // Folding may change the length (İ); then offsets would be wrong.
    if (folded.length !== original.length) continue;
    for (const text of texts) {
      for (let at = folded.indexOf(text); at >= 0; at = folded.indexOf(text, at + text.length)) {
        const range = new Range();
        range.setStart(node, at);
        range.setEnd(node, at + text.length);
        hits.add(range);
      }
    }
  }
}
