import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cutValues } from '../js/list/values.js';

const values = (text) => cutValues(text).filter((_, i) => i % 2 === 1);

test('addresses, ids and places are found', () => {
  const cases = [
    ['client: 10.0.4.17, server: _', ['10.0.4.17']],
    ['from 10.0.4.17:8080 to 1.2.3.4.', ['10.0.4.17']],
    ['version 1.2.3.4.5 and 1.2.3', []],
    ['req 9f3c21aa01 and deadbeef and 3f2504e0-4f89-11d3-9a0c-0305e82c3301', ['9f3c21aa01', '3f2504e0-4f89-11d3-9a0c-0305e82c3301']],
    ['uid=4821 took 0.25 s at 10:42:31', []],
    ['main.lua:12: in /data/dev1/gate/lua/router.lua:88: boom', ['main.lua:12', '/data/dev1/gate/lua/router.lua:88']],
    ['host.example.com:443 nginx.conf:41', ['nginx.conf:41']],
    ['', []],
  ];
  for (const [text, want] of cases) {
    // A full stop may end a sentence.
    assert.deepEqual(values(text), text.endsWith('1.2.3.4.') ? want : want, text);
  }
});

test('no text is lost around values', () => {
  for (const text of ['a 10.0.0.1 b main.lua:1 c', '10.0.0.1', 'x', '', '10.0.0.1main.lua:3']) assert.equal(cutValues(text).join(''), text);
});

test('a long hostile text is cut in linear time', () => {
  const start = performance.now();
  for (const unit of ['1.', '1.2.3.', 'a1', 'f0-', 'a.lua:', './', 'x/', '0123456789abcdef-']) cutValues(unit.repeat(8192));
  assert.ok(performance.now() - start < 3000);
});
