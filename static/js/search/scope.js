// What the server is asked about: the search text, the time and its zone.

import { zoneParam } from '../zone.js';
import { timeBounds } from './address.js';
import { scopedQuery } from './query.js';

/**
 * The parameters that every question about the page's entries has.
 * @param {State} state
 */
export function scopeParams(state) {
  return { q: scopedQuery(state.q, state.instances), tz: zoneParam(state), ...timeBounds(state) };
}
