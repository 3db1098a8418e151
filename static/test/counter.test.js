import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EntryCounter } from '../js/export/counter.js';

test('entries are counted however the bytes are cut', () => {
  const cases = [
    ['ndjson', '{"a":"\\""}\n{"b":1}\n', 2],
    ['txt', 'one "\ntwo\n', 2],
    ['csv', 'seq,message\r\n1,"a\r\nb ""c"""\r\n2,d\r\n', 2],
    ['csv', 'seq,message\r\n', 0],
    ['csv', '', 0],
  ];
  for (const [format, text, want] of cases) {
    const bytes = new TextEncoder().encode(text);
    for (let cut = 0; cut <= bytes.length; cut++) {
      const counter = new EntryCounter(format);
      counter.add(bytes.slice(0, cut));
      counter.add(bytes.slice(cut));
      assert.equal(counter.entries, want);
    }
  }
});
