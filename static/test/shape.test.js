import assert from 'node:assert/strict';
import { test } from 'node:test';
import { shapeTerms, shapeText } from '../js/stats/shape.js';

test('a shape is read with one sign for what varies, and searched by its words', () => {
  const parts = ['client ', '.', '.', '.', ' connected, uid=', ''];
  assert.equal(shapeText(parts), 'client … connected, uid=…');
  assert.deepEqual(shapeTerms(parts), ['"connected, uid="', '"client"']);
  assert.deepEqual(shapeTerms(['用户 ', ' 说 "好的"\n尾部']), ['"说 \\"好的\\""', '"用户"', '"尾部"']);
  assert.equal(shapeText(['', '']), '…');
  assert.deepEqual(shapeTerms(['', '']), []);
});
