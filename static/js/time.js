// Times as people read them, always in one stated zone.

/**
 * @param {number} n
 * @param {number} [width]
 */
const pad = (n, width = 2) => String(n).padStart(width, '0');

/**
 * The parts of a moment in the browser's zone or in UTC.
 * @param {Date} date
 * @param {boolean} utc
 */
function parts(date, utc) {
  return utc
    ? { y: date.getUTCFullYear(), mo: date.getUTCMonth() + 1, d: date.getUTCDate(), h: date.getUTCHours(), mi: date.getUTCMinutes(), s: date.getUTCSeconds(), ms: date.getUTCMilliseconds() }
    : { y: date.getFullYear(), mo: date.getMonth() + 1, d: date.getDate(), h: date.getHours(), mi: date.getMinutes(), s: date.getSeconds(), ms: date.getMilliseconds() };
}

/**
 * "10:42:31.102" today, "11-21 10:42:31" on another day of this year,
 * "2025-11-21 10:42" before.
 * @param {string} iso
 * @param {boolean} utc
 * @param {Date} now
 */
export function rowTime(iso, utc, now) {
  const date = new Date(iso);
  if (Number.isNaN(date.getTime())) return iso.slice(0, 14);
  const t = parts(date, utc);
  const today = parts(now, utc);
  const clock = `${pad(t.h)}:${pad(t.mi)}`;
  if (t.y !== today.y) return `${pad(t.y, 4)}-${pad(t.mo)}-${pad(t.d)} ${clock}`;
  if (t.mo !== today.mo || t.d !== today.d) return `${pad(t.mo)}-${pad(t.d)} ${clock}:${pad(t.s)}`;
  return `${clock}:${pad(t.s)}.${pad(t.ms, 3)}`;
}

/**
 * "2026-11-21 10:42:31.102345 +08:00": all that was sent, in the page's zone.
 * @param {string} iso
 * @param {boolean} utc
 */
export function fullTime(iso, utc) {
  const date = new Date(iso);
  if (Number.isNaN(date.getTime())) return iso;
  const t = parts(date, utc);
  const fraction = /\.(\d+)/.exec(iso)?.[1] ?? '';
  const offset = utc ? 0 : -date.getTimezoneOffset();
  const zone = offset === 0 ? 'UTC' : offsetName(offset);
  return `${pad(t.y, 4)}-${pad(t.mo)}-${pad(t.d)} ${pad(t.h)}:${pad(t.mi)}:${pad(t.s)}${fraction && '.' + fraction} ${zone}`;
}

/**
 * The zone's name for the list's head: "UTC+8".
 * @param {boolean} utc
 * @param {Date} now
 */
export function zoneName(utc, now) {
  const minutes = utc ? 0 : -now.getTimezoneOffset();
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
  if (ms < 1000) return `${Math.max(0, Math.round(ms))} ms`;
  const s = Math.floor(ms / 1000);
  if (s < 60) return `${s} s`;
  const min = Math.floor(s / 60);
  if (min < 60) return `${min} min`;
  const h = Math.floor(min / 60);
  if (h < 24) return min % 60 ? `${h} h ${min % 60} min` : `${h} h`;
  return h % 24 ? `${Math.floor(h / 24)} d ${h % 24} h` : `${h / 24} d`;
}

/** @param {number} minutes */
function offsetName(minutes) {
  const size = Math.abs(minutes);
  return `${minutes < 0 ? '-' : '+'}${pad(Math.trunc(size / 60))}:${pad(size % 60)}`;
}
