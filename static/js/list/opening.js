// What is shown to somebody who opens the page and asks for nothing: their own
// instances and those that all share, if they have any.

import { saysNothing } from '../search/address.js';

/** Longer than that nobody waits to see whether some of the instances are theirs, in ms. */
const WaitMs = 1500;

/**
 * Chooses the instances to begin with. It resolves once that is done, and never
 * fails: without an answer all are shown.
 * @param {import('../store.js').Store} store
 * @param {Promise<unknown>[]} loading of the store's me and known
 */
export async function opening(store, loading) {
  const silent = saysNothing(location.search) && location.hash === '';
  const all = Promise.all(loading);
  if (!silent) {
    void all.then(() => store.set({ startsOwn: own(store.state).length > 0 }));
    return;
  }
  await Promise.race([all, new Promise((resolve) => setTimeout(resolve, WaitMs))]);
  const instances = own(store.state);
  if (instances.length > 0) store.set({ instances, startsOwn: true });
}

/**
 * One's own instances and the shared ones; none if none is one's own.
 * @param {Pick<State, 'me' | 'known'>} state
 * @returns {string[]}
 */
export function own({ me, known }) {
  if (!me || !known.some(({ owner }) => owner === me.name)) return [];
  return known.filter(({ owner }) => owner === me.name || owner === 'shared').map(({ instance }) => instance);
}
