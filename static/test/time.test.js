import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clockSkew, duration, fullTime, rowTime, zoneName } from '../js/time.js';

const now = new Date('2026-11-22T12:00:00Z');

test('a row shows milliseconds today and the date on other days', () => {
  assert.equal(rowTime('2026-11-22T10:42:31.102345678Z', true, now), '10:42:31.102');
  assert.equal(rowTime('2026-11-21T10:42:31Z', true, now), '11-21 10:42:31');
  assert.equal(rowTime('2025-11-22T10:42:31Z', true, now), '2025-11-22 10:42');
  assert.equal(rowTime('nonsense', true, now), 'nonsense');
});

test('the full time keeps every digit and names its zone', () => {
  assert.equal(fullTime('2026-11-22T10:42:31.102345678Z', true), '2026-11-22 10:42:31.102345678 UTC');
  assert.equal(fullTime('2026-11-22T10:42:31+08:00', true), '2026-11-22 02:42:31 UTC');
  assert.equal(zoneName(true, now), 'UTC');
});

test('durations are short', () => {
  const cases = [[0, '0 ms'], [850, '850 ms'], [12_400, '12 s'], [240_000, '4 min'], [11_100_000, '3 h 5 min'], [187_200_000, '2 d 4 h'], [-5, '0 ms']];
  for (const [ms, want] of cases) assert.equal(duration(ms), want);
});

test('a clock is ahead when it claims a later time', () => {
  assert.equal(clockSkew({ received: '2026-11-22T10:00:00Z', time: '2026-11-22T10:00:05Z' }), 5000);
  assert.equal(clockSkew({ received: '2026-11-22T10:00:00Z' }), 0);
});
