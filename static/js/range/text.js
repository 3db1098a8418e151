// A range of time in words.

import { t } from '../strings.js';
import { dayTime, spanText, zoneName } from '../time.js';
import { zoneOf } from '../zone.js';

/**
 * "Last hour", "2026-11-22 10:42 – 10:45 UTC+8", "2026-11-22 10:42 – … UTC+8".
 * @param {Pick<State, 'range' | 'from' | 'to' | 'zone' | 'me'>} state
 */
export function rangeText(state) {
  const { range, from, to } = state;
  if (range !== 'custom') return t(`range.${range || 'all'}`);
  const zone = zoneOf(state);
  const [start, end] = [Date.parse(from), Date.parse(to)];
  if (!Number.isNaN(start) && !Number.isNaN(end)) return spanText(start, end, zone);
  if (to === '' && Number.isNaN(start)) return t('range.last', { span: from });
  const one = (/** @type {string} */ text, /** @type {number} */ ms) => (Number.isNaN(ms) ? text || '…' : dayTime(ms, zone));
  return `${one(from, start)} – ${one(to, end)} ${zoneName(zone, new Date())}`;
}
