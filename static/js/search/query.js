// The search text: how the page adds to it. What it means, the server says.

import { closed, hasOr, splitTerms } from './split.js';

/**
 * The text that finds what q finds in any of the instances.
 * @param {string} q
 * @param {string[]} instances
 */
export function scopedQuery(q, instances) {
  const scope = instanceTerm(instances);
  q = q.trim();
  if (scope === '' || q === '') return scope + q;
  // AND binds closer than OR, so only a query with an OR needs its parentheses.
  return /(^|[\s)])OR([\s(]|$)/.test(q) ? `${scope} (${q})` : `${scope} ${q}`;
}

/**
 * The terms of q itself, with offsets into it, from those of scopedQuery.
 * @param {Term[]} terms
 * @param {string[]} instances
 * @param {string} q
 */
export function ownTerms(terms, instances, q) {
  const asked = scopedQuery(q, instances);
  const from = instances.length > 0 && q.trim() !== '' ? asked.indexOf(q.trim(), instanceTerm(instances).length) : 0;
  const to = from + q.trim().length;
  if (instanceTerm(instances) === asked) return [];
  return terms.map((term) => ({ ...term, from: lettersIn(asked, term.from), to: Math.min(lettersIn(asked, term.to), to) }))
    .filter((term) => term.from >= from && term.from < to || term.from === to && term.kind === 'group' && from === 0)
    .map((term) => ({ ...term, from: term.from - from, to: term.to - from }));
}

/**
 * How many UTF-16 units of the text its first bytes in UTF-8 are. An unpaired
 * surrogate takes the three bytes of the replacement character.
 * @param {string} text
 * @param {number} bytes
 */
export function lettersIn(text, bytes) {
  let at = 0;
  for (const letter of text) {
    if (bytes <= 0) break;
    const code = letter.codePointAt(0) ?? 0;
    bytes -= code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    at += letter.length;
  }
  return at;
}

/** @param {string[]} instances */
function instanceTerm(instances) {
  return instances.length === 0 ? '' : 'instance:' + instances.map(quote).join(',');
}

/**
 * A value as it can stand behind a field's colon.
 * @param {string} value
 */
export function quote(value) {
  // Two dots are a range.
  if (/^[\p{L}\p{N}_@][\p{L}\p{N}_@./:-]*$/u.test(value) && !value.includes('..')) return value;
  return '"' + value.replace(/["\\]/g, '\\$&') + '"';
}

/** The keys of an entry, and of what its message says, that can be searched, and under which name. */
const fieldNames = /** @type {Record<string, string>} */ ({
  instance: 'instance', owner: 'owner', severity: 'severity', facility: 'facility',
  hostname: 'host', app_name: 'tag', proc_id: 'pid',
  kind: 'kind', file: 'file', client: 'client', method: 'method', path: 'path', status: 'status', bytes: 'bytes', took: 'took',
  upstream: 'upstream', server: 'server', http_host: 'http_host', referer: 'referer', ua: 'ua', req: 'req', conn: 'conn',
});

/**
 * The term that finds this value of an entry's key, or '' if none does.
 * @param {string} key
 * @param {string} value
 */
export function fieldTerm(key, value) {
  if (key === 'service') return 'instance:' + quote(value) + '/*';
  if (key === 'message') return quotePhrase(value);
  const name = fieldNames[key];
  if (!name) return '';
  // These match a part of a name: who clicks on web does not mean web2.
  return `${name}:${name === 'host' || name === 'tag' ? '=' : ''}${quote(value)}`;
}

/**
 * Always quoted, so that nothing in it is read as a field or an operator.
 * @param {string} text
 */
export function quotePhrase(text) {
  return '"' + text.replace(/["\\]/g, '\\$&') + '"';
}

/**
 * The text that finds only what the term finds, too. Its opposite goes.
 * @param {string} q
 * @param {string} term
 */
export function addTerm(q, term) {
  const whole = closed(q);
  // AND binds closer than OR.
  if (hasOr(whole)) return `(${whole}) ${term}`;
  const without = removeTerm(whole, term.startsWith('-') ? term.slice(1) : '-' + term);
  if (splitTerms(without).includes(term)) return without;
  return (without + ' ' + term).trim();
}

/**
 * The text without a term that stands in it as a whole, outside quotes and
 * parentheses.
 * @param {string} q
 * @param {string} term
 */
export function removeTerm(q, term) {
  const terms = splitTerms(q);
  const kept = terms.filter((one) => one !== term);
  return kept.length === terms.length ? q : kept.join(' ');
}
