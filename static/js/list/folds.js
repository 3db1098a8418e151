// What of the list is folded: repeated neighbours into one row, messages of
// several lines to their first.

import { withoutPrologue } from './text.js';

/** Neighbours count as repeated within this time of the first, in ms. */
const RepeatMs = 60_000;

/**
 * Neighbours that say the same. All but the first have no row while it is
 * closed.
 * @typedef {{head: Entry, count: number, open: boolean}} Group
 */

export class Folds {
  constructor() {
    /** @type {WeakMap<Item, Group>} */
    this.groups = new WeakMap();
    /** Entries whose whole message is shown. @type {WeakSet<Item>} */
    this.unfolded = new WeakSet();
  }

  /** @param {Item} item */
  group(item) {
    return this.groups.get(item);
  }

  /**
   * Whether the item has no row of its own now.
   * @param {Item} item
   */
  hides(item) {
    const group = this.groups.get(item);
    return group !== undefined && !group.open && group.head !== item;
  }

  /**
   * Groups the items of a range with each other and with what is before it.
   * @param {Item[]} items
   * @param {number} from
   * @param {number} to
   */
  join(items, from, to) {
    for (let i = Math.max(from, 1); i < to; i++) {
      const item = items[i];
      const before = items[i - 1];
      if ('gap' in item || 'gap' in before || this.groups.has(item)) continue;
      const group = this.groups.get(before) ?? { head: before, count: 1, open: false };
      if (!repeats(group.head, item)) continue;
      group.count++;
      this.groups.set(before, group);
      this.groups.set(item, group);
    }
  }

  /**
   * The first item may have lost those that it repeats.
   * @param {Item[]} items
   */
  behead(items) {
    const [first] = items;
    const group = first && this.groups.get(first);
    if (!group || group.head === first || 'gap' in first) return;
    group.head = first;
    group.count = 1;
    while (items[group.count] && this.groups.get(items[group.count]) === group) group.count++;
  }

  /** @param {Entry} entry */
  toggle(entry) {
    if (!this.unfolded.delete(entry)) this.unfolded.add(entry);
  }
}

/**
 * Whether b says what a says, apart from the time that nginx puts in front.
 * @param {Entry} a
 * @param {Entry} b
 */
export function repeats(a, b) {
  return a.message.length === b.message.length && a.instance === b.instance && a.severity === b.severity
    && a.app_name === b.app_name && a.instance_by === b.instance_by && String(a.flags) === String(b.flags)
    && (a.message === b.message || withoutPrologue(a.message) === withoutPrologue(b.message))
    && Math.abs(Date.parse(b.received) - Date.parse(a.received)) <= RepeatMs;
}

/**
 * The lines of a message, without empty ones at its end.
 * @param {string} message
 */
export function lineCount(message) {
  let lines = 1;
  const end = message.trimEnd().length;
  for (let at = message.indexOf('\n'); at >= 0 && at < end; at = message.indexOf('\n', at + 1)) lines++;
  return lines;
}
