import assert from 'node:assert/strict';
import { test } from 'node:test';
import { partsAlone } from '../js/search/parts.js';

/**
 * @param {string} text
 * @param {number} from
 * @param {Partial<Term>} [more]
 * @returns {Term}
 */
const term = (text, from, more = {}) => ({ text, from, to: from + text.length, kind: 'text', ...more });

test('each part that looks for something stands alone, with the times of the text', () => {
  const q = 'slow last:1h -noise severity:err';
  const terms = [term('slow', 0), term('last:1h', 5, { kind: 'time' }), term('noise', 13, { to: 19, not: true }), term('severity:err', 20, { kind: 'field' })];
  assert.deepEqual(partsAlone(q, terms), [{ text: 'slow', q: 'slow last:1h' }, { text: 'severity:err', q: 'severity:err last:1h' }]);
});

test('one part, or too many, are not taken apart', () => {
  assert.deepEqual(partsAlone('slow', [term('slow', 0)]), []);
  assert.deepEqual(partsAlone('a a', [term('a', 0), term('a', 2)]), []);
  const many = [...'abcdefg'].map((letter, i) => term(letter, 2 * i));
  assert.deepEqual(partsAlone('a b c d e f g', many), []);
});
