// Times as people read them, always in one stated zone.

import { t } from './strings.js';
import { offsetName, wall } from './zone.js';

/** @typedef {import('./zone.js').Zone} Zone */

/**
 * @param {number} n
 * @param {number} [width]
 */
const pad = (n, width = 2) => String(n).padStart(width, '0');

/**
 * The parts of a moment in a zone, as text.
 * @param {number} ms
 * @param {Zone} zone
 */
function parts(ms, zone) {
  const date = wall(ms, zone);
  return {
    day: `${pad(date.getUTCFullYear(), 4)}-${pad(date.getUTCMonth() + 1)}-${pad(date.getUTCDate())}`,
    minute: `${pad(date.getUTCHours())}:${pad(date.getUTCMinutes())}`,
    second: pad(date.getUTCSeconds()),
    ms: pad(date.getUTCMilliseconds(), 3),
  };
}

/**
 * "10:42:31.102" today, "11-21 10:42:31" on another day of this year,
 * "2025-11-21 10:42" before.
 * @param {string} iso
 * @param {Zone} zone
 * @param {Date} now
 */
export function rowTime(iso, zone, now) {
  const ms = Date.parse(iso);
  if (Number.isNaN(ms)) return iso.slice(0, 14);
  const t = parts(ms, zone);
  const today = parts(now.getTime(), zone).day;
  if (t.day.slice(0, 4) !== today.slice(0, 4)) return `${t.day} ${t.minute}`;
  if (t.day !== today) return `${t.day.slice(5)} ${t.minute}:${t.second}`;
  return `${t.minute}:${t.second}.${t.ms}`;
}

/**
 * "2026-11-21 10:42:31.102345 +08:00": all that was sent, in the page's zone.
 * @param {string} iso
 * @param {Zone} zone
 */
export function fullTime(iso, zone) {
  const ms = Date.parse(iso);
  if (Number.isNaN(ms)) return iso;
  const t = parts(ms, zone);
  const fraction = /\.(\d+)/.exec(iso)?.[1] ?? '';
  const offset = zone.offset(ms);
  return `${t.day} ${t.minute}:${t.second}${fraction && '.' + fraction} ${offset === 0 ? 'UTC' : offsetName(offset)}`;
}

/**
 * "2026-11-21 10:42:31", without the seconds where they are nothing.
 * @param {number} ms
 * @param {Zone} zone
 */
export function dayTime(ms, zone) {
  const t = parts(ms, zone);
  return `${t.day} ${t.minute}${t.second === '00' ? '' : ':' + t.second}`;
}

/**
 * "2026-11-21 10:42 – 10:45 UTC+8"; what both ends share is said once.
 * @param {number} from
 * @param {number} to
 * @param {Zone} zone
 */
export function spanText(from, to, zone) {
  const [start, end] = [dayTime(from, zone), dayTime(to, zone)];
  const same = start.slice(0, 10) === end.slice(0, 10);
  return `${start} – ${same ? end.slice(11) : end} ${zoneName(zone, new Date(to))}`;
}

/**
 * The zone's short name for the list's head: "UTC+8".
 * @param {Zone} zone
 * @param {Date} now
 */
export function zoneName(zone, now) {
  const minutes = zone.offset(now.getTime());
  if (minutes === 0) return 'UTC';
  const rest = Math.abs(minutes) % 60;
  return `UTC${minutes < 0 ? '−' : '+'}${Math.trunc(Math.abs(minutes) / 60)}${rest ? ':' + pad(rest) : ''}`;
}

/**
 * How far the sender's clock is from ours, in ms; positive: it is ahead.
 * @param {Entry} entry
 */
export function clockSkew(entry) {
  if (!entry.time) return 0;
  const skew = Date.parse(entry.time) - Date.parse(entry.received);
  return Number.isNaN(skew) ? 0 : skew;
}

/**
 * "850 ms", "12 s", "4 min", "3 h 5 min", "2 d 4 h".
 * @param {number} ms
 */
export function duration(ms) {
  if (ms < 1000) return t('duration.ms', { n: Math.max(0, Math.round(ms)) });
  const s = Math.floor(ms / 1000);
  if (s < 60) return t('duration.s', { n: s });
  const min = Math.floor(s / 60);
  if (min < 60) return t('duration.min', { n: min });
  const h = Math.floor(min / 60);
  if (h < 24) return t('duration.h', { n: h }) + (min % 60 ? ` ${t('duration.min', { n: min % 60 })}` : '');
  return t('duration.d', { n: Math.floor(h / 24) }) + (h % 24 ? ` ${t('duration.h', { n: h % 24 })}` : '');
}

