// Whose clock the page shows: the choice, and the list's head that says it.

import { byId, h, replace } from '../dom.js';
import { t } from '../strings.js';
import { zoneName } from '../time.js';
import { zoneChoices, zoneOf } from '../zone.js';

const Key = 'zone';

/** @returns {State['zone']} what this person chose last */
export function keptZone() {
  const kept = localStorage.getItem(Key);
  return kept === 'utc' || kept === 'server' ? kept : 'local';
}

/**
 * Chooses for good: a link that names a zone does not.
 * @param {import('../store.js').Store} store
 * @param {State['zone']} zone
 */
export function chooseZone(store, zone) {
  localStorage.setItem(Key, zone);
  store.set({ zone });
}

/** @param {import('../store.js').Store} store */
export function nextZone(store) {
  const choices = zoneChoices(store.state);
  chooseZone(store, choices[(choices.indexOf(store.state.zone) + 1) % choices.length]);
}

/** @param {import('../store.js').Store} store */
export function zoneHead(store) {
  const head = byId('zone');
  head.addEventListener('click', () => nextZone(store));
  store.watch(['zone', 'me'], (state) => {
    const zone = zoneOf(state);
    replace(head, t('list.time'), ' ', h('span', { class: 'zone-name' }, zoneName(zone, new Date())));
    head.title = `${t(`zone.${state.zone}`)}: ${zone.name}\n${t('zone.title')}`;
  });
}
