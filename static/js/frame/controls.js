// The top bar's controls: time range, live, account, theme; and the strip that
// says what is shown.

import { ranges } from '../search/address.js';
import { goToLogin, request } from '../api.js';
import { byId, h, icon, replace } from '../dom.js';
import { locale, t } from '../strings.js';
import { duration } from '../time.js';
import { zoneHead } from './zone.js';

/** How often a screen reader is told of new counts, in ms. */
const SpokenMs = 4000;

/**
 * @param {import('../store.js').Store} store
 * @param {import('../tail/feed.js').Feed} feed
 */
export function controls(store, feed) {
  rangeChoice(store);
  liveButtons(store, feed);
  strip(store);
  spoken(store);
  account(store);
  zoneHead(store);

  byId('wrap').addEventListener('click', () => store.set({ wrap: !store.state.wrap }));
  store.watch(['wrap'], ({ wrap }) => byId('wrap').setAttribute('aria-pressed', String(wrap)));
}

/** @param {import('../store.js').Store} store */
function rangeChoice(store) {
  const select = /** @type {HTMLSelectElement} */ (byId('range'));
  const form = byId('range-form');
  const from = /** @type {HTMLInputElement} */ (byId('range-from'));
  const to = /** @type {HTMLInputElement} */ (byId('range-to'));
  for (const range of ['', ...ranges, 'custom']) {
    select.append(h('option', { value: range }, t(`range.${range || 'all'}`)));
  }
  select.addEventListener('change', () => {
    if (select.value !== 'custom') {
      store.set({ range: select.value, from: '', to: '' });
      return;
    }
    select.value = store.state.range;
    edit();
  });
  // A choice that is made already cannot be made again: this edits it.
  byId('range-text').addEventListener('click', edit);
  function edit() {
    from.value ||= localInput(new Date(store.state.from || Date.now() - 3_600_000));
    to.value ||= localInput(new Date(store.state.to || Date.now()));
    form.showPopover();
    from.focus();
  }
  byId('range-custom').addEventListener('submit', () => {
    form.hidePopover();
    store.set({ range: 'custom', from: isoOf(from.value), to: isoOf(to.value) });
  });
  store.watch(['range', 'from', 'to'], (state) => {
    select.value = state.range;
    byId('range-text').hidden = state.range !== 'custom';
    byId('range-text').textContent = rangeText(state);
  });
}

/**
 * The chosen range in words.
 * @param {Pick<State, 'range' | 'from' | 'to'>} scope
 */
export function rangeText(scope) {
  if (scope.range !== 'custom') return t(`range.${scope.range || 'all'}`);
  return `${instantText(scope.from)} – ${instantText(scope.to)}`;
}

/** @param {string} text an RFC 3339 time, a duration or nothing */
function instantText(text) {
  if (text === '') return '…';
  const date = new Date(text);
  if (Number.isNaN(date.getTime())) return text;
  return date.toLocaleString(locale, { dateStyle: 'medium', timeStyle: 'medium' });
}

/** @param {string} value of a datetime-local input */
function isoOf(value) {
  const date = new Date(value);
  return Number.isNaN(date.getTime()) ? '' : date.toISOString();
}

/** @param {Date} date */
function localInput(date) {
  // A duration back from now, as an address may have, is no date.
  if (Number.isNaN(date.getTime())) return '';
  return new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 19);
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
  store.watch(['following', 'range', 'lostAt', 'loading'], (state) => {
    const name = stripState(state);
    const pulse = byId('pulse');
    pulse.className = `pulse is-${name}`;
    pulse.textContent = t(`state.${name}`);
  });
  store.watch(['matched', 'q', 'instances', 'range', 'shown', 'tookMs'], (state) => {
    const scoped = state.q !== '' || state.instances.length > 0 || state.range !== '';
    const words = scoped && state.matched >= 0
      ? `${t('list.matched', { n: Math.max(state.matched, 0) })} · ${duration(state.tookMs)}`
      : t('list.shown', { n: state.shown });
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

/** @param {import('../store.js').Store} store */
function account(store) {
  store.watch(['me', 'theme'], ({ me, theme }) => {
    const themes = /** @type {const} */ (['auto', 'light', 'dark']);
    replace(byId('account-menu'),
      me && h('div', { class: 'account-name' }, h('b', {}, me.name),
        h('span', { class: 'quiet' }, t('account.role', { role: me.role }))),
      h('div', { class: 'segments', role: 'group', 'aria-label': t('theme.label') },
        ...themes.map((name) => h('button', {
          type: 'button', 'aria-pressed': String(name === theme), click: () => store.set({ theme: name }),
        }, t(`theme.${name}`)))),
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
