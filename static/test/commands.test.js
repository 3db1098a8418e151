import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Commands, fit, keyName } from '../js/frame/commands.js';

test('a command is found by any of its keys', () => {
  const commands = new Commands();
  commands.add({ words: 'a', keys: ['j', 'ArrowDown'], run() {} }, { words: 'b', run() {} });
  assert.equal(commands.of('ArrowDown')?.words, 'a');
  assert.equal(commands.of('x'), undefined);
  assert.deepEqual([' ', 'ArrowUp', 'G'].map(keyName), ['Space', '↑', 'G']);
});

test('what begins a word fits best, letters in their order fit somewhat', () => {
  assert.equal(fit('dev1', 'socketserver/dev1'), 3);
  assert.equal(fit('ev1', 'socketserver/dev1'), 2);
  assert.equal(fit('sd1', 'socketserver/dev1'), 1);
  assert.equal(fit('1d', 'socketserver/dev1'), 0);
  assert.ok(fit('', 'anything') > 0);
});
