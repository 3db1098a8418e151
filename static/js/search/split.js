// The parts of a search text, as far as the page has to know them to add to it.

/**
 * The terms of a text: what stands between spaces, quotes and parentheses held together.
 * @param {string} q
 */
export function splitTerms(q) {
  const terms = [];
  let start = -1;
  let depth = 0;
  for (let i = 0; i <= q.length; i++) {
    const c = q[i];
    if (c === undefined || (/\s/.test(c) && depth === 0)) {
      if (start >= 0) terms.push(q.slice(start, i));
      start = -1;
      continue;
    }
    if ((c === '"' || c === "'") && (start < 0 || /[\s(:=,!-]/.test(q[i - 1]))) {
      if (start < 0) start = i;
      i = quoteEnd(q, i);
      continue;
    }
    if (start < 0) start = i;
    if (c === '(') depth++;
    else if (c === ')') depth = Math.max(0, depth - 1);
  }
  return terms;
}

/**
 * @param {string} q
 * @param {number} at an opening quote
 */
function quoteEnd(q, at) {
  for (let i = at + 1; i < q.length; i++) {
    if (q[i] === '\\') i++;
    else if (q[i] === q[at]) return i;
  }
  return q.length - 1;
}

/** Whether alternatives stand at the top. @param {string} q */
export function hasOr(q) {
  return splitTerms(q).includes('OR');
}

/**
 * The text with what it leaves open closed, and without an operator at its end
 * that would join what is added to it.
 * @param {string} q
 */
export function closed(q) {
  let text = q.trim();
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if ((c === '"' || c === "'") && (i === 0 || /[\s(:=,!-]/.test(text[i - 1]))) {
      const end = quoteEnd(text, i);
      if (end === i || text[end] !== c) text += c;
      i = Math.max(end, i + 1);
    } else if (c === '(') depth++;
    else if (c === ')' && depth > 0) depth--;
  }
  text = text.replace(/(^|\s)(NOT|AND|[-!])$/, '');
  return text + ')'.repeat(depth);
}
