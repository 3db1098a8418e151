// Statistics of the search: the most frequent hosts, programs, instances and
// severities, and what the messages say most often.

import { Problem, goToLogin, request } from '../api.js';
import { h, icon, replace } from '../dom.js';
import { textNodes } from '../list/row.js';
import { oneLine } from '../list/text.js';
import { addTerm, fieldTerm } from '../search/query.js';
import { rangeText } from '../range/text.js';
import { scopeParams } from '../search/scope.js';
import { locale, t } from '../strings.js';
import { shapeTerms, shapeText } from './shape.js';

/** The facets, and the entry's key that each is about. */
const facets = /** @type {const} */ ({ severity: 'severity', instance: 'instance', host: 'hostname', app_name: 'app_name' });

/** @typedef {{label: string, count: number, terms: string[]}} Line */

/** @param {import('../store.js').Store} store */
export async function showStats(store) {
  const abort = new AbortController();
  const about = h('span', { class: 'quiet' });
  const body = h('div', { class: 'stats-body' }, h('p', { class: 'quiet' }, t('stats.loading')));
  const dialog = h('dialog', { class: 'stats', 'aria-label': t('stats.title'), close: () => {
    abort.abort();
    dialog.remove();
  } },
  h('header', {}, h('h2', {}, t('stats.title')), about,
    h('button', { type: 'button', class: 'plain close', 'aria-label': t('drawer.close'), click: () => dialog.close() }, icon('close'))),
  body);
  dialog.addEventListener('click', (event) => {
    if (event.target === dialog) dialog.close();
  });
  document.body.append(dialog);
  dialog.showModal();

  const params = scopeParams(store.state);
  /** @param {Line} line */
  const choose = ({ terms }) => {
    store.set({ q: terms.reduce(addTerm, store.state.q) });
    dialog.close();
  };
  try {
    const [counted, shaped] = await Promise.all([
      request('facets', { params: { ...params, fields: Object.keys(facets).join(), limit: '10' }, signal: abort.signal }),
      request('shapes', { params: { ...params, limit: '30' }, signal: abort.signal }),
    ]);
    about.textContent = [t('histogram.entries', { n: shaped.total }), ...scopeWords(store.state)].join(' · ');
    const sections = Object.entries(facets).map(([name, key]) => {
      /** @type {{value: string, count: number}[]} */
      const values = counted.fields[name] ?? [];
      const lines = values.map(({ value, count }) => ({ label: value === '' ? '–' : value, count, terms: value === '' ? [] : [fieldTerm(key, value)] }));
      return section(t(`field.${key}`), lines, shaped.total, counted.others[name] ?? 0, choose);
    });
    /** @type {Line[]} */
    const lines = shaped.shapes.map((/** @type {{parts: string[], count: number}} */ one) => (
      { label: shapeText(one.parts), count: one.count, terms: shapeTerms(one.parts) }));
    const rest = shaped.total - lines.reduce((sum, { count }) => sum + count, 0);
    replace(body, h('div', { class: 'stats-grid' }, ...sections), section(t('stats.shapes'), lines, shaped.total, rest, choose));
  } catch (err) {
    if (abort.signal.aborted) return;
    if (err instanceof Problem && err.status === 401) goToLogin();
    replace(body, h('p', { class: 'warn' }, err instanceof Problem && err.message !== '' ? err.message : t('views.failed')));
  }
}

/**
 * What is counted: the search, the instances and the time.
 * @param {State} state
 */
function scopeWords(state) {
  const where = state.instances.length > 0 ? t('empty.in', { instances: state.instances.join(', ') }) : t('empty.everywhere');
  return [state.q, where, rangeText(state)].filter((word) => word !== '');
}

/**
 * @param {string} title
 * @param {Line[]} lines
 * @param {number} total
 * @param {number} others
 * @param {(line: Line) => void} choose
 */
function section(title, lines, total, others, choose) {
  const percent = new Intl.NumberFormat(locale, { style: 'percent', minimumFractionDigits: 1, maximumFractionDigits: 1 });
  const row = (/** @type {Line} */ line) => {
    const share = total > 0 ? line.count / total : 0;
    const bar = h('span', { class: 'stat-bar' });
    bar.style.width = `${share * 100}%`;
    return h('button', { type: 'button', class: 'plain stat', disabled: line.terms.length === 0, title: line.label, click: () => choose(line) },
      bar, h('span', { class: 'stat-label' }, ...textNodes(oneLine(line.label, 300), false)), h('span', { class: 'stat-count' }, line.count.toLocaleString(locale)),
      h('span', { class: 'stat-share quiet' }, percent.format(share)));
  };
  return h('section', {}, h('h3', {}, title), ...lines.map(row),
    others > 0 && row({ label: t('stats.others'), count: others, terms: [] }),
    lines.length === 0 && h('p', { class: 'quiet' }, t('empty.title')));
}
