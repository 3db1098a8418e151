import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseRange } from '../js/range/parse.js';
import { namedZone, utc } from '../js/zone.js';

const now = Date.parse('2026-11-22T12:00:00Z');

test('a range is read as it is typed', () => {
  const cases = [
    ['', ['', '', '']], ['all', ['', '', '']],
    ['15m', ['15m', '', '']], ['last 15 min', ['15m', '', '']], ['1 hour', ['1h', '', '']], ['7天', ['7d', '', '']], ['最近 15 分钟', ['15m', '', '']],
    ['2h', ['custom', '2h', '']], ['1h30m', ['custom', '1h30m', '']], ['1 h 30 min ago', ['custom', '1h30m', '']], ['3d', ['custom', '3d', '']],
    ['2026-11-22 10:42', ['custom', '2026-11-22T10:42:00.000Z', '2026-11-22T10:43:00.000Z']],
    ['2026-11-22T10:42:31Z', ['custom', '2026-11-22T10:42:31.000Z', '2026-11-22T10:42:32.000Z']],
    ['2026-11-22T10:42:31.5+08:00', ['custom', '2026-11-22T02:42:31.500Z', '2026-11-22T02:42:32.500Z']],
    ['2026/09/01', ['custom', '2026-09-01T00:00:00.000Z', '2026-09-02T00:00:00.000Z']],
    ['11-21 10:42:31', ['custom', '2026-11-21T10:42:31.000Z', '2026-11-21T10:42:32.000Z']],
    ['12-31', ['custom', '2025-12-31T00:00:00.000Z', '2026-01-01T00:00:00.000Z']],
    ['10:42', ['custom', '2026-11-22T10:42:00.000Z', '2026-11-22T10:43:00.000Z']],
    ['23:50', ['custom', '2026-11-21T23:50:00.000Z', '2026-11-21T23:51:00.000Z']],
    ['10:42:31.102', ['custom', '2026-11-22T10:42:31.102Z', '2026-11-22T10:42:32.102Z']],
    ['today', ['custom', '2026-11-22T00:00:00.000Z', '2026-11-23T00:00:00.000Z']],
    ['昨天', ['custom', '2026-11-21T00:00:00.000Z', '2026-11-22T00:00:00.000Z']],
    ['10:00..11:30', ['custom', '2026-11-22T10:00:00.000Z', '2026-11-22T11:30:00.000Z']],
    ['2026-11-20 23:50 - 00:10', ['custom', '2026-11-20T23:50:00.000Z', '2026-11-21T00:10:00.000Z']],
    ['2026-11-20 10:00 to now', ['custom', '2026-11-20T10:00:00.000Z', '']],
    ['2026-11-20 10:00..', ['custom', '2026-11-20T10:00:00.000Z', '']],
    ['..2026-11-20', ['custom', '', '2026-11-20T00:00:00.000Z']],
    ['2h..1h', ['custom', '2026-11-22T10:00:00.000Z', '2026-11-22T11:00:00.000Z']],
  ];
  for (const [typed, [range, from, to]] of cases) {
    assert.deepEqual(parseRange(typed, now, utc), { range, from, to }, typed);
  }
});

test('what cannot be read is not guessed', () => {
  for (const typed of ['nonsense', '25:00', '10:60', '2026-02-30', '2026-13-01', '..', '5', '5 apples', '1..2..3', '2026-11-22..2026-11-20', '99999999w', '10:00..x', 'x..10:00', '2026-']) {
    assert.equal(parseRange(typed, now, utc), null, typed);
  }
});

test('a day and a clock are those of the zone', () => {
  const shanghai = namedZone('Asia/Shanghai');
  const late = Date.parse('2026-11-22T17:00:00Z'); // 01:00 of the 23rd there
  assert.deepEqual(parseRange('today', late, shanghai), { range: 'custom', from: '2026-11-22T16:00:00.000Z', to: '2026-11-23T16:00:00.000Z' });
  assert.deepEqual(parseRange('00:30', late, shanghai), { range: 'custom', from: '2026-11-22T16:30:00.000Z', to: '2026-11-22T16:31:00.000Z' });
  const berlin = namedZone('Europe/Berlin');
  assert.deepEqual(parseRange('2026-10-25', now, berlin), { range: 'custom', from: '2026-10-24T22:00:00.000Z', to: '2026-10-25T23:00:00.000Z' }, 'the day has 25 hours');
});
