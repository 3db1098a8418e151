// A word at the bottom of the page that goes by itself.

import { byId, copyText } from '../dom.js';
import { t } from '../strings.js';

const ShownMs = 1600;

let timer = 0;

/**
 * @param {string} text
 * @param {number} [shownMs]
 */
export function toast(text, shownMs = ShownMs) {
  const element = byId('toast');
  element.textContent = text;
  element.hidden = false;
  clearTimeout(timer);
  timer = setTimeout(() => {
    element.hidden = true;
  }, shownMs);
}

/** @param {string} text */
export async function copy(text) {
  try {
    await copyText(text);
    toast(t('copy.done'));
  } catch {
    toast(t('copy.failed'));
  }
}
