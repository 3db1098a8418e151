// Ctrl-K: everything that the page can do and show, by typing a part of it.

import { byId, h, replace } from '../dom.js';
import { t } from '../strings.js';
import { fit, keyName } from './commands.js';

/** @typedef {{label: string, run: () => void, note?: string, keys?: string[]}} Offer */

/** More than that nobody reads. */
const MostOffers = 50;

/**
 * @param {() => Offer[]} offers what there is now
 * @returns {() => void} opens it
 */
export function palette(offers) {
  const dialog = /** @type {HTMLDialogElement} */ (byId('palette'));
  const box = h('input', {
    type: 'text', role: 'combobox', class: 'palette-box', autocomplete: 'off', spellcheck: 'false', 'aria-autocomplete': 'list',
    'aria-expanded': 'true', 'aria-controls': 'palette-list', 'aria-label': t('palette.label'), placeholder: t('palette.label'),
  });
  const list = h('div', { role: 'listbox', id: 'palette-list', class: 'palette-list', 'aria-label': t('palette.label') });
  /** @type {Offer[]} */
  let shown = [];
  let at = 0;
  replace(dialog, box, list);

  function draw() {
    shown = offers().map((offer, i) => ({ offer, i, fit: fit(box.value, offer.label) })).filter((one) => one.fit > 0)
      .sort((a, b) => b.fit - a.fit || a.i - b.i).slice(0, MostOffers).map((one) => one.offer);
    at = 0;
    replace(list, ...shown.map((offer, i) => h('div', {
      role: 'option', id: `offer${i}`, class: 'offer',
      click: () => choose(i),
    }, h('span', { class: offer.note ? '' : 'deed' }, offer.label), offer.note && h('span', { class: 'quiet small' }, offer.note),
      h('span', { class: 'spacer' }), ...(offer.keys ?? []).map((key) => h('kbd', {}, keyName(key))))));
    if (shown.length === 0) replace(list, h('p', { class: 'quiet palette-none' }, t('palette.none')));
    mark();
  }

  function mark() {
    [...list.children].forEach((element, i) => element.setAttribute('aria-selected', String(i === at)));
    box.setAttribute('aria-activedescendant', shown.length > 0 ? `offer${at}` : '');
    list.children[at]?.scrollIntoView({ block: 'nearest' });
  }

  /** @param {number} i */
  function choose(i) {
    dialog.close();
    shown[i]?.run();
  }

  box.addEventListener('input', draw);
  box.addEventListener('keydown', (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (event.key === 'Enter') {
      event.preventDefault();
      choose(at);
    } else if (step !== undefined && shown.length > 0) {
      event.preventDefault();
      at = (at + step + shown.length) % shown.length;
      mark();
    }
  });
  dialog.addEventListener('click', (event) => {
    if (event.target === dialog) dialog.close();
  });
  return () => {
    box.value = '';
    dialog.showModal();
    draw();
    box.focus();
  };
}
