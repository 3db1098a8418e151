import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Folds, lineCount, repeats } from '../js/list/folds.js';

const entry = (message, seconds = 0, more = {}) => ({
  seq: 1, received: new Date(1e12 + seconds * 1000).toISOString(), severity: 'info', instance: 'a/b', message, ...more,
});
const counts = (folds, items) => items.map((item) => (folds.hides(item) ? 0 : folds.group(item)?.count ?? 1));

test('neighbours that say the same are folded into the first of them', () => {
  const folds = new Folds();
  const items = [entry('x'), entry('y'), entry('y'), entry('y'), entry('x')];
  folds.join(items, 0, 5);
  assert.deepEqual(counts(folds, items), [1, 3, 0, 0, 1]);
  items.push(entry('x'));
  folds.join(items, 5, 6);
  assert.deepEqual(counts(folds, items), [1, 3, 0, 0, 2, 0]);
  folds.group(items[1]).open = true;
  assert.deepEqual(counts(folds, items), [1, 3, 3, 3, 2, 0]);
});

test('a row never stands for more than a minute', () => {
  const folds = new Folds();
  const items = [0, 30, 60, 61, 90].map((seconds) => entry('x', seconds));
  folds.join(items, 0, 5);
  assert.deepEqual(counts(folds, items), [3, 0, 0, 2, 0]);
});

test('only what differs in nothing but nginx’s time repeats', () => {
  assert.ok(repeats(entry('2026/11/22 11:33:26 [error] 17#17: *2 boom'), entry('2026/11/22 11:33:27 [error] 17#17: *2 boom')));
  for (const other of [{ message: 'y' }, { severity: 'err' }, { instance: 'a/c' }, { app_name: 'z' }, { flags: ['lost'] }, { instance_by: 'port' }]) {
    assert.ok(!repeats(entry('x'), entry('x', 1, other)), JSON.stringify(other));
  }
});

test('nothing is folded over a gap', () => {
  const folds = new Folds();
  const items = [entry('x'), { gap: true, count: 1, from_seq: 2, to_seq: 2 }, entry('x')];
  folds.join(items, 0, 3);
  assert.deepEqual(counts(folds, items), [1, 1, 1]);
});

test('when the first goes, the next one stands for the rest', () => {
  const folds = new Folds();
  const items = ['x', 'x', 'x', 'x', 'y'].map((message) => entry(message));
  folds.join(items, 0, 5);
  items.splice(0, 2);
  folds.behead(items);
  assert.deepEqual(counts(folds, items), [2, 0, 1]);
});

test('lines are counted without empty ones at the end', () => {
  assert.deepEqual(['', 'a', 'a\n', 'a\nb', 'a\n\nb\n\n', '\n\n'].map(lineCount), [1, 1, 1, 2, 3, 1]);
});
