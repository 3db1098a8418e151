// What the page can do, in one list: the keyboard, the help and the palette
// are made of it.

/**
 * keys are KeyboardEvent.key; words is the key of its words. Without keys it is
 * in the palette only, with `typed` on the keyboard only.
 * @typedef {{words: string, run: () => void, keys?: string[], typed?: boolean}} Command
 */

export class Commands {
  constructor() {
    /** @type {Command[]} */
    this.list = [];
  }

  /** @param {...Command} commands */
  add(...commands) {
    this.list.push(...commands);
  }

  /** @param {string} key */
  of(key) {
    return this.list.find(({ keys }) => keys?.includes(key));
  }
}

/** @type {Record<string, string>} */
const names = { ' ': 'Space', ArrowDown: '↓', ArrowUp: '↑', Escape: 'Esc', ArrowLeft: '←', ArrowRight: '→', ContextMenu: 'Menu' };

/** A key as a keyboard shows it. @param {string} key */
export function keyName(key) {
  return names[key] ?? key;
}

/**
 * How well a choice fits what was typed: 0 not at all, more is better. All
 * letters have to be there in their order.
 * @param {string} typed
 * @param {string} label
 */
export function fit(typed, label) {
  const wanted = typed.trim().toLowerCase();
  const text = label.toLowerCase();
  const at = text.indexOf(wanted);
  if (at >= 0) return at === 0 || /[\s/_-]/.test(text[at - 1]) ? 3 : 2;
  let from = 0;
  for (const letter of wanted) {
    if (letter === ' ') continue;
    from = text.indexOf(letter, from) + 1;
    if (from === 0) return 0;
  }
  return 1;
}
