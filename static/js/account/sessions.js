// Where one is logged in.

import { request } from '../api.js';
import { h, replace } from '../dom.js';
import { t } from '../strings.js';
import { duration, fullTime } from '../time.js';
import { zoneOf } from '../zone.js';
import { browserOf } from './browser.js';
import { button } from './form.js';

/**
 * @param {import('../store.js').Store} store
 * @param {Me} me
 */
export async function sessionsSection(store, me) {
  const rows = h('ul', { class: 'account-rows sessions' });
  const load = async () => {
    /** @type {{sessions: Session[]}} */
    const { sessions } = await request('sessions');
    replace(rows, ...sessions.filter(({ person }) => person === me.name).map((one) => h('li', {},
      h('span', { class: 'account-what' }, h('span', { class: 'data' }, browserOf(one.agent)), ' ', h('span', { class: 'quiet data' }, one.from)),
      one.current ? h('span', { class: 'quiet' }, t('sessions.current'))
        : h('time', { class: 'quiet', datetime: one.used, title: fullTime(one.used, zoneOf(store.state)) }, t('sessions.used', { ago: since(one.used) })),
      !one.current && button(t('sessions.end'), async () => {
        await request(`sessions/${encodeURIComponent(one.id)}`, { method: 'DELETE' });
        await load();
      }))));
  };
  await load();
  return h('section', {}, h('h3', {}, t('sessions.title')), rows);
}

/** @param {string} iso */
export function since(iso) {
  return duration(Math.max(0, Date.now() - Date.parse(iso)));
}
