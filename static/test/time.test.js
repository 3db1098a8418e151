import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clockSkew, dayTime, duration, fullTime, rowTime, spanText, zoneName } from '../js/time.js';
import { namedZone, utc } from '../js/zone.js';

const now = new Date('2026-11-22T12:00:00Z');
const shanghai = namedZone('Asia/Shanghai');

test('a row shows milliseconds today and the date on other days', () => {
  assert.equal(rowTime('2026-11-22T10:42:31.102345678Z', utc, now), '10:42:31.102');
  assert.equal(rowTime('2026-11-21T10:42:31Z', utc, now), '11-21 10:42:31');
  assert.equal(rowTime('2025-11-22T10:42:31Z', utc, now), '2025-11-22 10:42');
  assert.equal(rowTime('nonsense', utc, now), 'nonsense');
});

test('which day today is depends on the zone', () => {
  assert.equal(rowTime('2026-11-21T16:30:00Z', shanghai, now), '00:30:00.000');
  assert.equal(rowTime('2026-11-21T15:30:00Z', shanghai, now), '11-21 23:30:00');
});

test('the full time keeps every digit and names its zone', () => {
  assert.equal(fullTime('2026-11-22T10:42:31.102345678Z', utc), '2026-11-22 10:42:31.102345678 UTC');
  assert.equal(fullTime('2026-11-22T10:42:31+08:00', utc), '2026-11-22 02:42:31 UTC');
  assert.equal(fullTime('2026-11-22T20:42:31.5Z', shanghai), '2026-11-23 04:42:31.5 +08:00');
});

test('a span says once what both ends share, and its zone', () => {
  assert.equal(dayTime(Date.parse('2026-11-22T10:42:00Z'), utc), '2026-11-22 10:42');
  assert.equal(spanText(Date.parse('2026-11-22T10:42:00Z'), Date.parse('2026-11-22T10:42:30Z'), utc), '2026-11-22 10:42 – 10:42:30 UTC');
  assert.equal(spanText(Date.parse('2026-11-22T10:00:00Z'), Date.parse('2026-11-22T17:00:00Z'), shanghai), '2026-11-22 18:00 – 2026-11-23 01:00 UTC+8');
});

test('a zone has a short name', () => {
  const names = { UTC: 'UTC', 'Asia/Shanghai': 'UTC+8', 'Asia/Kolkata': 'UTC+5:30', 'America/New_York': 'UTC−5', '-03:30': 'UTC−3:30', '+00:00': 'UTC' };
  for (const [name, want] of Object.entries(names)) assert.equal(zoneName(namedZone(name), now), want);
});

test('durations are short', () => {
  const cases = [[0, '0 ms'], [850, '850 ms'], [12_400, '12 s'], [240_000, '4 min'], [11_100_000, '3 h 5 min'], [187_200_000, '2 d 4 h'], [-5, '0 ms']];
  for (const [ms, want] of cases) assert.equal(duration(ms), want);
});

test('a clock is ahead when it claims a later time', () => {
  assert.equal(clockSkew({ received: '2026-11-22T10:00:00Z', time: '2026-11-22T10:00:05Z' }), 5000);
  assert.equal(clockSkew({ received: '2026-11-22T10:00:00Z' }), 0);
});
