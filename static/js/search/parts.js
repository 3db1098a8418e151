// Taking a part out of a search text, or putting another in its place, by
// where the server says that the part stands.

/** Longer searches are not taken apart. */
const MostParts = 6;

/**
 * The text without the part and without the operators and groups that would be
 * left with nothing to join.
 * @param {string} q
 * @param {Term[]} terms all of q
 * @param {Term} term one of them
 */
export function removePart(q, terms, term) {
  const text = q.trim();
  if (!stands(text, term)) return text;
  const left = terms.filter((other) => other !== term);
  const gone = [term];
  for (let i = needless(left); i >= 0; i = needless(left)) gone.push(...left.splice(i, left[i].kind === 'group' ? 2 : 1));
  return gone.sort((a, b) => b.from - a.from)
    .reduce((rest, part) => cut(rest, part, closes(left.find(({ from }) => from >= part.to))), text).trim();
}

/**
 * The text with another part where this one stands; what negates it stays.
 * @param {string} q
 * @param {Term} term
 * @param {string} part
 */
export function replacePart(q, term, part) {
  const text = q.trim();
  if (!stands(text, term)) return text;
  return text.slice(0, term.to - term.text.length) + part + text.slice(term.to);
}

/**
 * The part that the server suggests instead of this one, or ''.
 * @param {Term} term
 */
export function suggestion(term) {
  return /^did you mean (.+)\?$/.exec(term.hint ?? '')?.[1] ?? '';
}

/**
 * The parts that look for something, each with the times that the text names.
 * @param {string} q
 * @param {Term[]} terms all of q
 * @returns {{text: string, q: string}[]} none if there is only one
 */
export function partsAlone(q, terms) {
  const text = q.trim();
  const times = terms.filter((term) => term.kind === 'time').map(({ from, to }) => text.slice(from, to));
  /** @type {Map<string, {text: string, q: string}>} */
  const parts = new Map();
  for (const { kind, not, from, to } of terms) {
    if (not || kind === 'operator' || kind === 'group' || kind === 'time' || kind === 'option') continue;
    const part = text.slice(from, to);
    parts.set(part, { text: part, q: [part, ...times].join(' ') });
  }
  return parts.size < 2 || parts.size > MostParts ? [] : [...parts.values()];
}

/**
 * Whether the text is still the one that the term was read of.
 * @param {string} text
 * @param {Term} term
 */
function stands(text, term) {
  return text.slice(term.from, term.to).endsWith(term.text);
}

/**
 * The index of an operator without a part on one side, or of the beginning of
 * an empty group; -1 if there is none. Of two operators in a row AND goes: it
 * binds the part that is gone, OR what stands around it.
 * @param {Term[]} terms
 */
function needless(terms) {
  return terms.findIndex((term, i) => {
    const before = terms[i - 1];
    const after = terms[i + 1];
    if (term.kind === 'group') return opens(term) && closes(after);
    if (term.kind !== 'operator') return false;
    if (!before || !after || opens(before) || closes(after)) return true;
    return (before.kind === 'operator' && (term.text === 'AND' || before.text === 'OR'))
      || (after.kind === 'operator' && term.text === 'AND');
  });
}

/** @param {Term} term */
function opens(term) {
  return term.kind === 'group' && term.text === '(';
}

/** @param {Term | undefined} term */
function closes(term) {
  return term?.kind === 'group' && term.text === ')';
}

/**
 * @param {string} text
 * @param {Term} term
 * @param {boolean} last whether the end of its group follows
 */
function cut(text, { from, to }, last) {
  const before = text.slice(0, from);
  const after = text.slice(to);
  if (last) return before.trimEnd() + after.trimStart();
  if (before === '' || /[\s(]$/.test(before)) return before + after.trimStart();
  if (after === '' || /^[\s)]/.test(after)) return before + after;
  return `${before} ${after}`;
}
