// Every word on the page, in English and 简体中文, from the tables in words/.
//
// {name} is replaced; "one|other" chooses by {n}.

import { words as details } from './words/details.js';
import { words as exporting } from './words/export.js';
import { words as frame } from './words/frame.js';
import { words as list } from './words/list.js';
import { words as offers } from './words/offers.js';
import { words as rail } from './words/rail.js';
import { words as rows } from './words/rows.js';
import { words as search } from './words/search.js';
import { words as time } from './words/time.js';
import { words as views } from './words/views.js';

const areas = [details, exporting, frame, list, offers, rail, rows, search, time, views];

/** @type {Words} */
export const tables = {
  en: Object.assign({}, ...areas.map((area) => area.en)),
  zh: Object.assign({}, ...areas.map((area) => area.zh)),
};

/** Adds the words of a part that comes later. @param {Words} words */
export function teach(words) {
  Object.assign(tables.en, words.en);
  Object.assign(tables.zh, words.zh);
}

const wanted = typeof navigator === 'undefined' ? 'en' : navigator.language;

/** 'en' or 'zh'. */
export const language = /^zh\b/i.test(wanted) ? 'zh' : 'en';

/** For dates and numbers. */
export const locale = language === 'zh' ? 'zh-CN' : 'en';

const plural = new Intl.PluralRules(locale);
const numbers = new Intl.NumberFormat(locale);

/**
 * The words for a key, in the reader's language.
 * @param {string} key
 * @param {Record<string, string | number>} [values]
 */
export function t(key, values = {}) {
  const text = tables[language][key];
  if (text === undefined) throw new Error(`no words for ${key}`);
  const forms = text.split('|');
  const form = forms.length > 1 && plural.select(Number(values.n)) !== 'one' ? forms[1] : forms[0];
  return form.replace(/\{(\w+)\}/g, (_, name) => {
    const value = values[name];
    return typeof value === 'number' ? numbers.format(value) : value ?? '';
  });
}

/**
 * Fills in the words of the page's own HTML: data-t is the text, data-t-label,
 * data-t-title and data-t-placeholder the attributes.
 * @param {ParentNode} root
 */
export function translate(root) {
  document.documentElement.lang = locale;
  for (const element of root.querySelectorAll('[data-t],[data-t-label],[data-t-title],[data-t-placeholder]')) {
    const data = /** @type {HTMLElement} */ (element).dataset;
    if (data.t) element.textContent = t(data.t);
    if (data.tLabel) element.setAttribute('aria-label', t(data.tLabel));
    if (data.tTitle) element.setAttribute('title', t(data.tTitle));
    if (data.tPlaceholder) element.setAttribute('placeholder', t(data.tPlaceholder));
  }
}
