import assert from 'node:assert/strict';
import { test } from 'node:test';
import { jsonOf, pairsOf } from '../js/details/structure.js';

test('JSON is found, also behind words', () => {
  assert.deepEqual(jsonOf('{"a":1,"b":{"c":"超时"}}'), { a: 1, b: { c: '超时' } });
  assert.deepEqual(jsonOf('@cee: {"a":1}\n'), { a: 1 });
  for (const text of ['', 'plain', '[error] x', '{}', '{"a":1} tail', '{broken}', '3', `{"a":"${'x'.repeat(300_000)}"}`]) {
    assert.equal(jsonOf(text), undefined);
  }
});

test('key=value needs two of them, and quotes hold a value together', () => {
  assert.deepEqual(pairsOf('level=info msg="it said \\"no\\"" took=3ms, n=用户'), [
    { key: 'level', value: 'info', raw: 'level=info' },
    { key: 'msg', value: 'it said "no"', raw: 'msg="it said \\"no\\""' },
    { key: 'took', value: '3ms', raw: 'took=3ms' },
    { key: 'n', value: '用户', raw: 'n=用户' },
  ]);
  for (const text of ['', 'a=1', 'x == y', 'http://h/?a=1&b=2', 'if a= b=']) assert.deepEqual(pairsOf(text), []);
});
