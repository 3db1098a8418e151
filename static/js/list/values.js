// What in a message can be taken up by itself: addresses, ids, places in a
// source.

/** The kinds of source that a place can be in. */
const sources = 'lua|py|go|js|mjs|ts|c|h|cc|cpp|hpp|rs|rb|php|java|kt|sh|pl|sql|conf|html|ya?ml|json|toml';

const value = new RegExp([
  /(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w.])/,
  /(?<![\w-])[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}(?![\w-])/,
  /(?<![\w.-])(?=[0-9a-f]*\d)[0-9a-f]{8,64}(?![\w-])/,
  new RegExp(`(?<![\\w./-])[\\w./-]{1,200}\\.(?:${sources}):\\d+(?!\\w)`),
].map((re) => `(?:${re.source})`).join('|'), 'gi');

/**
 * Cuts a text at the values in it; every other part is a value.
 * @param {string} text
 * @returns {string[]}
 */
export function cutValues(text) {
  // An IPv4 address, an id or a place has a digit.
  if (!/\d/.test(text)) return [text];
  const parts = [];
  let end = 0;
  for (const { 0: found, index } of text.matchAll(value)) {
    parts.push(text.slice(end, index), found);
    end = index + found.length;
  }
  parts.push(text.slice(end));
  return parts;
}
