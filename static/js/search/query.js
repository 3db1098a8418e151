// The search text: how the page adds to it. What it means, the server says.

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
  if (/^[\p{L}\p{N}_@][\p{L}\p{N}_@./:-]*$/u.test(value)) return value;
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
  return name ? `${name}:${quote(value)}` : '';
}

/**
 * Always quoted, so that nothing in it is read as a field or an operator.
 * @param {string} text
 */
export function quotePhrase(text) {
  return '"' + text.replace(/["\\]/g, '\\$&') + '"';
}

/**
 * @param {string} q
 * @param {string} term
 */
export function addTerm(q, term) {
  const without = removeTerm(q, term.startsWith('-') ? term.slice(1) : '-' + term);
  if (hasTerm(without, term)) return without;
  return (without + ' ' + term).trim();
}

/**
 * @param {string} q
 * @param {string} term
 */
export function removeTerm(q, term) {
  const at = indexOfTerm(q, term);
  if (at < 0) return q;
  return (q.slice(0, at) + q.slice(at + term.length)).replace(/\s+/g, ' ').trim();
}

/**
 * @param {string} q
 * @param {string} term
 */
function hasTerm(q, term) {
  return indexOfTerm(q, term) >= 0;
}

/**
 * @param {string} q
 * @param {string} term
 */
function indexOfTerm(q, term) {
  for (let at = q.indexOf(term); at >= 0; at = q.indexOf(term, at + 1)) {
    const before = at === 0 || q[at - 1] === ' ';
    const after = at + term.length === q.length || q[at + term.length] === ' ';
    if (before && after) return at;
  }
  return -1;
}
