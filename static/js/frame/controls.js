// The top bar's controls: time range, live, account, theme; and the strip that
// says what is shown.

import { goToLogin, request } from '../api.js';
import { byId, h, icon, replace } from '../dom.js';
import { rangeButton } from '../range/button.js';
import { t } from '../strings.js';
import { duration } from '../time.js';
import { zoneHead } from './zone.js';

/** How often a screen reader is told of new counts, in ms. */
const SpokenMs = 4000;

/**
 * @param {import('../store.js').Store} store
 * @param {import('../tail/feed.js').Feed} feed
 * @param {() => void} openAccount
 */
export function controls(store, feed, openAccount) {
  rangeButton(store);
  liveButtons(store, feed);
  strip(store);
  spoken(store);
  account(store, openAccount);
  zoneHead(store);
}

/**
 * Both buttons say what a click will do.
 * @param {import('../store.js').Store} store
 * @param {import('../tail/feed.js').Feed} feed
 */
function liveButtons(store, feed) {
  const buttons = [byId('live'), byId('bar-live')];
  for (const button of buttons) button.addEventListener('click', () => feed.toggle());
  store.watch(['following', 'newEntries', 'newErrors'], (state) => {
    for (const button of buttons) {
      replace(button, icon(state.following ? 'pause' : 'play'), h('span', {}, liveText(state)));
      button.title = t(state.following ? 'live.pauseTitle' : 'live.resumeTitle');
      button.classList.toggle('waiting', !state.following);
      button.classList.toggle('has-errors', state.newErrors > 0);
    }
    document.title = state.newEntries > 0 ? `(${state.newEntries}) Tagtail` : 'Tagtail';
  });
}

/** @param {State} state */
function liveText({ following, newEntries, newErrors }) {
  if (following) return t('live.pause');
  if (newEntries === 0) return t('live.resume');
  const news = t('live.news', { n: newEntries });
  return newErrors === 0 ? news : `${news}, ${t('live.errors', { n: newErrors })}`;
}

/** @param {import('../store.js').Store} store */
function strip(store) {
  let timer = 0;
  store.watch(['following', 'range', 'lostAt', 'loading'], (state) => {
    const name = stripState(state);
    const pulse = byId('pulse');
    pulse.className = `pulse is-${name}`;
    pulse.textContent = t(`state.${name}`);
    clearInterval(timer);
    if (name !== 'loading') return;
    const began = Date.now();
    timer = setInterval(() => { pulse.textContent = `${t('state.loading')} ${duration(Date.now() - began)}`; }, 1000);
  });
  store.watch(['matched', 'q', 'instances', 'range', 'shown', 'tookMs'], (state) => {
    const scoped = state.q !== '' || state.instances.length > 0 || state.range !== '';
    const words = scoped && state.matched >= 0
      ? `${t('list.matched', { n: Math.max(state.matched, 0) })} · ${duration(state.tookMs)}`
      : state.shown > 0 ? t('list.shown', { n: state.shown }) : '';
    byId('counts').textContent = words;
  });
}

/**
 * Says the counts to those who do not see them, at most every few seconds.
 * @param {import('../store.js').Store} store
 */
function spoken(store) {
  let timer = 0;
  store.watch(['matched', 'newEntries', 'loading'], () => {
    timer ||= setTimeout(() => {
      timer = 0;
      const { following, range } = store.state;
      byId('spoken').textContent = following || range !== '' ? byId('counts').textContent : liveText(store.state);
    }, SpokenMs);
  });
}

/** @param {State} state */
function stripState({ following, range, lostAt, loading }) {
  if (lostAt > 0) return 'lost';
  if (loading) return 'loading';
  if (range !== '') return 'range';
  return following ? 'live' : 'paused';
}

/**
 * @param {import('../store.js').Store} store
 * @param {() => void} openAccount
 */
function account(store, openAccount) {
  store.watch(['me', 'theme'], ({ me, theme }) => {
    const themes = /** @type {const} */ (['auto', 'light', 'dark', 'contrast']);
    replace(byId('account-menu'),
      me && h('div', { class: 'account-name' }, h('b', {}, me.name),
        h('span', { class: 'quiet' }, t('account.role', { role: me.role === 'admin' ? t('account.admin') : me.role }))),
      h('div', { class: 'segments themes', role: 'group', 'aria-label': t('theme.label') },
        ...themes.map((name) => h('button', {
          type: 'button', 'aria-pressed': String(name === theme), click: () => store.set({ theme: name }),
        }, t(`theme.${name}`)))),
      h('button', { type: 'button', class: 'button', 'aria-haspopup': 'dialog', click: () => {
        byId('account-menu').hidePopover();
        openAccount();
      } }, t('account.open')),
      h('button', { type: 'button', class: 'button', click: logOut }, t('account.logout')),
      me && h('div', { class: 'quiet small' }, t('account.version', { version: me.version })));
  });
}

async function logOut() {
  try {
    await request('logout', { method: 'POST' });
  } finally {
    goToLogin();
  }
}
