import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readAddress, writeAddress } from '../js/search/address.js';

test('what the address says is read, and written the same', () => {
  const cases = [
    ['', { q: '', instances: [], range: '', from: '', to: '' }],
    ['?q=slow+query&i=redis/dev1&i=unassigned', { q: 'slow query', instances: ['redis/dev1', 'unassigned'], range: '', from: '', to: '' }],
    ['?q=%E8%B6%85%E6%97%B6&from=15m', { q: '超时', instances: [], range: '15m', from: '', to: '' }],
    ['?from=2026-09-01T10:00:00Z&to=2026-09-01T11:00:00Z', { q: '', instances: [], range: 'custom', from: '2026-09-01T10:00:00Z', to: '2026-09-01T11:00:00Z' }],
    ['?from=3d', { q: '', instances: [], range: 'custom', from: '3d', to: '' }],
    ['?from=1h&tz=UTC', { q: '', instances: [], range: '1h', from: '', to: '', zone: 'utc' }],
    ['?q=after:10:42&tz=server', { q: 'after:10:42', instances: [], range: '', from: '', to: '', zone: 'server' }],
  ];
  for (const [search, scope] of cases) {
    assert.deepEqual(readAddress(search), scope);
    assert.equal(writeAddress(scope), search);
  }
});

test('a live address has no range', () => {
  const live = { q: 'x', instances: [], range: '', from: '', to: '' };
  for (const search of ['?q=x&live=1', '?q=x&from=1h&live=1', '?q=x&from=2026-09-01T10:00:00Z&to=2026-09-01T11:00:00Z&live=1']) {
    assert.deepEqual(readAddress(search), live);
  }
  assert.equal(readAddress('?q=x&from=1h&live=0').range, '1h');
});

test('an instance that is named twice counts once, an empty one not at all', () => {
  assert.deepEqual(readAddress('?i=a/b&i=&i=a/b').instances, ['a/b']);
});

test("the reader's own zone is not in the address, and one that is unknown is his own", () => {
  assert.equal(writeAddress({ ...readAddress('?q=x'), zone: 'local' }), '?q=x');
  assert.equal('zone' in readAddress('?tz=Mars/Olympus'), false);
  assert.equal('zone' in readAddress('?tz=toString'), false);
});
