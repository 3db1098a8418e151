// How much room the rail and the drawer take; both are kept in the browser.

import { byId, h } from '../dom.js';
import { t } from '../strings.js';

/** The bounds of the drawer's width, in px. */
const Narrowest = 340;
const Widest = 640;
/** What an arrow key adds, in px. */
const Step = 24;

/** @param {import('../store.js').Store} store */
export function sizes(store) {
  foldRail(store);
  resizeDrawer(store);
}

/** Folded, the rail is its dots. @param {import('../store.js').Store} store */
function foldRail(store) {
  const button = byId('rail-fold');
  button.addEventListener('click', () => store.set({ railFolded: !store.state.railFolded }));
  store.watch(['railFolded'], ({ railFolded }) => {
    byId('body').classList.toggle('rail-folded', railFolded);
    button.setAttribute('aria-expanded', String(!railFolded));
    button.title = t(railFolded ? 'rail.unfold' : 'rail.fold');
    button.ariaLabel = button.title;
    localStorage.setItem('rail', railFolded ? '0' : '1');
  });
}

/**
 * The drawer's left edge is dragged, or moved by the arrows.
 * @param {import('../store.js').Store} store
 */
function resizeDrawer(store) {
  const body = byId('body');
  const handle = h('div', {
    class: 'drawer-edge', role: 'separator', tabindex: '0', 'aria-orientation': 'vertical', 'aria-label': t('drawer.resize'),
    'aria-valuemin': Narrowest, 'aria-valuemax': Widest, title: t('drawer.resize'),
  });
  byId('drawer').prepend(handle);
  const width = () => byId('drawer').getBoundingClientRect().width;
  const set = (/** @type {number} */ px) => {
    const wide = Math.round(Math.max(Narrowest, Math.min(Widest, px)));
    body.style.setProperty('--drawer', `${wide}px`);
    handle.setAttribute('aria-valuenow', String(wide));
    localStorage.setItem('drawer', String(wide));
  };
  const kept = Number(localStorage.getItem('drawer'));
  if (kept > 0) set(kept);
  store.watch(['drawer'], ({ drawer }) => {
    if (drawer !== '') handle.setAttribute('aria-valuenow', String(Math.round(width())));
  });
  handle.addEventListener('pointerdown', (event) => {
    handle.setPointerCapture(event.pointerId);
    event.preventDefault();
  });
  handle.addEventListener('pointermove', (event) => {
    if (handle.hasPointerCapture(event.pointerId)) set(innerWidth - event.clientX);
  });
  handle.addEventListener('dblclick', () => {
    body.style.removeProperty('--drawer');
    localStorage.removeItem('drawer');
  });
  handle.addEventListener('keydown', (event) => {
    const by = { ArrowLeft: Step, ArrowRight: -Step }[event.key];
    if (by === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    set(width() + by);
  });
}
