import assert from 'node:assert/strict';
import { test } from 'node:test';
import { commands, serverAddress } from '../js/list/welcome.js';

test('the address that a sender needs is found', () => {
  const inputs = (...urls) => urls.map((input) => ({ input }));
  const cases = [
    [inputs('tcp://127.0.0.1:5514', 'udp://127.0.0.1:5515'), { host: '127.0.0.1', port: '5515', protocol: 'udp', local: true }],
    [inputs('udp://0.0.0.0:514'), { host: 'logs.example.org', port: '514', protocol: 'udp', local: false }],
    [inputs('udp://[::]:514'), { host: 'logs.example.org', port: '514', protocol: 'udp', local: false }],
    [inputs('udp://:514'), { host: 'logs.example.org', port: '514', protocol: 'udp', local: false }],
    [inputs('tcp://192.0.2.7:601'), { host: '192.0.2.7', port: '601', protocol: 'tcp', local: false }],
    [inputs('unixgram:///run/log.sock'), null],
    [[], null],
  ];
  for (const [given, want] of cases) assert.deepEqual(serverAddress(given, 'logs.example.org'), want);
});

test('every command names the address', () => {
  for (const protocol of ['udp', 'tcp']) {
    for (const { name, code } of commands({ host: '192.0.2.7', port: '601', protocol, local: false })) {
      if (name !== 'Redis') assert.ok(code.includes('192.0.2.7') && code.includes('601'), name);
    }
  }
});

test('nginx is left out where only TCP is open', () => {
  assert.ok(!commands({ host: 'h', port: '1', protocol: 'tcp', local: false }).some(({ name }) => name === 'nginx'));
});
