// What a message holds that is written as JSON or as key=value.

/** Beyond that a message is read as text only. */
const MostLetters = 256 * 1024;

/** @typedef {{key: string, value: string, raw: string}} Pair */

/**
 * The object or array that the message is, perhaps behind "@cee:" or other words; undefined if it is none.
 * @param {string} message
 * @returns {object | undefined}
 */
export function jsonOf(message) {
  const text = message.trim();
  const at = text.search(/[{[]/);
  if (at < 0 || text.length > MostLetters || !/[}\]]$/.test(text)) return undefined;
  try {
    const value = JSON.parse(text.slice(at));
    const empty = value === null || typeof value !== 'object' || Object.keys(value).length === 0;
    return empty ? undefined : value;
  } catch {
    return undefined;
  }
}

/**
 * The key=value parts, if there are at least two.
 * @param {string} message
 * @returns {Pair[]}
 */
export function pairsOf(message) {
  if (message.length > MostLetters) return [];
  const found = message.matchAll(/(?<=^|[\s,;([{])([A-Za-z_][\w.-]{0,63})=("(?:[^"\\\n]|\\.)*"|[^\s,;)\]}"]+)/g);
  const pairs = [...found].slice(0, 200).map(([raw, key, value]) => ({
    key, raw, value: value.startsWith('"') ? value.slice(1, -1).replace(/\\(["\\])/g, '$1') : value,
  }));
  return pairs.length < 2 ? [] : pairs;
}
