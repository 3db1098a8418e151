// The searches of this browser, the newest first.

const Key = 'searches';

/** How many are kept. */
const Most = 50;

/** @returns {string[]} */
export function pastSearches() {
  try {
    const kept = JSON.parse(localStorage.getItem(Key) ?? '[]');
    return Array.isArray(kept) ? kept.filter((q) => typeof q === 'string').slice(0, Most) : [];
  } catch {
    return [];
  }
}

/** @param {string} q */
export function rememberSearch(q) {
  if (q !== '') keep(withSearch(pastSearches(), q));
}

/** @param {string} q */
export function forgetSearch(q) {
  keep(pastSearches().filter((one) => one !== q));
}

export function forgetSearches() {
  keep([]);
}

/**
 * @param {string[]} past
 * @param {string} q
 */
export function withSearch(past, q) {
  return [q, ...past.filter((one) => one !== q)].slice(0, Most);
}

/** @param {string[]} past */
function keep(past) {
  try {
    localStorage.setItem(Key, JSON.stringify(past));
  } catch {
    // The browser is full or keeps nothing: a search works without.
  }
}
