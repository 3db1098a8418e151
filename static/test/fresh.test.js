import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fresh } from '../js/list/fresh.js';

test('what has arrived is new for a second, and what was there is not', () => {
  const fresh = new Fresh();
  assert.equal(fresh.isNew(5, 1000), false);
  fresh.arrived(5, 2, 1000);
  assert.equal(fresh.isNew(4, 1001), false);
  assert.equal(fresh.isNew(6, 1999), true);
  assert.equal(fresh.isNew(6, 2000), false);
});

test('rows that come too fast to be looked at are not pointed out', () => {
  const fresh = new Fresh();
  for (let i = 0; i < 40; i++) fresh.arrived(i, 1, 1000 + 25 * i);
  assert.equal(fresh.isNew(39, 1980), false);
  fresh.arrived(40, 1, 4000);
  assert.equal(fresh.isNew(40, 4001), true);
});
