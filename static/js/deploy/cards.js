// A card for each instance: its state and what is live on it.

import { h } from '../dom.js';
import { groups } from '../rail/instances.js';
import { said } from '../said.js';
import { t } from '../strings.js';
import { zoneOf } from '../zone.js';
import { ago, releaseName } from './release.js';

/** @param {import('../store.js').Store} store */
export function cards(store) {
  const { known, me } = store.state;
  return groups(known, me?.name ?? '').map((group) => h('section', { class: 'cards' },
    h('h3', {}, group.title),
    ...group.instances.map((instance) => card(store, instance))));
}

/**
 * @param {import('../store.js').Store} store
 * @param {Instance} instance
 */
function card(store, instance) {
  const state = instance.state ?? 'unknown';
  const { release } = instance;
  return h('button', {
    type: 'button', class: 'plain card', 'data-card': instance.instance, click: () => store.set({ control: instance.instance }),
  },
  h('span', { class: 'card-head' },
    h('span', { class: `dot ${state}`, 'aria-hidden': 'true' }),
    h('b', { class: 'data' }, instance.service || instance.instance),
    h('span', { class: `state ${state}` }, t(`instances.${state}`))),
  release && h('span', { class: 'card-line' }, releaseName(release)),
  release && h('span', { class: 'card-line quiet small' }, h('span', { class: 'data' }, release.by), ' · ', ago(release.when, zoneOf(store.state))),
  instance.detail && h('span', { class: 'card-line small card-detail' }, said(instance.detail)));
}
