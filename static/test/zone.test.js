import assert from 'node:assert/strict';
import { test } from 'node:test';
import { local, localName, namedZone, unwall, utc, wall, zoneChoices, zoneOf, zoneParam } from '../js/zone.js';

const at = (/** @type {string} */ iso) => Date.parse(iso);

test('an offset follows the clock of the zone, summer time included', () => {
  const cases = [
    ['Europe/Berlin', '2026-03-29T00:59:59Z', 60], ['Europe/Berlin', '2026-03-29T01:00:00Z', 120],
    ['Europe/Berlin', '2026-10-25T00:59:59Z', 120], ['Europe/Berlin', '2026-10-25T01:00:00Z', 60],
    ['Asia/Kathmandu', '2026-11-22T10:00:00Z', 345], ['Australia/Lord_Howe', '2026-11-22T10:00:00Z', 660],
    ['+05:30', '2026-11-22T10:00:00Z', 330], ['-11:00', '2026-11-22T10:00:00Z', -660],
    ['UTC', '2026-11-22T10:00:00Z', 0], ['no/such', '2026-11-22T10:00:00Z', 0],
  ];
  for (const [name, iso, want] of cases) assert.equal(namedZone(name).offset(at(iso)), want, `${name} ${iso}`);
});

test('what a clock shows is read back as the same moment', () => {
  for (const name of ['Europe/Berlin', 'America/New_York', 'Asia/Shanghai', 'Australia/Lord_Howe', 'UTC', '-03:30']) {
    const zone = namedZone(name);
    for (let ms = at('2026-01-01T00:10:00Z'); ms < at('2027-01-01T00:00:00Z'); ms += 7 * 3_600_000) {
      const back = unwall(wall(ms, zone).getTime(), zone);
      // One hour of autumn is there twice: the earlier of the two is meant.
      assert.ok(back === ms || (back < ms && wall(back, zone).getTime() === wall(ms, zone).getTime()), `${name} ${new Date(ms).toISOString()}`);
    }
  }
});

test('the hour that is there twice is the earlier, the one that is missing goes on', () => {
  const berlin = namedZone('Europe/Berlin');
  assert.equal(unwall(at('2026-10-25T02:30:00Z'), berlin), at('2026-10-25T00:30:00Z'));
  assert.equal(unwall(at('2026-03-29T02:30:00Z'), berlin), at('2026-03-29T01:30:00Z'));
  assert.equal(unwall(at('2026-03-29T03:30:00Z'), berlin), at('2026-03-29T01:30:00Z'));
});

test('the page has three zones, and tells the server which', () => {
  const me = { name: 'dev1', role: 'admin', version: '1', zone: 'Pacific/Apia' };
  assert.equal(zoneOf({ zone: 'utc', me }), utc);
  assert.equal(zoneOf({ zone: 'local', me }), local);
  assert.equal(zoneOf({ zone: 'server', me }).offset(0), namedZone('Pacific/Apia').offset(0));
  assert.equal(zoneParam({ zone: 'utc', me }), 'UTC');
  assert.equal(zoneParam({ zone: 'server', me }), '');
  assert.equal(zoneParam({ zone: 'local', me }), local.name);
  assert.deepEqual(zoneChoices({ me }), ['local', 'utc', 'server']);
  assert.deepEqual(zoneChoices({ me: { ...me, zone: local.name } }), ['local', 'utc']);
  assert.deepEqual(zoneChoices({ me: null }), ['local', 'utc']);
});

test('a browser that cannot name its zone has an offset', () => {
  assert.equal(localName('Asia/Shanghai', 480), 'Asia/Shanghai');
  assert.equal(localName('Etc/Unknown', -210), '-03:30');
  assert.equal(localName(undefined, 480), '+08:00');
});
