// The list below the search box: names, values with their counts, and what was
// searched before. Enter searches what is typed unless an offer is marked.

import { request } from '../api.js';
import { byId, h, icon, replace } from '../dom.js';
import { textNodes } from '../list/row.js';
import { oneLine } from '../list/text.js';
import { t } from '../strings.js';
import { around, fieldNamed, fieldsLike, placeAt, take, valuesLike } from './complete.js';
import { forgetSearch, forgetSearches, pastSearches } from './history.js';
import { scopeParams } from './scope.js';

/** How long somebody has not typed before values are counted, in ms. */
const PauseMs = 120;

/** Of how many values the ones that fit are picked. */
const CountedValues = 200;

/** @typedef {{label: string, note?: string, count?: number, place?: import('./complete.js').Place, past?: boolean, clear?: boolean}} Offer */

export class Offers {
  /**
   * @param {import('../store.js').Store} store
   * @param {HTMLInputElement} box
   * @param {{submit: () => void, changed: () => void}} actions
   */
  constructor(store, box, actions) {
    this.store = store;
    this.box = box;
    this.actions = actions;
    this.list = h('div', { class: 'offers', id: 'offers', role: 'listbox', 'aria-label': t('offers.label'), hidden: true });
    byId('search').append(this.list);
    for (const [name, value] of Object.entries({ role: 'combobox', 'aria-autocomplete': 'list', 'aria-controls': 'offers', 'aria-expanded': 'false' })) {
      box.setAttribute(name, value);
    }
    /** @type {Offer[]} */
    this.shown = [];
    this.at = -1;
    /** @type {Promise<import('./complete.js').Field[]> | null} */
    this.fields = null;
    this.abort = new AbortController();
    box.addEventListener('focus', () => void this.typed(true));
    box.addEventListener('input', () => void this.typed(box.value === ''));
    box.addEventListener('blur', () => this.close());
    box.addEventListener('click', () => {
      if (this.list.hidden && box.value === '') void this.typed(true);
    });
    // The box keeps the focus.
    this.list.addEventListener('pointerdown', (event) => event.preventDefault());
  }

  get open() {
    return !this.list.hidden;
  }

  /** Offers what fits what is typed. @param {boolean} past also what was searched before */
  async typed(past) {
    this.abort.abort();
    this.abort = new AbortController();
    const { signal } = this.abort;
    if (past) {
      this.show(pastSearches().map((label) => ({ label, past: true })));
      return;
    }
    const offers = await this.find(signal).catch(() => []);
    if (!signal.aborted && document.activeElement === this.box) this.show(offers);
  }

  /**
   * @param {AbortSignal} signal
   * @returns {Promise<Offer[]>}
   */
  async find(signal) {
    const text = this.box.value;
    const place = placeAt(text, this.box.selectionStart ?? text.length);
    if (!place) return [];
    this.fields ??= request('fields').then((answer) => answer.fields);
    const fields = await this.fields.catch(() => {
      this.fields = null;
      return [];
    });
    if (place.kind === 'field') {
      return fieldsLike(fields, place.typed).map(({ name, example }) => ({ label: name, note: `${t(`what.${name}`)} · ${example}`, place }));
    }
    const field = fieldNamed(fields, place.field);
    if (!field) return [];
    /** @type {{value: string, count: number}[]} */
    let counted = [];
    if (field.facet) {
      await new Promise((resolve) => setTimeout(resolve, PauseMs));
      if (signal.aborted) return [];
      const { state } = this.store;
      const params = { ...scopeParams({ ...state, q: around(text, place) }), fields: field.facet, limit: String(CountedValues) };
      counted = await request('facets', { params, signal }).then((answer) => answer.fields[field.facet ?? ''] ?? [], () => []);
    }
    const offers = valuesLike(counted, field.values ?? [], place.typed).map(({ value, count }) => ({ label: value, count, place }));
    return offers.length === 1 && offers[0].label === place.typed ? [] : offers;
  }

  /** @param {Offer[]} offers */
  show(offers) {
    const past = offers.some((offer) => offer.past);
    this.shown = past ? [...offers, { label: t('offers.clear'), clear: true }] : offers;
    this.at = -1;
    replace(this.list, ...this.shown.map((offer, i) => this.option(offer, i)));
    this.list.hidden = this.shown.length === 0;
    this.mark();
  }

  /**
   * @param {Offer} offer
   * @param {number} i
   */
  option(offer, i) {
    return h('div', { role: 'option', id: `o${i}`, class: `option${offer.clear ? ' quiet' : ''}`, click: () => this.take(i) },
      h('span', { class: offer.clear ? '' : 'option-text' }, ...textNodes(oneLine(offer.label, 200), false)),
      offer.note && h('span', { class: 'quiet small option-note' }, offer.note),
      h('span', { class: 'spacer' }),
      offer.count !== undefined && h('span', { class: 'quiet small' }, t('offers.count', { n: offer.count })),
      offer.past && h('button', {
        type: 'button', class: 'plain', tabindex: '-1', 'aria-label': t('offers.forget', { q: offer.label }),
        /** @param {MouseEvent} event */
        click: (event) => {
          event.stopPropagation();
          this.forget(offer);
        },
      }, icon('close')));
  }

  mark() {
    [...this.list.children].forEach((element, i) => element.setAttribute('aria-selected', String(i === this.at)));
    this.box.setAttribute('aria-expanded', String(this.open));
    if (this.at >= 0) this.box.setAttribute('aria-activedescendant', `o${this.at}`);
    else this.box.removeAttribute('aria-activedescendant');
    this.list.children[this.at]?.scrollIntoView({ block: 'nearest' });
  }

  /** @param {number} i */
  take(i) {
    const offer = this.shown[i];
    if (offer.clear) {
      forgetSearches();
      this.close();
    } else if (offer.past) {
      this.box.value = offer.label;
      this.close();
      this.actions.submit();
    } else if (offer.place) {
      const { text, caret } = take(this.box.value, offer.place, offer.label);
      this.box.value = text;
      this.box.setSelectionRange(caret, caret);
      this.actions.changed();
      void this.typed(false);
    }
  }

  /** @param {Offer} offer */
  forget(offer) {
    forgetSearch(offer.label);
    void this.typed(true);
  }

  close() {
    this.abort.abort();
    this.show([]);
  }

  /** Whether the key was for the list. @param {KeyboardEvent} event */
  key(event) {
    if (!this.open || event.isComposing) return false;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step !== undefined) {
      // One place in the round is the box itself.
      const places = this.shown.length + 1;
      this.at = (this.at + 1 + step + places) % places - 1;
      this.mark();
    } else if (event.key === 'Escape') {
      this.close();
    } else if (event.key === 'Enter' && this.at >= 0) {
      this.take(this.at);
    } else if (event.key === 'Tab' && !event.shiftKey && this.shown[Math.max(this.at, 0)].place) {
      this.take(Math.max(this.at, 0));
    } else if (event.key === 'Delete' && event.shiftKey && this.shown[this.at]?.past) {
      this.forget(this.shown[this.at]);
    } else {
      return false;
    }
    event.preventDefault();
    event.stopPropagation();
    return true;
  }
}
