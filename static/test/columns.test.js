import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readColumns, readView, template, usual, writeView } from '../js/list/columns.js';
import { saysNothing } from '../js/search/address.js';
import { readLink, writeLink } from '../js/search/link.js';
import { own } from '../js/list/opening.js';

test('columns come in their order, and the message is always there', () => {
  assert.deepEqual(readColumns('msg,pid,time'), ['time', 'pid', 'message']);
  assert.deepEqual(readColumns('host'), ['host', 'message']);
  assert.deepEqual(readColumns('nonsense,,'), usual);
  assert.equal(template(['time', 'message']), 'var(--w-time) minmax(0, 1fr)');
});

test('an address says only what is not usual', () => {
  for (const [search, view] of [['', {}], ['wrap=all', { wrap: 'all' }], ['cols=time,pid,message&wrap=two', { columns: ['time', 'pid', 'message'], wrap: 'two' }]]) {
    assert.deepEqual(readView('?' + search), view);
    const params = new URLSearchParams();
    writeView(params, view);
    assert.equal(decodeURIComponent(params.toString()), search);
  }
});

test('only l and a number are a link to an entry', () => {
  assert.deepEqual(['#l=123', '#l=0', '#l=', '#l=12x', '#123', '', '#token', '#l=-1', '#l=99999999999999999999'].map(readLink), [123, 0, 0, 0, 0, 0, 0, 0, 0]);
  assert.equal(writeLink(12) + writeLink(0), '#l=12');
});

test('an address without a scope says nothing, whatever it says of looks', () => {
  assert.deepEqual(['', '?cols=time', '?q=', '?q=x', '?i=*', '?i=a/b', '?from=1h', '?to=x'].map(saysNothing), [true, true, true, false, false, false, false, false]);
});

test('one’s own are one’s own and the shared, and nothing for who has none', () => {
  const known = [['a', 'dev1'], ['b', 'dev2'], ['c', 'shared']].map(([service, owner]) => ({ instance: `${service}/${owner}`, owner }));
  assert.deepEqual(own({ me: { name: 'dev1' }, known }), ['a/dev1', 'c/shared']);
  assert.deepEqual(own({ me: { name: 'admin' }, known }), []);
  assert.deepEqual(own({ me: null, known }), []);
});
