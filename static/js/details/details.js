// Every field of one entry, and what can be done with each value.

import { h } from '../dom.js';
import { deployParam, isDeploy } from '../histogram/deploys.js';
import { textNodes } from '../list/row.js';
import { isError } from '../severity.js';
import { t } from '../strings.js';
import { withoutColour } from '../list/text.js';
import { structureView } from './tree.js';
import { clockSkew, duration, fullTime } from '../time.js';
import { copy } from '../frame/toast.js';
import { linkTo } from '../search/link.js';
import { valueButton } from './value.js';
import { zoneOf } from '../zone.js';

/** From this on the two clocks are worth a word, in ms. */
const SkewMs = 2000;

/** In the order in which they are shown; the message comes first, on its own. */
const fields = /** @type {const} */ ([
  'received', 'time', 'severity', 'facility', 'instance', 'service', 'owner', 'instance_by', 'hostname', 'source',
  'app_name', 'proc_id', 'msg_id', 'structured_data', 'input', 'format', 'flags', 'seq',
]);

/** What can show whose an entry is; by.… has words for each. */
const evidence = ['content', 'token', 'address', 'port', 'cert', 'creds', 'socket', 'own', 'file'];

/** The flags that deserve a sentence. */
const warnings = ['contradicts', 'rejected', 'truncated', 'partial', 'lost', 'redacted'];

/**
 * @param {Entry} entry
 * @param {import('../store.js').Store} store
 * @param {(by: 1 | -1) => void} step
 * @param {HTMLElement} said what the message says
 * @param {HTMLElement} raw the entry as it was received
 */
export function detailsView(entry, store, step, said, raw) {
  return h('article', { class: `details sev-${entry.severity}` },
    h('header', { class: 'details-head' },
      h('span', { class: `badge${isError(entry.severity) ? ' bad' : ''}` }, entry.severity),
      h('time', { datetime: entry.received }, fullTime(entry.received, zoneOf(store.state))),
      h('span', { class: 'spacer' }),
      stepButton('details.older', '↑', () => step(-1)),
      stepButton('details.newer', '↓', () => step(1))),
    message(entry, store),
    ...(entry.flags ?? []).filter((flag) => warnings.includes(flag))
      .map((flag) => h('p', { class: 'warn' }, t(`details.${flag}`))),
    structureView(entry.message, store),
    said,
    h('dl', { class: 'fields' }, ...fields.flatMap((key) => field(entry, key, store))),
    raw);
}

/**
 * @param {string} title
 * @param {string} text
 * @param {() => void} click
 */
function stepButton(title, text, click) {
  return h('button', { type: 'button', class: 'plain step', title: t(title), 'aria-label': t(title), click }, text);
}

/**
 * @param {Entry} entry
 * @param {import('../store.js').Store} store
 */
function message(entry, store) {
  const lines = entry.message.split('\n').length;
  const job = isDeploy(entry) ? deployParam(entry, 'job') : '';
  return h('section', { class: 'message' },
    entry.message === ''
      ? h('p', { class: 'quiet' }, t('details.empty'))
      : h('pre', { tabindex: '0', 'aria-label': t('details.message') }, ...textNodes(entry.message, true)),
    h('div', { class: 'buttons' },
      h('button', { type: 'button', class: 'button', click: () => copy(withoutColour(entry.message)) }, t('copy.text')),
      h('button', { type: 'button', class: 'button', click: () => copy(JSON.stringify(entry, null, 2)) }, t('copy.json')),
      h('button', { type: 'button', class: 'button', click: () => copy(linkTo(store.state, entry.seq)) }, t('copy.link')),
      job !== '' && h('button', { type: 'button', class: 'button', 'data-action': 'job', click: () => store.set({ drawer: 'instance', job }) }, t('details.job')),
      lines > 1 && h('span', { class: 'quiet small' }, t('details.lines', { n: lines }))));
}

/**
 * @param {Entry} entry
 * @param {typeof fields[number]} key
 * @param {import('../store.js').Store} store
 * @returns {HTMLElement[]}
 */
function field(entry, key, store) {
  const value = entry[key];
  if (value === undefined || value === '') return [];
  if (key === 'time' && Math.abs(clockSkew(entry)) <= SkewMs) return [];
  const text = Array.isArray(value) ? value.join(' ') : String(value);
  const isTime = key === 'received' || key === 'time';
  const shown = isTime ? fullTime(text, zoneOf(store.state)) : text;
  return [
    h('dt', {}, t(`field.${key}`)),
    h('dd', {}, valueButton(key, text, shown, store),
      key === 'time' && h('span', { class: 'note' }, skewText(entry)),
      key === 'instance_by' && evidence.includes(text) && h('span', { class: 'quiet small' }, t(`by.${text}`)),
      key === 'instance' && entry.service && h('button', {
        type: 'button', class: 'link small', click: () => store.set({ drawer: 'instance', control: entry.instance }),
      }, t('details.link'))),
  ];
}

/** @param {Entry} entry */
function skewText(entry) {
  const skew = clockSkew(entry);
  return t(skew > 0 ? 'details.ahead' : 'details.behind', { by: duration(Math.abs(skew)) });
}
