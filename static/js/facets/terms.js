// The values of a field that a search text asks for and leaves out.

import { quote } from '../search/query.js';
import { hasOr, splitTerms } from '../search/split.js';

/**
 * What a text says of a field whose terms begin with a prefix: "severity:" or "host:=".
 * @typedef {{only: string[], not: string[]}} Choice
 */

/**
 * @param {string} q
 * @param {string} prefix
 * @returns {Choice}
 */
export function choiceOf(q, prefix) {
  /** @type {Choice} */
  const choice = { only: [], not: [] };
  if (hasOr(q)) return choice;
  for (const term of splitTerms(q)) {
    if (term.startsWith(prefix)) choice.only.push(...values(term.slice(prefix.length)));
    else if (term.startsWith('-' + prefix)) choice.not.push(...values(term.slice(prefix.length + 1)));
  }
  return choice;
}

/** @param {string} list "a,b,\"c d\"" */
function values(list) {
  const found = [];
  for (const [, quoted, plain] of list.matchAll(/"((?:[^"\\]|\\.)*)"|([^,"]+)/g)) found.push(plain ?? quoted.replace(/\\(["\\])/g, '$1'));
  return found;
}

/**
 * The text without what it says of the field.
 * @param {string} q
 * @param {string} prefix
 */
export function withoutField(q, prefix) {
  if (hasOr(q)) return q;
  const terms = splitTerms(q);
  const kept = terms.filter((term) => !term.startsWith(prefix) && !term.startsWith('-' + prefix));
  return kept.length === terms.length ? q : kept.join(' ');
}

/**
 * The text with this said of the field, and nothing else of it.
 * @param {string} q
 * @param {string} prefix
 * @param {Choice} choice
 */
export function withField(q, prefix, { only, not }) {
  let rest = withoutField(q, prefix).trim();
  // AND binds closer than OR.
  if (hasOr(rest)) rest = `(${rest})`;
  const term = (/** @type {string} */ sign, /** @type {string[]} */ list) => (list.length > 0 ? ` ${sign}${prefix}${list.map(quote).join(',')}` : '');
  return (rest + term('', only) + term('-', not)).trim();
}

/**
 * Adds the value to what is asked for, or takes it away; what was left out comes back.
 * @param {string} q
 * @param {string} prefix
 * @param {string} value
 */
export function toggle(q, prefix, value) {
  const { only, not } = choiceOf(q, prefix);
  if (not.includes(value)) return withField(q, prefix, { only, not: without(not, value) });
  return withField(q, prefix, { only: only.includes(value) ? without(only, value) : [...only, value], not });
}

/**
 * Leaves the value out, or no more.
 * @param {string} q
 * @param {string} prefix
 * @param {string} value
 */
export function exclude(q, prefix, value) {
  const { only, not } = choiceOf(q, prefix);
  return withField(q, prefix, { only: without(only, value), not: not.includes(value) ? without(not, value) : [...not, value] });
}

/**
 * @param {string[]} list
 * @param {string} value
 */
function without(list, value) {
  return list.filter((other) => other !== value);
}
