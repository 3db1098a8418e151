// The entry that the address leads to: opened from it, kept in it while the
// list is held still, and a sentence when the list cannot show it.

import { byId, h, replace } from '../dom.js';
import { copy } from '../frame/toast.js';
import { readJob, writeJob } from '../search/job.js';
import { linkTo, readLink, writeLink } from '../search/link.js';
import { t } from '../strings.js';

/**
 * @param {import('../store.js').Store} store
 * @param {import('../tail/feed.js').Feed} feed
 */
export function linked(store, feed) {
  store.watch(['selected', 'following', 'link', 'linkTrouble', 'loading', 'job'], (state) => {
    // What is still being opened is in the address already.
    if (state.link > 0 || state.loading || state.linkTrouble !== '') return;
    const fragment = writeJob(state.job) || (state.following ? '' : writeLink(state.selected));
    if (fragment !== location.hash) history.replaceState(null, '', location.pathname + location.search + fragment);
  });
  addEventListener('hashchange', () => {
    const job = readJob(location.hash);
    if (job !== '') store.set({ drawer: 'instance', job });
    const seq = readLink(location.hash);
    if (seq === 0 || seq === store.state.selected || seq === store.state.link || seq === store.state.linkMissed) return;
    store.set({ link: seq });
    feed.start();
  });
  note(store, feed);
}

/**
 * @param {import('../store.js').Store} store
 * @param {import('../tail/feed.js').Feed} feed
 */
function note(store, feed) {
  const element = byId('link-note');
  store.watch(['linkTrouble'], ({ linkTrouble, linkMissed }) => {
    element.hidden = linkTrouble === '';
    if (linkTrouble === '') return;
    replace(element, h('span', {}, t(`link.${linkTrouble}`)), linkTrouble === 'unmatched'
      ? h('button', { type: 'button', class: 'link', click: () => showAnyway(store, linkMissed) }, t('link.anyway'))
      : h('button', { type: 'button', class: 'link', click: () => feed.resume() }, t('live.resume')));
  });
}

/**
 * @param {import('../store.js').Store} store
 * @param {number} seq
 */
function showAnyway(store, seq) {
  store.set({ q: '', instances: [], range: '', from: '', to: '', link: seq });
}

/** @param {import('../store.js').Store} store */
export function copyLink(store) {
  const { selected } = store.state;
  if (selected > 0) void copy(linkTo(store.state, selected));
}
