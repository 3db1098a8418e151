// A range of time as people type it.

import { ranges } from '../search/address.js';
import { unwall, wall } from '../zone.js';

/** @typedef {import('../zone.js').Zone} Zone */
/** @typedef {Pick<State, 'range' | 'from' | 'to'>} Range */
/** What a moment covers: a day, a minute; from = to if it is exact. @typedef {{from: number, to: number, clock?: boolean}} Span */

const DayMs = 86_400_000;
/** As much as the server takes, in s. */
const LongestS = 100 * 365 * 86_400;

/** @type {[RegExp, string, number][]} What people call a unit, what the server does, and its seconds. */
const units = [
  [/^(s|secs?|seconds?|秒)$/, 's', 1], [/^(m|mins?|minutes?|分|分钟)$/, 'm', 60], [/^(h|hrs?|hours?|时|小时)$/, 'h', 3600],
  [/^(d|days?|天|日)$/, 'd', 86_400], [/^(w|weeks?|周)$/, 'w', 604_800],
];

/**
 * @param {string} typed "15m", "10:42", "2026-11-22 10:42", "10:00..11:30", "yesterday"
 * @param {number} now ms since the epoch
 * @param {Zone} zone of times without an offset
 * @returns {Range | null} null if it cannot be read
 */
export function parseRange(typed, now, zone) {
  const text = typed.trim().toLowerCase().replace(/^(last|最近)\s*/, '');
  if (text === '' || text === 'all' || text === 'live' || text === '全部') return { range: '', from: '', to: '' };
  const back = parseSpan(text);
  if (back !== '') return ranges.includes(back) ? { range: back, from: '', to: '' } : { range: 'custom', from: back, to: '' };
  const ends = text.split(/\s*\.\.\s*|\s+(?:-|–|—|to|至|到)\s+/);
  if (ends.length > 2) return null;
  if (ends.length === 1) {
    const span = parseMoment(text, now, zone);
    return span && custom(span.from, span.to > span.from ? span.to : span.from + 1000);
  }
  return parseEnds(ends[0], ends[1], now, zone);
}

/**
 * @param {string} start
 * @param {string} end
 * @param {number} now
 * @param {Zone} zone
 * @returns {Range | null}
 */
function parseEnds(start, end, now, zone) {
  if (start === '' && end === '') return null;
  const from = start === '' ? null : parseEnd(start, now, zone);
  let to = end === '' || end === 'now' || end === '现在' ? null : parseEnd(end, now, zone);
  if ((start !== '' && !from) || (to === null && !['', 'now', '现在'].includes(end))) return null;
  if (from && to?.clock) {
    // A bare clock is on the day of the start, or goes past its midnight.
    const shown = wall(to.from, zone).getTime();
    const day = Math.floor(wall(from.from, zone).getTime() / DayMs);
    to = at(day * DayMs + shown % DayMs, 0, zone);
    if (to.from < from.from) to = at(day * DayMs + DayMs + shown % DayMs, 0, zone);
  }
  if (from && to && from.from > to.from) return null;
  return { range: 'custom', from: from ? iso(from.from) : '', to: to ? iso(to.from) : '' };
}

/**
 * @param {string} text
 * @param {number} now
 * @param {Zone} zone
 */
function parseEnd(text, now, zone) {
  const back = parseSpan(text);
  return back === '' ? parseMoment(text, now, zone) : { from: now - seconds(back) * 1000, to: now };
}

/**
 * A duration as the server writes it, '' if it is none.
 * @param {string} text "15m", "1 h 30 min", "2 hours", "15分钟"
 */
function parseSpan(text) {
  const rest = text.replace(/\s*(ago|前)$/, '');
  if (!/^(\d+\s*\p{L}+\s*)+$/u.test(rest)) return '';
  let span = '';
  for (const [, n, word] of rest.matchAll(/(\d+)\s*(\p{L}+)/gu)) {
    const unit = units.find(([names]) => names.test(word));
    if (!unit) return '';
    span += n + unit[1];
  }
  return seconds(span) <= LongestS ? span : '';
}

/** @param {string} span as parseSpan returns it */
function seconds(span) {
  let sum = 0;
  for (const [, n, name] of span.matchAll(/(\d+)([smhdw])/g)) sum += Number(n) * (units.find((unit) => unit[1] === name)?.[2] ?? 0);
  return sum;
}

/**
 * @param {string} text
 * @param {number} now
 * @param {Zone} zone
 * @returns {Span | null}
 */
function parseMoment(text, now, zone) {
  const today = Math.floor(wall(now, zone).getTime() / DayMs) * DayMs;
  if (text === 'today' || text === '今天') return at(today, DayMs, zone);
  if (text === 'yesterday' || text === '昨天') return at(today - DayMs, DayMs, zone);
  const match = /^(?:(?:(\d{4})[-/])?(\d{1,2})[-/](\d{1,2}))?(?:(?:^|[t ]+)(\d{1,2}):(\d\d)(?::(\d\d(?:\.\d+)?))?)?\s*(z|utc|[+-]\d\d:?\d\d)?$/.exec(text);
  if (!match) return null;
  const [, year, month, day, hour, minute, second, offset] = match;
  if (month === undefined && hour === undefined) return null;
  const own = offset === undefined ? zone : fixed(offset);
  const here = wall(now, own);
  const wanted = {
    y: year === undefined ? here.getUTCFullYear() : Number(year),
    mo: month === undefined ? here.getUTCMonth() : Number(month) - 1,
    d: day === undefined ? here.getUTCDate() : Number(day),
  };
  const date = new Date(Date.UTC(wanted.y, wanted.mo, wanted.d));
  if (date.getUTCMonth() !== wanted.mo || date.getUTCDate() !== wanted.d) return null;
  if (Number(hour ?? 0) > 23 || Number(minute ?? 0) > 59 || Number(second ?? 0) >= 60) return null;
  const shown = date.getTime() + Number(hour ?? 0) * 3_600_000 + Number(minute ?? 0) * 60_000 + Math.round(Number(second ?? 0) * 1000);
  const covers = hour === undefined ? DayMs : second === undefined ? 60_000 : 0;
  // What has not come yet was yesterday, or last year.
  if (month === undefined && unwall(shown, own) > now) return { ...at(shown - DayMs, covers, own), clock: true };
  if (year === undefined && month !== undefined && unwall(shown, own) > now + DayMs) {
    date.setUTCFullYear(wanted.y - 1);
    return at(date.getTime() + shown % DayMs, covers, own);
  }
  return { ...at(shown, covers, own), clock: month === undefined };
}

/**
 * @param {number} shown what a clock shows, as if it were UTC
 * @param {number} covers
 * @param {Zone} zone
 * @returns {Span}
 */
function at(shown, covers, zone) {
  return { from: unwall(shown, zone), to: unwall(shown + covers, zone) };
}

/** @param {string} text @returns {Zone} */
function fixed(text) {
  const [, sign, hours, minutes] = /^([+-])(\d\d):?(\d\d)$/.exec(text) ?? [];
  const offset = sign ? (Number(hours) * 60 + Number(minutes)) * (sign === '-' ? -1 : 1) : 0;
  return { name: text, offset: () => offset };
}

/**
 * @param {number} from
 * @param {number} to
 * @returns {Range}
 */
function custom(from, to) {
  return { range: 'custom', from: iso(from), to: iso(to) };
}

/** @param {number} ms */
function iso(ms) {
  return new Date(ms).toISOString();
}
