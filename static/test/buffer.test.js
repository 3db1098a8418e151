import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Buffer } from '../js/list/buffer.js';

/** @param {number[]} seqs */
const entries = (...seqs) => seqs.map((seq) => ({ seq }));
const gap = (from, to) => ({ gap: true, count: to - from + 1, from_seq: from, to_seq: to });
const seqs = (buffer) => buffer.items.map((item) => (item.gap ? `${item.from_seq}-${item.to_seq}` : item.seq));

test('what a resumed connection repeats is taken once', () => {
  const buffer = new Buffer();
  buffer.append(entries(3, 5, 8));
  const fresh = buffer.append(entries(5, 8, 9, 9, 12));
  assert.deepEqual(seqs({ items: fresh }), [9, 12]);
  assert.deepEqual(seqs(buffer), [3, 5, 8, 9, 12]);
});

test('older entries come in front, those already held are left out', () => {
  const buffer = new Buffer();
  buffer.append(entries(10, 11));
  assert.equal(buffer.prepend(entries(7, 9, 10)), 2);
  assert.deepEqual(seqs(buffer), [7, 9, 10, 11]);
  assert.equal(buffer.firstSeq, 7);
  assert.equal(buffer.lastSeq, 11);
});

test('imported entries stay where they were put, each one once, and hold up nothing that arrives', () => {
  const buffer = new Buffer();
  const old = (n) => 2 ** 52 + n;
  buffer.append(entries(old(1), old(7), 10, 11));
  assert.equal(buffer.lastArrived, 11);
  buffer.append(entries(12));
  assert.equal(buffer.prepend(entries(5, old(0), 9, old(1))), 3);
  assert.deepEqual(seqs(buffer), [5, old(0), 9, old(1), old(7), 10, 11, 12]);
  assert.equal(buffer.firstSeq, 5);
  assert.equal(buffer.firstArrived, 5);
  assert.equal(buffer.indexOf(old(7)), 4);
  assert.equal(buffer.indexOf(11), 6);
  assert.equal(buffer.indexOf(6), -1);
  assert.equal(buffer.append(entries(old(7))).length, 0);
  buffer.trim(4);
  assert.deepEqual(seqs(buffer), [old(7), 10, 11, 12]);
  assert.equal(buffer.firstArrived, 10);
  assert.equal(buffer.prepend(entries(old(1))), 1);
});

test('trimming drops the oldest', () => {
  const buffer = new Buffer();
  buffer.append(entries(1, 2, 3, 4));
  assert.equal(buffer.trim(2), 2);
  assert.equal(buffer.trim(2), 0);
  assert.deepEqual(seqs(buffer), [3, 4]);
});

test('a gap is filled in place', () => {
  const buffer = new Buffer();
  const hole = gap(4, 9);
  buffer.append([...entries(3), hole, ...entries(10)]);
  buffer.fill(hole, entries(4, 6, 9), false);
  assert.deepEqual(seqs(buffer), [3, 4, 6, 9, 10]);
});

test('a gap that is too large for one answer keeps its rest', () => {
  const buffer = new Buffer();
  const hole = gap(4, 900);
  buffer.append([...entries(3), hole, ...entries(901)]);
  buffer.fill(hole, entries(4, 6), true);
  assert.deepEqual(seqs(buffer), [3, 4, 6, '7-900', 901]);
});

test('a gap in which nothing matches goes', () => {
  const buffer = new Buffer();
  const hole = gap(4, 9);
  buffer.append([...entries(3), hole, ...entries(10)]);
  buffer.fill(hole, [], false);
  assert.deepEqual(seqs(buffer), [3, 10]);
});

test('an item is found by any Seq that it covers', () => {
  const buffer = new Buffer();
  buffer.append([...entries(3), gap(4, 9), ...entries(12)]);
  assert.deepEqual([2, 3, 4, 9, 10, 12, 13].map((seq) => buffer.indexOf(seq)), [-1, 0, 1, 1, -1, 2, -1]);
  assert.equal(buffer.entry(5), null);
  assert.equal(buffer.entry(12)?.seq, 12);
});
