// The tokens of one's git and scripts.

import { request } from '../api.js';
import { h, replace } from '../dom.js';
import { copy } from '../frame/toast.js';
import { t } from '../strings.js';
import { fullTime } from '../time.js';
import { zoneOf } from '../zone.js';
import { button, form } from './form.js';
import { since } from './sessions.js';

const scopes = ['read', 'control', 'push', 'ingest'];

/**
 * @param {import('../store.js').Store} store
 * @param {Me} me
 */
export async function tokensSection(store, me) {
  const rows = h('ul', { class: 'account-rows tokens' });
  const load = async () => {
    /** @type {{tokens: Token[]}} */
    const { tokens } = await request('tokens');
    const own = tokens.filter(({ owner }) => owner === me.name);
    replace(rows, ...own.map((one) => h('li', {},
      h('span', { class: 'account-what' }, one.label === '' ? h('code', {}, one.id) : h('span', { class: 'data' }, one.label), ' ', h('span', { class: 'quiet' }, one.scopes.map((scope) => t(`tokens.${scope}`)).join(', '))),
      one.last_used === undefined ? h('span', { class: 'quiet' }, t('tokens.never'))
        : h('time', { class: 'quiet', datetime: one.last_used, title: fullTime(one.last_used, zoneOf(store.state)) }, t('sessions.used', { ago: since(one.last_used) })),
      button(t('tokens.revoke'), async () => {
        await request(`tokens/${encodeURIComponent(one.id)}`, { method: 'DELETE' });
        await load();
      }))), own.length === 0 && h('li', { class: 'quiet' }, t('tokens.none')));
  };
  await load();
  const label = h('input', { type: 'text', name: 'label', maxlength: '100', autocomplete: 'off', placeholder: t('tokens.label'), 'aria-label': t('tokens.label') });
  const boxes = scopes.map((scope) => h('input', { type: 'checkbox', name: scope, checked: scope === 'push' }));
  const shown = h('div', { 'aria-live': 'polite' });
  return h('section', {}, h('h3', {}, t('tokens.title')), rows,
    form('token-form', async () => {
      /** @type {{secret: string}} */
      const { secret } = await request('tokens', { method: 'POST', body: { label: label.value.trim(), scopes: scopes.filter((_, i) => boxes[i].checked) } });
      label.value = '';
      replace(shown, secretView(secret, t('tokens.once')));
      await load();
    },
    label, h('span', { class: 'quiet' }, t('tokens.scopes')),
    ...scopes.map((scope, i) => h('label', {}, boxes[i], ' ', t(`tokens.${scope}`))),
    h('button', { type: 'submit', class: 'button' }, t('tokens.make'))), shown);
}

/**
 * What is shown once.
 * @param {string} secret
 * @param {string} words
 */
export function secretView(secret, words) {
  return h('p', { class: 'account-secret' }, h('code', {}, secret),
    h('button', { type: 'button', class: 'button', click: () => void copy(secret) }, t('copy')), h('span', { class: 'quiet' }, words));
}
