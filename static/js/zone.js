// The zones that times are shown and read in.

/**
 * name is what the API's tz calls it; offset is in minutes east of UTC at a
 * moment, in ms since the epoch.
 * @typedef {{name: string, offset: (ms: number) => number}} Zone
 */

/** Offsets change at full quarters of an hour only. */
const QuarterMs = 900_000;

/** @type {Zone} */
export const utc = { name: 'UTC', offset: () => 0 };

/** @type {Zone} */
export const local = {
  name: localName(new Intl.DateTimeFormat().resolvedOptions().timeZone, -new Date().getTimezoneOffset()),
  offset: (ms) => -new Date(ms).getTimezoneOffset(),
};

/** @type {Map<string, Zone>} */
const named = new Map();

/**
 * A zone by its name or offset; UTC if this browser knows none of that name.
 * @param {string} name "Asia/Shanghai", "UTC" or "+08:00"
 */
export function namedZone(name) {
  let zone = named.get(name);
  if (!zone) named.set(name, zone = makeZone(name));
  return zone;
}

/** @param {string} name @returns {Zone} */
function makeZone(name) {
  const [, sign, hours, minutes] = /^([+-])(\d\d):(\d\d)$/.exec(name) ?? [];
  if (sign) {
    const offset = (Number(hours) * 60 + Number(minutes)) * (sign === '-' ? -1 : 1);
    return { name, offset: () => offset };
  }
  try {
    return { name, offset: offsets(new Intl.DateTimeFormat('en', { ...clock, timeZone: name })) };
  } catch {
    return utc;
  }
}

/** @type {Intl.DateTimeFormatOptions} */
const clock = {
  calendar: 'gregory', numberingSystem: 'latn', hourCycle: 'h23', era: 'short',
  year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric', second: 'numeric',
};

/**
 * What a format's clock shows, minus UTC. Asked once for each quarter of an
 * hour: a list asks for thousands of times that lie close together.
 * @param {Intl.DateTimeFormat} format
 */
function offsets(format) {
  /** @type {Map<number, number>} */
  const known = new Map();
  return (/** @type {number} */ ms) => {
    const quarter = Math.floor(ms / QuarterMs);
    let offset = known.get(quarter);
    if (offset === undefined) {
      if (known.size > 1000) known.clear();
      offset = shownBy(format, quarter * QuarterMs);
      known.set(quarter, offset);
    }
    return offset;
  };
}

/**
 * @param {Intl.DateTimeFormat} format
 * @param {number} ms
 */
function shownBy(format, ms) {
  /** @type {Record<string, string>} */
  const at = {};
  for (const { type, value } of format.formatToParts(ms)) at[type] = value;
  const year = at.era === 'BC' ? 1 - Number(at.year) : Number(at.year);
  const date = new Date(Date.UTC(2000, Number(at.month) - 1, Number(at.day), Number(at.hour), Number(at.minute), Number(at.second)));
  date.setUTCFullYear(year, Number(at.month) - 1, Number(at.day));
  return Math.round((date.getTime() - ms) / 60_000);
}

/**
 * @param {string | undefined} name the browser's own
 * @param {number} offset now
 */
export function localName(name, offset) {
  return name && name !== 'Etc/Unknown' ? name : offsetName(offset);
}

/**
 * "+08:00"
 * @param {number} minutes
 */
export function offsetName(minutes) {
  const size = Math.abs(minutes);
  return `${minutes < 0 ? '-' : '+'}${pad(Math.trunc(size / 60))}:${pad(size % 60)}`;
}

/**
 * The zone of the page.
 * @param {Pick<State, 'zone' | 'me'>} state
 */
export function zoneOf({ zone, me }) {
  if (zone === 'server') return namedZone(me?.zone ?? 'UTC');
  return zone === 'utc' ? utc : local;
}

/**
 * What the API is told; nothing is the server's zone.
 * @param {Pick<State, 'zone' | 'me'>} state
 */
export function zoneParam(state) {
  return state.zone === 'server' ? '' : zoneOf(state).name;
}

/** The zones to choose from; the server's only where it is neither of the others.
 * @param {Pick<State, 'me'>} state
 * @returns {State['zone'][]}
 */
export function zoneChoices({ me }) {
  const same = !me?.zone || me.zone === local.name || me.zone === utc.name || me.zone === '+00:00';
  return same ? ['local', 'utc'] : ['local', 'utc', 'server'];
}

/**
 * The date whose UTC parts are what a clock in the zone shows.
 * @param {number} ms
 * @param {Zone} zone
 */
export function wall(ms, zone) {
  return new Date(ms + zone.offset(ms) * 60_000);
}

/**
 * The moment at which a clock in the zone shows this; the inverse of wall. Of
 * two such moments it is the earlier, and where a clock is put forward it goes
 * on as before.
 * @param {number} shown ms since the epoch, as if it were UTC
 * @param {Zone} zone
 */
export function unwall(shown, zone) {
  const before = zone.offset(shown - 86_400_000);
  const early = shown - before * 60_000;
  if (zone.offset(early) === before) return early;
  const late = shown - zone.offset(shown + 86_400_000) * 60_000;
  return zone.offset(late) * 60_000 === shown - late ? late : early;
}

/** @param {number} n */
function pad(n) {
  return String(n).padStart(2, '0');
}
