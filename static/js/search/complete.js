// What can stand where the caret is: the name of a field, or one of its values.

import { quote } from './query.js';

/** @typedef {{kind: 'field' | 'value', from: number, to: number, typed: string, field: string}} Place */

/** @typedef {{name: string, aliases: string[], kind: string, example: string, facet?: string, values?: string[]}} Field */

/** More nobody reads. */
export const MostOffers = 10;

/**
 * Where a name or a value is being typed; null if neither is.
 * @param {string} text
 * @param {number} caret
 * @returns {Place | null}
 */
export function placeAt(text, caret) {
  const before = text.slice(0, caret);
  if (/^[^\s)]/.test(text.slice(caret))) return null;
  if ((before.replace(/\\./g, '').match(/"/g) ?? []).length % 2 === 1) return null;
  const value = /(?:^|[\s(])[-!]?([a-z_]+)(?::>=|:<=|:=|:>|:<|:|>=|<=|!=|>|<)(?:[^\s()"]*,)?([^\s()",]*)$/.exec(before);
  if (value) return { kind: 'value', from: caret - value[2].length, to: caret, typed: value[2], field: value[1] };
  const name = /(?:^|[\s(])[-!]?([a-z_]+)$/.exec(before);
  if (name) return { kind: 'field', from: caret - name[1].length, to: caret, typed: name[1], field: '' };
  return null;
}

/**
 * @param {Field[]} fields
 * @param {string} name
 */
export function fieldNamed(fields, name) {
  return fields.find((field) => field.name === name || field.aliases.includes(name));
}

/**
 * The fields whose name, or another name of theirs, begins with what was typed.
 * @param {Field[]} fields
 * @param {string} typed
 */
export function fieldsLike(fields, typed) {
  const own = fields.filter(({ name }) => name.startsWith(typed));
  const other = fields.filter((field) => !own.includes(field) && field.aliases.some((alias) => alias.startsWith(typed)));
  return [...own, ...other].slice(0, MostOffers);
}

/**
 * The counted values that hold what was typed, then the known ones nobody has logged.
 * @param {{value: string, count: number}[]} counted
 * @param {string[]} known
 * @param {string} typed
 */
export function valuesLike(counted, known, typed) {
  const wanted = typed.toLowerCase();
  /** @type {{value: string, count?: number}[]} */
  const all = [...counted.filter(({ value }) => value !== ''), ...known.filter((value) => !counted.some((one) => one.value === value)).map((value) => ({ value }))];
  const fits = all.filter(({ value }) => value.toLowerCase().includes(wanted));
  return [...fits.filter(({ value }) => value.toLowerCase().startsWith(wanted)), ...fits.filter(({ value }) => !value.toLowerCase().startsWith(wanted))].slice(0, MostOffers);
}

/**
 * The text with the offer in the place, and where the caret then is. A value is
 * followed by a space, a name by what asks for its value.
 * @param {string} text
 * @param {Place} place
 * @param {string} offer
 */
export function take(text, place, offer) {
  const after = text.slice(place.to);
  const put = place.kind === 'field' ? offer + ':' : quote(offer) + (/^\s/.test(after) ? '' : ' ');
  const caret = place.from + put.length + (place.kind === 'value' && /^\s/.test(after) ? 1 : 0);
  return { text: text.slice(0, place.from) + put + after, caret };
}

/**
 * The text without the part that is being typed: what its values are counted in.
 * @param {string} text
 * @param {Place} place
 */
export function around(text, place) {
  const start = text.slice(0, place.from).search(/[^\s(]*$/);
  return `${text.slice(0, start)} ${text.slice(place.to)}`.trim();
}
