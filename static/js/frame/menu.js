// The small menu at a value.

import { byId, h, replace } from '../dom.js';

/** @typedef {{label: string, run: () => void}} Choice */

/** @type {HTMLElement | null} */
let opener = null;

/**
 * @param {HTMLElement} at
 * @param {(Choice | null | undefined | false)[]} choices null is a line between
 * @param {{clientX: number, clientY: number} | null} [point] where to open it, else below the element
 */
export function openMenu(at, choices, point = null) {
  const menu = byId('menu');
  opener = at;
  replace(menu, ...choices.map((choice) => (choice === null ? h('hr', { role: 'separator' }) : choice && h('button', {
    type: 'button', role: 'menuitem', class: 'plain',
    click: () => {
      closeMenu();
      choice.run();
    },
  }, choice.label))));
  menu.hidden = false;
  const box = point ? new DOMRect(point.clientX, point.clientY) : at.getBoundingClientRect();
  const width = menu.offsetWidth;
  const below = box.bottom + menu.offsetHeight < innerHeight;
  menu.style.left = `${Math.max(8, Math.min(box.left, innerWidth - width - 8))}px`;
  menu.style.top = `${below ? box.bottom + 2 : box.top - menu.offsetHeight - 2}px`;
  /** @type {HTMLElement | null} */ (menu.firstElementChild)?.focus();
}

/** Returns whether one was open. */
export function closeMenu() {
  const menu = byId('menu');
  if (menu.hidden) return false;
  menu.hidden = true;
  // A row is no place for the keyboard: its list is.
  if (opener?.closest('.canvas')) byId('scroller').focus({ preventScroll: true });
  else opener?.focus();
  opener = null;
  return true;
}

/** Wires what closes the menu and moves in it. */
export function menu() {
  const element = byId('menu');
  element.addEventListener('keydown', (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (event.key === 'Tab') closeMenu();
    if (step === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    const items = /** @type {HTMLElement[]} */ ([...element.querySelectorAll('button')]);
    const at = items.indexOf(/** @type {HTMLElement} */ (document.activeElement));
    items[(at + step + items.length) % items.length].focus();
  });
  document.addEventListener('pointerdown', (event) => {
    if (!element.hidden && event.target instanceof Node && !element.contains(event.target)) closeMenu();
  });
}
