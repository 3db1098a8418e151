// The page's address holds everything that decides what is shown.

import { writeView } from '../list/columns.js';

/** @typedef {Pick<State, 'q' | 'instances' | 'range' | 'from' | 'to'> & Partial<Pick<State, 'zone' | 'columns' | 'wrap' | 'startsOwn'>>} Scope */

/** The zones as a link names them; the reader's own is not named. */
const zones = /** @type {const} */ ([['UTC', 'utc'], ['server', 'server']]);

/** The time ranges on offer, as durations that the server understands. */
export const ranges = ['15m', '1h', '6h', '24h', '7d'];

/** All instances, where an address must say so. */
const Everything = '*';

/**
 * Whether an address leaves open what is to be shown.
 * @param {string} search
 */
export function saysNothing(search) {
  const params = new URLSearchParams(search);
  return ['q', 'i', 'from', 'to'].every((name) => !params.get(name));
}

/**
 * @param {string} search such as "?q=timeout&i=socketserver/dev1"
 * @returns {Scope}
 */
export function readAddress(search) {
  const params = new URLSearchParams(search);
  const from = params.get('from') ?? '';
  const to = params.get('to') ?? '';
  const zone = zones.find(([name]) => name === params.get('tz'))?.[1];
  const range = params.get('live') === '1' ? '' : rangeOf(from, to);
  return {
    q: params.get('q') ?? '',
    instances: [...new Set(params.getAll('i').filter((name) => name !== '' && name !== Everything))],
    range,
    from: range === 'custom' ? from : '',
    to: range === 'custom' ? to : '',
    ...(zone && { zone }),
  };
}

/**
 * @param {string} from
 * @param {string} to
 */
function rangeOf(from, to) {
  return to === '' && (from === '' || ranges.includes(from)) ? from : 'custom';
}

/**
 * The inverse of readAddress; '' when there is nothing to say.
 * @param {Scope} scope
 */
export function writeAddress(scope) {
  const params = new URLSearchParams();
  if (scope.q !== '') params.set('q', scope.q);
  for (const name of scope.instances) params.append('i', name);
  const { from, to } = timeBounds(scope);
  if (from !== '') params.set('from', from);
  if (to !== '') params.set('to', to);
  // Where nothing is said, one's own instances are shown.
  if (scope.startsOwn && params.size === 0) params.set('i', Everything);
  const tz = zones.find(([, zone]) => zone === scope.zone);
  if (tz) params.set('tz', tz[0]);
  writeView(params, scope);
  // A slash, a colon and a comma need no escape in a query, RFC 3986, section 3.4.
  const text = params.toString().replace(/%2F/g, '/').replace(/%3A/g, ':').replace(/%2C/g, ',');
  return text === '' ? '' : '?' + text;
}

/**
 * The from and to of a search, '' where it is unbounded.
 * @param {Pick<State, 'range' | 'from' | 'to'>} scope
 */
export function timeBounds(scope) {
  if (scope.range === 'custom') return { from: scope.from, to: scope.to };
  return { from: scope.range, to: '' };
}
