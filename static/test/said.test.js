import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { test } from 'node:test';
import { compile, said } from '../js/said.js';
import { sentences } from '../js/words/said.js';

const table = compile(sentences);

test('a sentence of the server is said in Chinese with what the server filled in', () => {
  assert.equal(said('socketserver/dev1 runs already, as process 31497', table), 'socketserver/dev1 已在运行，进程号 31497');
  assert.equal(said('2 masters run for /srv/a: processes 1, 2; stop ends them all', table), '/srv/a 有 2 个主进程在运行：进程 1, 2；停止会结束全部');
  assert.equal(said('The parameter limit is "x": give a whole number from 1 to 500.', table), '参数 limit 为 "x"：应为 1 到 500 的整数。');
  assert.equal(said('Something that nobody has translated.', table), 'Something that nobody has translated.');
});

test('every sentence that is translated is one of the server', () => {
  const text = ['viewer', 'deploy', 'deploy/release'].flatMap((name) => {
    const folder = new URL(`../../${name}/`, import.meta.url);
    return readdirSync(folder).filter((file) => file.endsWith('.go') && !file.endsWith('_test.go')).map((file) => readFileSync(new URL(file, folder), 'utf8'));
  }).join('\n').replace(/%(\.\d+)?[a-z]/g, '{}');
  for (const [english, own] of sentences) {
    // What Go joins with + has no verb.
    const there = text.includes(`"${english}"`) || text.includes(`"${english.replace(/^\{\}/, '')}"`);
    assert.ok(there, `the server does not say: ${english}`);
    const blanks = english.split('{}').length - 1;
    for (let i = 1; i <= blanks; i++) assert.ok(own.includes(`{${i}}`), `${own} leaves out {${i}}`);
  }
});
