// One's account: password, sessions, tokens; for administrators the people too.

import { goToLogin, Problem, request } from '../api.js';
import { h, icon, replace, style } from '../dom.js';
import { t, teach } from '../strings.js';
import { words } from '../words/account.js';
import { wordsOf } from './form.js';
import { passwordSection } from './password.js';
import { peopleSection } from './people.js';
import { sessionsSection } from './sessions.js';
import { tokensSection } from './tokens.js';

teach(words);

/** Loaded once. @type {Promise<void> | undefined} */
let styled;

/** @param {import('../store.js').Store} store */
export async function showAccount(store) {
  styled ??= style('account');
  await styled;
  const body = h('div', { class: 'account-body' }, h('p', { class: 'quiet' }, t('account.loading')));
  const title = h('h2', {}, t('account'));
  const dialog = h('dialog', { class: 'account-dialog', 'aria-label': t('account'), close: () => dialog.remove() },
    h('header', {}, title, h('button', { type: 'button', class: 'plain close', 'aria-label': t('drawer.close'), click: () => dialog.close() }, icon('close'))),
    body);
  dialog.addEventListener('click', (event) => {
    if (event.target === dialog) dialog.close();
  });
  document.body.append(dialog);
  dialog.showModal();
  try {
    /** @type {Me} */
    const me = await request('me');
    title.textContent = me.name;
    replace(body,
      me.has_account ? passwordSection(me) : h('p', { class: 'quiet' }, t('account.reserved')),
      await sessionsSection(store, me),
      me.has_account && await tokensSection(store, me),
      me.role === 'admin' && await peopleSection(store, me));
  } catch (err) {
    if (err instanceof Problem && err.status === 401) goToLogin();
    replace(body, h('p', { class: 'warn' }, wordsOf(err)));
  }
}
