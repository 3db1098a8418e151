import assert from 'node:assert/strict';
import { test } from 'node:test';
import { removePart, replacePart, suggestion } from '../js/search/parts.js';
import { lettersIn, ownTerms } from '../js/search/query.js';

const kinds = { OR: 'operator', AND: 'operator', '(': 'group', '-(': 'group', ')': 'group' };

/** Terms of a text whose parts are given in their order. @param {string} q @param {string[]} parts */
function read(q, parts) {
  let at = 0;
  return parts.map((part) => {
    const from = q.indexOf(part, at);
    at = from + part.length;
    const not = /^(-|NOT\s+)/.test(part);
    return { text: part.replace(/^(-|NOT\s+)/, ''), not, kind: kinds[part] ?? 'text', from, to: at };
  });
}

test('a part is taken out, and with it what it leaves with nothing to join', () => {
  const cases = [
    ['a -b c', 'a|-b|c', 1, 'a c'],
    ['err severity:err err', 'err|severity:err|err', 2, 'err severity:err'],
    ['a NOT  b', 'a|NOT  b', 1, 'a'],
    ['a OR b', 'a|OR|b', 2, 'a'],
    ['a OR b', 'a|OR|b', 0, 'b'],
    ['a OR b', 'a|OR|b', 1, 'a b'],
    ['a OR b OR c', 'a|OR|b|OR|c', 2, 'a OR c'],
    ['a OR b AND c', 'a|OR|b|AND|c', 2, 'a OR c'],
    ['a AND b OR c', 'a|AND|b|OR|c', 2, 'a OR c'],
    ['a OR b c', 'a|OR|b|c', 2, 'a OR c'],
    ['a OR (b)', 'a|OR|(|b|)', 3, 'a'],
    ['(a OR b) c', '(|a|OR|b|)|c', 3, '(a) c'],
    ['-(a OR b) c', '-(|a|OR|b|)|c', 1, '-(b) c'],
    ['x -(a) c', 'x|-(|a|)|c', 2, 'x c'],
    ['((a)) OR b', '(|(|a|)|)|OR|b', 2, 'b'],
    ['"a  b" c "d  e"', '"a  b"|c|"d  e"', 1, '"a  b" "d  e"'],
    ['日志 -超时 😀 日志', '日志|-超时|😀|日志', 1, '日志 😀 日志'],
    ['only', 'only', 0, ''],
  ];
  for (const [q, parts, i, want] of cases) {
    const terms = read(q, parts.split('|'));
    assert.equal(removePart(q, terms, terms[i]), want, `${q} without ${terms[i].text}`);
  }
});

test('a group that is not closed goes with its last part', () => {
  const terms = [...read('a (b', ['a', '(', 'b']), { text: ')', kind: 'group', from: 4, to: 4 }];
  assert.equal(removePart('a (b', terms, terms[2]), 'a');
});

test('a part of an older text is left alone', () => {
  const terms = read('a b', ['a', 'b']);
  assert.equal(removePart('something else', terms, terms[1]), 'something else');
});

test('a suggestion takes the place of its part', () => {
  const term = { text: 'level=error', kind: 'text', from: 3, to: 15, not: true, hint: 'did you mean severity:error?' };
  assert.equal(suggestion(term), 'severity:error');
  assert.equal(replacePart('超时 -level=error x', term, suggestion(term)), '超时 -severity:error x');
  assert.equal(suggestion({ ...term, hint: 'ignored: eventid means nothing here' }), '');
  assert.equal(suggestion({ text: 'a', kind: 'text', from: 0, to: 1 }), '');
});

test('bytes of UTF-8 become letters', () => {
  for (const text of ['', 'abc', 'é日志', '😀x', 'a\ud800b']) {
    const bytes = (letters) => new TextEncoder().encode(text.slice(0, letters)).length;
    for (let i = 0; i <= text.length; i++) {
      if (i === 1 && text.startsWith('😀')) continue;
      assert.equal(lettersIn(text, bytes(i)), i);
    }
  }
});

test('the terms of what was asked become those of the box', () => {
  const asked = 'instance:redis/开发 (日志 OR -超时)';
  const at = (part, text = part.replace(/^-/, '')) => {
    const from = new TextEncoder().encode(asked.slice(0, asked.indexOf(part))).length;
    return { text, kind: kinds[part] ?? 'text', from, to: from + new TextEncoder().encode(part).length };
  };
  const terms = ['instance:redis/开发', '(', '日志', 'OR', '-超时', ')'].map((part) => at(part));
  const q = '日志 OR -超时';
  const own = ownTerms(terms, ['redis/开发'], ` ${q}`);
  assert.deepEqual(own.map(({ from, to }) => q.slice(from, to)), ['日志', 'OR', '-超时']);
  assert.equal(removePart(q, own, own[2]), '日志');
});
