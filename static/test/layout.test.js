import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Layout } from '../js/list/layout.js';

/** The same by adding up. */
const naive = {
  offsetOf: (heights, i) => heights.slice(0, i).reduce((sum, height) => sum + height, 0),
  indexAt(heights, y) {
    let top = 0;
    let last = 0;
    for (const [i, height] of heights.entries()) {
      top += height;
      if (height > 0) last = i;
      if (height > 0 && top > y) return i;
    }
    return last;
  },
};

/** Numbers that look random and are the same each time. */
function* numbers(seed) {
  for (;;) {
    seed = (seed * 1103515245 + 12345) % 2 ** 31;
    yield seed;
  }
}

test('places agree with adding up, whatever has been put in and taken out', () => {
  const random = numbers(7);
  const next = (n) => random.next().value % n;
  const layout = new Layout();
  let heights = [];
  for (let round = 0; round < 300; round++) {
    const at = next(3) === 0 ? heights.length : next(heights.length + 1);
    const removed = next(3) === 0 ? Math.min(next(400), heights.length - at) : 0;
    const added = Array.from({ length: next(200) }, () => (next(4) === 0 ? 0 : 20 * (1 + next(5))));
    layout.splice(at, removed, added);
    heights = [...heights.slice(0, at), ...added, ...heights.slice(at + removed)];
    if (heights.length > 0) {
      const i = next(heights.length);
      heights[i] = 20 * next(8);
      layout.set(i, heights[i]);
    }
    assert.deepEqual(layout.heights, heights);
    const total = naive.offsetOf(heights, heights.length);
    assert.equal(layout.offsetOf(heights.length), total);
    for (let k = 0; k < 5; k++) {
      const i = next(heights.length + 1);
      assert.equal(layout.offsetOf(i), naive.offsetOf(heights, i));
      const y = next(total + 100) - 50;
      assert.equal(layout.indexAt(y), naive.indexAt(heights, y), `at ${y} of ${total}`);
      const from = layout.from(i);
      assert.ok(from === heights.length || heights[from] > 0);
      assert.ok(heights.slice(i, from).every((height) => height === 0));
    }
  }
});

test('a list of nothing but one folded row is quick to look through', () => {
  const layout = new Layout();
  layout.reset([20, ...Array(100_000).fill(0)]);
  assert.equal(layout.from(1), 100_001);
  assert.equal(layout.indexAt(500), 0);
  assert.equal(layout.offsetOf(100_001), 20);
});
