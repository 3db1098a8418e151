// What stands in the list's place while there is nothing to list.

import { byId, h, replace } from '../dom.js';
import { rangeText } from '../range/text.js';
import { t } from '../strings.js';
import { copy } from '../frame/toast.js';
import { dayTime } from '../time.js';
import { zoneOf } from '../zone.js';
import { commands, serverAddress } from './welcome.js';

/** @param {import('../store.js').Store} store */
export function notice(store) {
  const element = byId('notice');
  let shown = '';
  store.watch(['shown', 'loading', 'q', 'instances', 'range', 'from', 'to', 'known', 'inputs', 'knownLoaded', 'trouble', 'terms', 'scannedTo'], (state) => {
    const kind = kindOf(state);
    const key = kind === 'welcome' ? JSON.stringify(state.inputs.map((input) => input.input)) : kind && kind + scopeKey(state);
    if (key === shown) return;
    shown = key;
    element.hidden = kind === '';
    if (kind === 'empty') replace(element, empty(store));
    else if (kind === 'searching') replace(element, searching(state));
    else if (kind === 'welcome') replace(element, welcome(state.inputs));
    else replace(element);
  });
}

/** @param {State} state */
function kindOf({ shown, loading, q, instances, range, known, knownLoaded, trouble, scannedTo }) {
  if (shown > 0 || loading || trouble !== '') return '';
  if (scannedTo !== '') return 'searching';
  if (q !== '' || instances.length > 0 || range !== '') return 'empty';
  if (knownLoaded && known.every((instance) => instance.entries === 0)) return 'welcome';
  return '';
}

/** @param {State} state */
function scopeKey({ q, instances, range, from, to, terms, scannedTo }) {
  return JSON.stringify([q, instances, range, from, to, terms, scannedTo]);
}

/**
 * How far back a search that takes long is, or ''.
 * @param {Pick<State, 'scannedTo' | 'zone' | 'me'>} state
 */
export function scannedText(state) {
  return state.scannedTo === '' ? '' : t('list.scanned', { time: dayTime(Date.parse(state.scannedTo), zoneOf(state)) });
}

/** @param {State} state */
function searching(state) {
  return h('div', { class: 'empty' },
    h('h2', {}, scannedText(state)),
    state.q !== '' && h('p', {}, h('code', {}, state.q)),
    h('p', { class: 'quiet' }, `${t('empty.yet')} · ${rangeText(state)}`));
}

/** @param {import('../store.js').Store} store */
function empty(store) {
  const { q, instances, range } = store.state;
  const where = instances.length > 0 ? t('empty.in', { instances: instances.join(', ') }) : t('empty.everywhere');
  const alone = h('div', { class: 'alone' });
  // Most searches are not empty: it comes when one is.
  void import('./alone.js').then(({ showAlone }) => showAlone(store, alone));
  return h('div', { class: 'empty' },
    h('h2', {}, t('empty.title')),
    q !== '' && h('p', {}, h('code', {}, q)),
    h('p', { class: 'quiet' }, `${where} · ${rangeText(store.state)}`),
    range === '' && h('p', { class: 'quiet' }, t('empty.live')),
    alone,
    h('div', { class: 'buttons' },
      range !== '' && wider(store, 'empty.allTime', { range: '', from: '', to: '' }),
      instances.length > 0 && wider(store, 'empty.allInstances', { instances: [] }),
      q !== '' && wider(store, 'empty.clear', { q: '' })));
}

/**
 * @param {import('../store.js').Store} store
 * @param {string} key
 * @param {Partial<State>} patch
 */
function wider(store, key, patch) {
  return h('button', { type: 'button', class: 'button', click: () => store.set(patch) }, t(key));
}

/** @param {Input[]} inputs */
function welcome(inputs) {
  const address = serverAddress(inputs, location.hostname);
  if (!address) {
    return h('div', { class: 'welcome' }, h('h2', {}, t('welcome.title')), h('p', {}, t('welcome.none')));
  }
  const [before, after] = t('welcome.tag', { tag: '\u0000' }).split('\u0000');
  return h('div', { class: 'welcome' },
    h('h2', {}, t('welcome.title')),
    h('p', {}, t('welcome.text'), ' ', before, h('code', {}, 'myapp_dev1'), after),
    address.local && h('p', { class: 'quiet' }, t('welcome.local')),
    ...commands(address).map(({ name, code, note }) => h('section', { class: 'command' },
      h('h3', {}, name),
      h('div', { class: 'code' }, h('pre', {}, code),
        h('button', { type: 'button', class: 'button', click: () => copy(code), 'aria-label': `${t('copy')}: ${name}` }, t('copy'))),
      note !== '' && h('p', { class: 'quiet small' }, t(note)))));
}
