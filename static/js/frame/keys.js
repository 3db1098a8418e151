// The keyboard.

import { byId, h, icon, replace } from '../dom.js';
import { closeMenu } from './menu.js';
import { t } from '../strings.js';
import { keyName } from './commands.js';

/**
 * @param {import('../store.js').Store} store
 * @param {import('./commands.js').Commands} commands
 */
export function keys(store, commands) {
  document.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    const target = /** @type {HTMLElement} */ (event.target);
    if (event.key === 'Escape') {
      if (!target.closest('dialog,[popover]')) escape(store);
      return;
    }
    if (target.closest('input,textarea,select,dialog,[popover],[role=menu]')) return;
    // Enter and Space belong to the button that has the focus.
    if (target.closest('button,a') && (event.key === 'Enter' || event.key === ' ')) return;
    // A focused text scrolls by the arrows.
    if (target.closest('pre,.drawer') && /^(Arrow|Page|Home|End)/.test(event.key)) return;
    const command = commands.of(event.key);
    if (!command) return;
    event.preventDefault();
    command.run();
  });
  help(store, commands);
}

/** @param {import('../store.js').Store} store */
function escape(store) {
  if (closeMenu()) return;
  if (store.state.rail) store.set({ rail: false });
  else if (store.state.drawer !== '') store.set({ drawer: '' });
  else store.set({ selected: 0 });
  byId('scroller').focus({ preventScroll: true });
}

/**
 * @param {import('../store.js').Store} store
 * @param {import('./commands.js').Commands} commands
 */
function help(store, commands) {
  const dialog = /** @type {HTMLDialogElement} */ (byId('help'));
  const close = () => dialog.close();
  replace(dialog,
    h('header', {}, h('h2', {}, t('help.title')),
      h('button', { type: 'button', class: 'plain close', 'aria-label': t('drawer.close'), click: close }, icon('close'))),
    h('p', { class: 'documents' },
      h('a', { href: 'help/query-language.md', target: '_blank' }, t('help.language')),
      h('a', { href: 'help/developers.md', target: '_blank' }, t('help.developers')),
      h('a', { href: 'help/', target: '_blank' }, t('help.documents'))),
    h('dl', {}, ...shown(commands).flatMap(([words, names]) => [
      h('dt', {}, ...names.map((name) => h('kbd', {}, name))),
      h('dd', {}, t(words)),
    ])));
  dialog.addEventListener('close', () => store.set({ help: false }));
  dialog.addEventListener('click', (event) => {
    if (event.target === dialog) dialog.close();
  });
  dialog.addEventListener('keydown', (event) => {
    if (event.key === '?') dialog.close();
  });
  store.watch(['help'], (state) => {
    if (state.help && !dialog.open) dialog.showModal();
  });
}

/**
 * The keys of the commands, those with the same words together.
 * @param {import('./commands.js').Commands} commands
 */
function shown(commands) {
  /** @type {Map<string, string[]>} */
  const all = new Map([['help.palette', ['Ctrl K']], ['help.escape', ['Esc']]]);
  for (const { words, keys } of commands.list) {
    if (keys) all.set(words, [...all.get(words) ?? [], ...keys.map(keyName)]);
  }
  return [...all];
}
