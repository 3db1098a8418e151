// The choice of columns, density and wrapping, in a popover at the list's head.

import { byId, h, replace } from '../dom.js';
import { t } from '../strings.js';
import { columns, template, usual, wraps } from './columns.js';

/** @param {import('../store.js').Store} store */
export function look(store) {
  const log = /** @type {HTMLElement} */ (byId('scroller').parentElement);
  store.watch(['columns'], ({ columns: shown }) => {
    log.style.setProperty('--cols', template(shown));
    for (const head of byId('head').querySelectorAll('[data-col]')) {
      const column = /** @type {HTMLElement} */ (head).dataset.col;
      /** @type {HTMLElement} */ (head).hidden = !shown.some((name) => name === column);
    }
    byId('scroller').setAttribute('aria-colcount', String(shown.length));
  });
  store.watch(['columns', 'wrap', 'relaxed'], (state) => draw(store, state));
}

/**
 * @param {import('../store.js').Store} store
 * @param {State} state
 */
function draw(store, { columns: shown, wrap, relaxed }) {
  const form = byId('look');
  const focused = document.activeElement instanceof HTMLElement && form.contains(document.activeElement) ? document.activeElement.dataset.look : undefined;
  replace(form,
    h('fieldset', {}, h('legend', {}, t('look.columns')), ...columns.map((column) => h('label', {},
      h('input', {
        type: 'checkbox', 'data-look': column, checked: shown.includes(column), disabled: column === 'message',
        change: () => store.set({ columns: toggled(store.state.columns, column) }),
      }), t(`column.${column}`)))),
    segments('look.wrap', wraps.map((name) => ({ name: name || 'off', on: name === wrap, run: () => store.set({ wrap: name }) }))),
    segments('look.density', [
      { name: 'compact', on: !relaxed, run: () => store.set({ relaxed: false }) },
      { name: 'relaxed', on: relaxed, run: () => store.set({ relaxed: true }) },
    ]),
    h('button', { type: 'button', class: 'link small', 'data-look': 'usual', click: () => store.set({ columns: usual, wrap: '', relaxed: false }) }, t('look.usual')));
  if (focused) /** @type {HTMLElement | null} */ (form.querySelector(`[data-look="${focused}"]`))?.focus();
}

/**
 * @param {Column[]} shown
 * @param {Column} column
 */
function toggled(shown, column) {
  return columns.filter((other) => (other === column ? !shown.includes(other) : shown.includes(other)));
}

/**
 * @param {string} label
 * @param {{name: string, on: boolean, run: () => void}[]} choices
 */
function segments(label, choices) {
  return h('div', { class: 'look-line' }, h('span', {}, t(label)),
    h('div', { class: 'segments', role: 'group', 'aria-label': t(label) },
      ...choices.map(({ name, on, run }) => h('button', {
        type: 'button', 'aria-pressed': String(on), 'data-look': name, click: run,
      }, t(`look.${name}`)))));
}
