// The server speaks English. A Chinese page shows its sentences in Chinese,
// where it knows them, and as they are where it does not.

import { language } from './strings.js';

/** @type {[RegExp, string][]} */
let known = [];

/** Loads the sentences, if they are wanted. */
export async function learn() {
  if (language === 'en') return;
  const { sentences } = await import('./words/said.js');
  known = compile(sentences);
}

/** @param {[string, string][]} sentences */
export function compile(sentences) {
  return sentences.map(([english, own]) => {
    const parts = english.split('{}').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
    return /** @type {[RegExp, string]} */ ([new RegExp(`^${parts.join('(.+?)')}$`, 's'), own]);
  });
}

/**
 * A sentence of the server in the reader's language.
 * @param {string} text
 * @param {[RegExp, string][]} table
 */
export function said(text, table = known) {
  for (const [pattern, own] of table) {
    const found = pattern.exec(text);
    if (found) return own.replace(/\{(\d)\}/g, (_, i) => found[Number(i)] ?? '');
  }
  return text;
}
