import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { test } from 'node:test';
import { tables, teach } from '../js/strings.js';
import { words as account } from '../js/words/account.js';
import { words as deploy } from '../js/words/deploy.js';

teach(account);
teach(deploy);

const root = new URL('..', import.meta.url);
const keys = Object.keys(tables.en).sort();
const placeholders = (text) => [...new Set(text.match(/\{\w+\}/g) ?? [])].sort();

test('both languages have the same words', () => {
  assert.deepEqual(Object.keys(tables.zh).sort(), keys);
});

test('both languages fill in the same values, and none is empty', () => {
  for (const key of keys) {
    assert.deepEqual(placeholders(tables.zh[key]), placeholders(tables.en[key]), key);
    assert.ok(tables.zh[key].trim() !== '' && tables.en[key].trim() !== '', key);
  }
});

test('every key in the code and the pages has words, and every word is used', () => {
  const sources = [...readdirSync(new URL('js', root), { recursive: true }).map((name) => `js/${name}`), 'index.html', 'login.html']
    .filter((name) => !name.startsWith('js/words/') && /\.(js|html)$/.test(name))
    .map((name) => readFileSync(new URL(name, root), 'utf8')).join('\n');
  const used = new Set([...sources.matchAll(/(?:\bt\(|data-t[a-z-]*=|['"])['"]?([a-z]+\.[a-zA-Z_0-9]+)['"]/g)].map((match) => match[1]));
  for (const key of keys) {
    const family = key.slice(0, key.indexOf('.') + 1);
    assert.ok(used.has(key) || sources.includes('`' + family + '${') || sources.includes(`'${key}'`), `${key} is not used`);
  }
  for (const [, key] of sources.matchAll(/\bt\('([^']+)'/g)) assert.ok(key in tables.en, `no words for ${key}`);
  for (const [, key] of sources.matchAll(/data-t(?:-[a-z]+)?="([^"]+)"/g)) assert.ok(key in tables.en, `no words for ${key}`);
});
