import assert from 'node:assert/strict';
import { test } from 'node:test';
import { browserOf } from '../js/account/browser.js';

test('a browser is called by its name and its system', () => {
  const mozilla = 'Mozilla/5.0';
  for (const [agent, name] of [
    [`${mozilla} (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0`, 'Firefox, Linux'],
    [`${mozilla} (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0`, 'Edge, Windows'],
    [`${mozilla} (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Safari/605.1.15`, 'Safari, macOS'],
    [`${mozilla} (Linux; Android 15) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36`, 'Chrome, Android'],
    ['curl/8.5.0', 'curl'], ['my-script 1.0', 'my-script 1.0'], ['', '–'],
  ]) assert.equal(browserOf(agent), name);
});
