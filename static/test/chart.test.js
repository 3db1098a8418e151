import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MostBuckets, add, bars, bucketAt, chartOf, edges, isSparse, spanOf, sum, ticks, view } from '../js/histogram/chart.js';
import { namedZone, utc } from '../js/zone.js';

const start = Date.parse('2026-11-22T10:00:00Z');

/** @param {Partial<Record<Severity, number>>[]} counts one a minute */
function answer(...counts) {
  return {
    from: new Date(start).toISOString(), to: new Date(start + counts.length * 60_000).toISOString(), step_ms: 60_000,
    buckets: counts.map((by_severity, i) => ({
      time: new Date(start + i * 60_000).toISOString(), by_severity,
      total: Object.values(by_severity).reduce((a, b) => a + b, 0),
    })),
  };
}

test('an open chart begins with the first match and ends with the newest', () => {
  const given = answer({}, {}, { err: 2, alert: 1 }, {}, { info: 4 }, {});
  const chart = chartOf(given, true);
  assert.equal(chart.start, start + 2 * 60_000);
  assert.deepEqual(chart.buckets.map(({ total }) => total), [3, 0, 4]);
  assert.deepEqual(sum(chart.buckets), { total: 7, errors: 3 });
  assert.equal(chartOf(given, false).buckets.length, 6);
  assert.equal(isSparse(chart), true);
});

test('few messages are no wall, and the newest is at the right', () => {
  const chart = chartOf(answer({ info: 1 }), true);
  const { slots, blank } = view(chart);
  assert.ok(slots >= 20 && blank === slots - 1);
  assert.equal(bucketAt(chart, 999, 1000), 0);
  assert.equal(bucketAt(chart, 10, 1000), -1);
  assert.equal(edges(chart, 0, 1000)[1], 1000);
});

test('what arrives is counted once', () => {
  const chart = chartOf(answer({ info: 1 }, { err: 1 }), true);
  add(chart, start + 60_000, 'info'); // the server has counted it
  add(chart, NaN, 'info');
  assert.equal(sum(chart.buckets).total, 2);
  add(chart, start + 120_000, 'crit');
  add(chart, start + 119_999, 'crit');
  add(chart, start + 5 * 60_000, 'debug');
  assert.deepEqual(chart.buckets.map(({ total }) => total), [1, 1, 1, 0, 0, 1]);
  assert.equal(sum(chart.buckets).errors, 2);
});

test('a chart of nothing begins with what arrives', () => {
  const chart = chartOf({ from: '2026-11-22T10:00:00Z', to: '2026-11-22T10:00:00Z', step_ms: 0, buckets: [] }, true);
  assert.deepEqual(bars(chart, 100, 40), ['', '', '', '', '', '']);
  add(chart, start + 1500, 'info');
  assert.deepEqual(spanOf(chart, 0), [start + 1000, start + 2000]);
});

test('buckets get longer and keep every count when there are too many', () => {
  const chart = chartOf(answer({ info: 1 }), true);
  for (let i = 1; i <= 1000; i++) add(chart, start + i * 60_000, i % 10 === 0 ? 'err' : 'info');
  assert.ok(chart.buckets.length <= MostBuckets);
  assert.equal(chart.step, 300_000 * 3);
  assert.equal(chart.start % chart.step, 0);
  assert.deepEqual(sum(chart.buckets), { total: 1001, errors: 100 });
  add(chart, start + 86_400_000 * 3650, 'info'); // ten years later
  assert.ok(chart.buckets.length <= MostBuckets);
  assert.equal(sum(chart.buckets).total, 1002);
});

test('longer buckets begin with the hours and days of the zone', () => {
  const offset = 8 * 3_600_000;
  const chart = chartOf(answer({ info: 1 }), true, offset);
  for (let i = 1; i <= 60; i++) add(chart, start + i * 86_400_000, 'info');
  assert.equal(chart.step, 43_200_000);
  assert.equal((chart.start + offset) % chart.step, 0);
  assert.equal(sum(chart.buckets).total, 61);
});

test('bars stack to the top, and one error among thousands is a pixel', () => {
  const chart = chartOf(answer({ info: 4000, err: 1 }, { info: 2000 }), false);
  const [, err, , , info] = bars(chart, 100, 40);
  assert.equal(err, 'M0 40V39h49V40z');
  assert.equal(info, 'M0 39V0h49V39zM50 40V20h49V40z');
});

test('labels are few, at round times of the zone, and say the date where it changes', () => {
  const day = { from: '2026-11-22T10:07:00Z', to: '2026-11-23T10:07:00Z', step_ms: 900_000,
    buckets: Array.from({ length: 96 }, (_, i) => ({ time: new Date(start + i * 900_000).toISOString(), total: 1, by_severity: { info: 1 } })) };
  assert.deepEqual(ticks(chartOf(day, false), 900, utc).map(({ text }) => text), ['11-22 12:00', '18:00', '11-23 00:00', '06:00']);
  assert.deepEqual(ticks(chartOf(day, false), 900, namedZone('Asia/Kolkata')).map(({ text }) => text), ['11-22 18:00', '11-23 00:00', '06:00', '12:00']);
  const texts = ticks(chartOf(answer({ info: 1 }, { info: 1 }), false), 900, utc);
  assert.deepEqual(texts.map(({ text }) => text), ['11-22 10:00', '10:00:30', '10:01', '10:01:30']);
  assert.deepEqual(texts.map(({ x }) => x), [0, 225, 450, 675]);
});
