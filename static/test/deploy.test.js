import assert from 'node:assert/strict';
import { test } from 'node:test';
import { linesOf } from '../js/deploy/diff.js';
import { readJob, writeJob } from '../js/search/job.js';

test('each line of a difference is what it is', () => {
  const text = 'diff a a\n--- a\n+++ a\n@@ -1,2 +1,2 @@\n same\n-old\n+new\n--- a comment that goes\n+++ a comment that comes\n\\ No newline at end of file\ndiff b b\nb is not shown\n';
  assert.deepEqual(linesOf(text).map(({ kind }) => kind), ['file', 'file', 'place', '', 'out', 'in', 'out', 'in', '', 'file']);
  assert.deepEqual(linesOf(''), []);
});

test('a fragment names a job or none', () => {
  for (const id of ['1', 'ABCDEFGHIJKLMNOPQRSTUVWXYZ']) assert.equal(readJob(writeJob(id)), id);
  for (const bad of ['', '#', '#l=5', '#job=', '#job=a/b', '#job=%41', `#job=${'A'.repeat(65)}`]) assert.equal(readJob(bad), '');
  assert.equal(writeJob(''), '');
});
