// Links to an entry: #l=<seq> behind the address of a search.

import { writeAddress } from './address.js';

/**
 * The Seq that a fragment names, or 0.
 * @param {string} fragment such as "#l=4711"
 */
export function readLink(fragment) {
  const match = /^#l=([1-9]\d{0,15})$/.exec(fragment);
  return match ? Number(match[1]) : 0;
}

/**
 * The inverse of readLink.
 * @param {number} seq
 */
export function writeLink(seq) {
  return seq > 0 ? `#l=${seq}` : '';
}

/**
 * What leads to this entry from everywhere, as long as it is kept.
 * @param {State} state
 * @param {number} seq
 */
export function linkTo(state, seq) {
  // Minutes back from now would soon be minutes without the entry.
  const range = state.range === 'custom' ? {} : { range: '', from: '', to: '' };
  return location.origin + location.pathname + writeAddress({ ...state, ...range }) + writeLink(seq);
}
