// The button that says which range of time is shown, and opens the picker.

import { byId } from '../dom.js';
import { rangeText } from './text.js';

/** @param {import('../store.js').Store} store */
export function rangeButton(store) {
  const button = byId('range');
  const popover = byId('range-form');
  /** @type {import('./picker.js').Picker | null} */
  let picker = null;
  // Most people never open it: what it is made of comes when one does.
  popover.addEventListener('beforetoggle', (event) => {
    if (/** @type {ToggleEvent} */ (event).newState !== 'open') return;
    if (picker) {
      picker.fill();
      return;
    }
    event.preventDefault();
    void import('./picker.js').then(({ Picker }) => {
      picker ??= new Picker(store, popover);
      popover.showPopover();
    });
  });
  popover.addEventListener('toggle', (event) => {
    const open = /** @type {ToggleEvent} */ (event).newState === 'open';
    button.setAttribute('aria-expanded', String(open));
    if (open) picker?.focus();
  });
  store.watch(['range', 'from', 'to', 'zone', 'me'], (state) => {
    const text = rangeText(state);
    button.textContent = text.replace(new RegExp(`^${new Date().getFullYear()}-`), '');
    button.title = text;
    button.classList.toggle('chosen', state.range === 'custom');
  });
}
