import assert from 'node:assert/strict';
import { test } from 'node:test';
import { choiceOf, exclude, toggle, withField, withoutField } from '../js/facets/terms.js';
import { splitTerms } from '../js/search/split.js';

test('a text falls into terms, quotes and parentheses held together', () => {
  const cases = [
    ['', []], ['  a  b ', ['a', 'b']], ['"a b" c', ['"a b"', 'c']], ['host:="a b",c -(x y) "un closed', ['host:="a b",c', '-(x y)', '"un closed']],
    ["it's all text", ["it's", 'all', 'text']], ['"a \\" b" c', ['"a \\" b"', 'c']], [')a (b', [')a', '(b']],
  ];
  for (const [q, want] of cases) assert.deepEqual(splitTerms(q), want, q);
});

test('values are added to one term and taken from it', () => {
  let q = toggle('timeout', 'severity:', 'err');
  assert.equal(q, 'timeout severity:err');
  q = toggle(q, 'severity:', 'warning');
  assert.equal(q, 'timeout severity:err,warning');
  assert.deepEqual(choiceOf(q, 'severity:'), { only: ['err', 'warning'], not: [] });
  q = toggle(q, 'severity:', 'err');
  assert.equal(q, 'timeout severity:warning');
  assert.equal(toggle(q, 'severity:', 'warning'), 'timeout');
});

test('a value is left out, and comes back', () => {
  let q = exclude('tag:=cron x', 'tag:=', 'cron');
  assert.equal(q, 'x -tag:=cron');
  q = exclude(q, 'tag:=', 'my "app"');
  assert.equal(q, 'x -tag:=cron,"my \\"app\\""');
  assert.deepEqual(choiceOf(q, 'tag:='), { only: [], not: ['cron', 'my "app"'] });
  assert.equal(toggle(q, 'tag:=', 'cron'), 'x -tag:="my \\"app\\""');
  assert.equal(exclude('x -tag:=cron', 'tag:=', 'cron'), 'x');
});

test('only and all but say nothing else of the field', () => {
  assert.equal(withField('severity:err -severity:info a', 'severity:', { only: ['debug'], not: [] }), 'a severity:debug');
  assert.equal(withField('severity:err a', 'severity:', { only: [], not: ['debug'] }), 'a -severity:debug');
});

test('alternatives are held together, and what is in them is left alone', () => {
  assert.equal(toggle('a OR b', 'severity:', 'err'), '(a OR b) severity:err');
  assert.equal(toggle('(a OR b) severity:err', 'severity:', 'err'), '(a OR b)');
  assert.deepEqual(choiceOf('severity:err OR b', 'severity:'), { only: [], not: [] });
  assert.equal(withoutField('severity:err OR b', 'severity:'), 'severity:err OR b');
});

test('a text that says nothing of the field stays as it was typed', () => {
  assert.equal(withoutField('  a   b ', 'host:='), '  a   b ');
  assert.equal(withoutField('a host:=x  b', 'host:='), 'a b');
});
