import assert from 'node:assert/strict';
import { test } from 'node:test';
import { around, fieldsLike, placeAt, take, valuesLike } from '../js/search/complete.js';
import { withSearch } from '../js/search/history.js';

/** | is the caret. @param {string} marked */
function at(marked) {
  const caret = marked.indexOf('|');
  const text = marked.replace('|', '');
  return { text, place: placeAt(text, caret) };
}

test('a name or a value is completed where one is typed', () => {
  const cases = [
    ['sev|', 'field:sev'], ['a -sev|', 'field:sev'], ['(sev|)', 'field:sev'], ['severity:|', 'value:severity='],
    ['a severity>=e| b', 'value:severity=e'], ['-in:a,re|', 'value:in=re'], ['超时 host:开|', 'value:host=开'],
    ['|', ''], ['a |', ''], ['s|ev', ''], ['"sev|', ''], ['tag:"my a|', ''], ['Sev|', ''], ['main.lua:12|', ''],
  ];
  for (const [marked, want] of cases) {
    const { place } = at(marked);
    const got = !place ? '' : place.kind === 'field' ? `field:${place.typed}` : `value:${place.field}=${place.typed}`;
    assert.equal(got, want, marked);
  }
});

test('what is taken replaces only what was typed', () => {
  const cases = [
    ['a -sev| b', 'severity', 'a -severity:| b'],
    ['a severity:e| b', 'err', 'a severity:err |b'],
    ['tag:n|', 'my app', 'tag:"my app" |'],
    ['in:a,re|', 'redis/dev1', 'in:a,redis/dev1 |'],
  ];
  for (const [marked, offer, want] of cases) {
    const { text, place } = at(marked);
    const got = take(text, place, offer);
    assert.equal(got.text.slice(0, got.caret) + '|' + got.text.slice(got.caret), want);
  }
  const { text, place } = at('a -tag:n| b');
  assert.equal(around(text, place), 'a   b');
});

test('offers begin with what fits best', () => {
  const fields = [{ name: 'service', aliases: [] }, { name: 'host', aliases: ['source'] }, { name: 'severity', aliases: ['sev'] }];
  assert.deepEqual(fieldsLike(fields, 's').map(({ name }) => name), ['service', 'severity', 'host']);
  assert.deepEqual(valuesLike([{ value: 'warning', count: 2 }, { value: '', count: 1 }, { value: 'info', count: 1 }], ['notice', 'info'], 'n'), [
    { value: 'notice' }, { value: 'warning', count: 2 }, { value: 'info', count: 1 },
  ]);
});

test('a search that is repeated moves to the front', () => {
  assert.deepEqual(withSearch(['a', 'b'], 'b'), ['b', 'a']);
  assert.equal(withSearch(Array.from({ length: 50 }, (_, i) => String(i)), 'x').length, 50);
});
