// The line under the top bar that says what is wrong.

import { byId, h, replace } from '../dom.js';
import { t } from '../strings.js';
import { dayTime, zoneName } from '../time.js';
import { zoneOf } from '../zone.js';

/**
 * @param {import('../store.js').Store} store
 * @param {() => void} retry
 */
export function banner(store, retry) {
  const element = byId('banner');
  const words = h('span', { 'aria-live': 'off' });
  let timer = 0;
  const tick = () => {
    const seconds = Math.floor((Date.now() - store.state.lostAt) / 1000);
    words.textContent = t('banner.lost', { n: seconds });
  };
  store.watch(['lostAt', 'trouble', 'unkept', 'diskFull', 'zone'], (state) => {
    const { lostAt, trouble, unkept } = state;
    clearInterval(timer);
    element.hidden = lostAt === 0 && trouble === '' && unkept === '';
    element.className = `banner${lostAt > 0 ? ' lost' : ' trouble'}`;
    if (lostAt > 0) {
      tick();
      timer = setInterval(tick, 1000);
      replace(element, trouble !== '' && h('b', {}, trouble), words, h('button', { type: 'button', class: 'link', click: retry }, t('banner.retry')));
    } else if (trouble !== '') {
      replace(element, h('span', {}, trouble),
        h('button', { type: 'button', class: 'link', click: () => store.set({ trouble: '' }) }, t('banner.dismiss')));
    } else if (unkept !== '') {
      replace(element, h('span', {}, unkeptText(state)));
    }
  });
}

/** @param {State} state */
function unkeptText(state) {
  const since = new Date(state.unkept);
  const zone = zoneOf(state);
  const time = `${dayTime(since.getTime(), zone)} ${zoneName(zone, since)}`;
  return t(state.diskFull ? 'banner.diskFull' : 'banner.unkept', { time });
}
