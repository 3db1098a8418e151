import assert from 'node:assert/strict';
import { test } from 'node:test';
import { oneLine, pieces, withoutColour, withoutPrologue } from '../js/list/text.js';

const ESC = '\x1b';

test('colours become classes', () => {
  assert.deepEqual(pieces(`a${ESC}[1;31mred${ESC}[0mb`), [
    { text: 'a' }, { text: 'red', className: 'fg-1 sgr-bold' }, { text: 'b' },
  ]);
  assert.deepEqual(pieces(`${ESC}[38;5;2mx${ESC}[38;2;1;2;3my${ESC}[mz`), [
    { text: 'x', className: 'fg-2' }, { text: 'y' }, { text: 'z' },
  ]);
});

test('a class name is never made from what was sent', () => {
  for (const parameters of ['38;5;x', '38;5', '48;5;300', '999999999999', '31;;', ':::', '38;5;-1']) {
    for (const { className } of pieces(`${ESC}[${parameters}mtext`)) {
      assert.match(className ?? '', /^(control|(fg-\d+|bg-\d+|sgr-\w+)?( (fg-\d+|bg-\d+|sgr-\w+))*)$/);
    }
  }
});

test('control characters become symbols, tabs and line feeds stay', () => {
  const text = pieces(`NUL\0 ${ESC}[2J ${ESC}]0;t\x07 \x7f \x9b a\tb\nc\r\nd`).map((piece) => piece.text).join('');
  assert.equal(text, 'NUL␀ ␛[2J ␛]0;t␇ ␡ ⟨U+009B⟩ a\tb\nc\nd');
});

test('marks that turn the direction of text are shown by name', () => {
  const text = pieces('\u202egnp.exe\u202c \u2066x\u2069').map((piece) => piece.text).join('');
  assert.equal(text, '⟨RLO⟩gnp.exe⟨PDF⟩ ⟨LRI⟩x⟨PDI⟩');
});

test('only http and https become links, without what closes the sentence', () => {
  const hrefs = (text) => pieces(text).filter((piece) => piece.href).map((piece) => piece.href);
  assert.deepEqual(hrefs('see https://example.org/a?b=c#d, or (http://example.org/x).'), ['https://example.org/a?b=c#d', 'http://example.org/x']);
  assert.deepEqual(hrefs('javascript:alert(1) data:text/html,x ftp://example.org //example.org'), []);
  assert.deepEqual(hrefs('https://example.org/"onmouseover="x'), ['https://example.org/']);
});

test('no text is lost around links', () => {
  const text = 'a https://example.org/x. b (http://example.org/y), c';
  assert.equal(pieces(text).map((piece) => piece.text).join(''), text);
});

test('a row is one line and never splits a character', () => {
  assert.equal(oneLine('a\nb\r\nc\td\n\n', 100), 'a ⏎ b ⏎ c  d');
  assert.equal(oneLine('x😀y', 2), 'x …');
  assert.equal(oneLine('x😀y', 3), 'x😀 …');
});

test('what is copied has no colours', () => {
  assert.equal(withoutColour(`${ESC}[31mred${ESC}[0m`), 'red');
});

test('a long hostile text is cut in linear time', () => {
  const start = performance.now();
  for (const unit of ['https://', `${ESC}[`, `${ESC}[1;`, 'http://a.).).', '\u202e']) pieces(unit.repeat(40_000));
  assert.ok(performance.now() - start < 5000);
});

test('a row leaves out what its other columns say', () => {
  assert.equal(withoutPrologue('2026/11/22 11:33:26 [error] 17960#17960: *2 boom'), '*2 boom');
  assert.equal(withoutPrologue('2026/11/22 11:33:26 [] 1#1: from stderr'), 'from stderr');
  for (const message of ['2026/11/22 boom', 'at 2026/11/22 11:33:26 [error] 1#1: x', '']) {
    assert.equal(withoutPrologue(message), message);
  }
});
