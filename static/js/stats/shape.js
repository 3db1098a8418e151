// What messages have in common, as a text to read and as terms to search for.

import { quotePhrase } from '../search/query.js';

/** So many find them well enough. */
const MostTerms = 6;

/** @param {string[]} parts the texts between the values */
export function shapeText(parts) {
  return parts.join('…').replace(/…([.:,/-]…)+/g, '…').replace(/\s+/g, ' ').trim() || '…';
}

/** @param {string[]} parts */
export function shapeTerms(parts) {
  const words = parts.flatMap((part) => part.split('\n')).map((part) => part.trim()).filter((part) => /\p{L}{2}/u.test(part));
  return [...new Set(words)].sort((a, b) => b.length - a.length).slice(0, MostTerms).map(quotePhrase);
}
