import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addTerm, fieldTerm, ownTerms, removeTerm, scopedQuery } from '../js/search/query.js';

test('instances come first, and an OR is held together', () => {
  const cases = [
    ['', [], ''],
    [' a b ', [], 'a b'],
    ['', ['redis/dev1'], 'instance:redis/dev1'],
    ['a', ['redis/dev1', 'unassigned'], 'instance:redis/dev1,unassigned a'],
    ['a OR b', ['redis/dev1'], 'instance:redis/dev1 (a OR b)'],
    ['FOR a', ['redis/dev1'], 'instance:redis/dev1 FOR a'],
    ['a', ['my app/dev1'], 'instance:"my app/dev1" a'],
  ];
  for (const [q, instances, want] of cases) assert.equal(scopedQuery(q, instances), want);
});

test('the term that the page has added is not shown', () => {
  const terms = [{ text: 'instance:redis/dev1', kind: 'field', from: 0, to: 19 }, { text: 'a', kind: 'text', from: 20, to: 21 }];
  assert.deepEqual(ownTerms(terms, ['redis/dev1'], 'a'), [{ text: 'a', kind: 'text', from: 0, to: 1 }]);
  assert.deepEqual(ownTerms(terms.slice(0, 1), ['redis/dev1'], ''), []);
  assert.deepEqual(ownTerms(terms, [], 'instance:redis/dev1 a'), terms);
});

test('a value becomes a term that finds it', () => {
  const cases = [
    ['severity', 'err', 'severity:err'],
    ['app_name', 'my app', 'tag:="my app"'],
    ['app_name', 'say "hi" \\', 'tag:="say \\"hi\\" \\\\"'],
    ['app_name', '/x/', 'tag:="/x/"'],
    ['app_name', 'a*', 'tag:="a*"'],
    ['hostname', 'web', 'host:=web'],
    ['client', '10.0.0.1..9', 'client:"10.0.0.1..9"'],
    ['service', 'redis', 'instance:redis/*'],
    ['path', '/a?b=1&c="d', 'path:"/a?b=1&c=\\"d"'],
    ['file', '/srv/main.lua:12', 'file:"/srv/main.lua:12"'],
    ['status', '502', 'status:502'],
    ['upstream_took', '0.3', ''],
    ['input', 'udp://127.0.0.1:5514', ''],
  ];
  for (const [key, value, want] of cases) assert.equal(fieldTerm(key, value), want);
});

test('adding a term twice changes nothing, and excluding it takes it back', () => {
  assert.equal(addTerm('', 'severity:err'), 'severity:err');
  assert.equal(addTerm('a severity:err', 'severity:err'), 'a severity:err');
  assert.equal(addTerm('a severity:err b', '-severity:err'), 'a b -severity:err');
  assert.equal(addTerm('a -severity:err', 'severity:err'), 'a severity:err');
});

test('only a whole term is removed', () => {
  assert.equal(removeTerm('err severity:err x', 'err'), 'severity:err x');
  assert.equal(removeTerm('severity:err', 'err'), 'severity:err');
  assert.equal(removeTerm('a b', 'c'), 'a b');
});

test('a term is added to all alternatives, and to nothing that was left open', () => {
  const cases = [
    ['a OR b', 'x', '(a OR b) x'],
    ['a OR severity:err', '-severity:err', '(a OR severity:err) -severity:err'],
    ['(a OR b) x', '-x', '(a OR b) -x'],
    ['"a OR b"', 'x', '"a OR b" x'],
    ['"left open', 'x', '"left open" x'],
    ['"', 'x', '"" x'],
    ['(a OR b', 'x', '(a OR b) x'],
    ['a NOT', 'x', 'a x'],
    ['a -', 'x', 'a x'],
    ["it's here", 'x', "it's here x"],
  ];
  for (const [q, term, want] of cases) assert.equal(addTerm(q, term), want);
});

test('what stands in quotes is no term of its own', () => {
  assert.equal(removeTerm('"a  severity:err b"  severity:err', 'severity:err'), '"a  severity:err b"');
  assert.equal(addTerm('"say severity:err"', 'severity:err'), '"say severity:err" severity:err');
});
