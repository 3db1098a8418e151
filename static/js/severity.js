// The severities of RFC 5424, section 6.2.1, from the most severe.

/** @type {readonly Severity[]} */
export const severities = ['emerg', 'alert', 'crit', 'err', 'warning', 'notice', 'info', 'debug'];

/**
 * Whether it is err or worse.
 * @param {Severity} severity
 */
export function isError(severity) {
  const rank = severities.indexOf(severity);
  return rank >= 0 && rank <= 3;
}

/** @param {Item} item */
export function isErrorItem(item) {
  return !('gap' in item) && isError(item.severity);
}
