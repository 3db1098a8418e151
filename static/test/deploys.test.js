import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deployParam, isDeploy, markFrom, markOf } from '../js/histogram/deploys.js';

/** @param {Partial<Entry>} more @returns {Entry} */
const entry = (more) => ({
  seq: 1, received: '2026-11-22T10:00:00Z', facility: 'local5', severity: 'notice', instance: 'a/dev1', format: 'own', msg_id: 'DEPLOY',
  message: 'deploy v43 a/dev1 7ebbf4f by dev1', ...more,
});

test('only what the server itself writes is a deploy', () => {
  assert.equal(isDeploy(entry({})), true);
  assert.equal(isDeploy(entry({ msg_id: 'SIGNAL' })), true);
  assert.equal(isDeploy(entry({ msg_id: 'REFUSED' })), false);
  assert.equal(isDeploy(entry({ format: 'rfc5424' })), false);
  assert.equal(isDeploy({ gap: true, count: 1, from_seq: 1, to_seq: 1 }), false);
});

test('the parameters of an element are read with their escapes', () => {
  const one = entry({ structured_data: String.raw`[deploy@32473 user="dev1" subject="fix \"login\" \\ a\]b" result="failed"]` });
  assert.equal(deployParam(one, 'subject'), String.raw`fix "login" \ a]b`);
  assert.equal(deployParam(one, 'result'), 'failed');
  assert.equal(deployParam(one, 'sha'), '');
  assert.equal(deployParam(entry({}), 'user'), '');
  assert.deepEqual(markOf(one), {
    at: Date.parse('2026-11-22T10:00:00Z'), failed: true, text: String.raw`deploy v43 a/dev1 7ebbf4f by dev1 · fix "login" \ a]b`,
  });
  assert.equal(markOf(entry({ msg_id: 'SIGNAL' })), null);
});

test('a mark of the histogram says what changed where and whose it was', () => {
  const mark = markFrom({
    instance: 'a/dev1', number: 43, time: '2026-11-22T10:00:00Z', kind: 'rollback', result: 'failed', by: 'dev1', sha: '7ebbf4f0a1', subject: '',
  });
  assert.deepEqual(mark, { at: Date.parse('2026-11-22T10:00:00Z'), failed: true, text: 'rollback to v43, a/dev1 · 7ebbf4f · dev1 · failed' });
});
