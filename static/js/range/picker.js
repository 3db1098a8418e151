// The choice of a range of time: typed, one of the usual, or from and to.

import { h, replace } from '../dom.js';
import { chooseZone } from '../frame/zone.js';
import { ranges } from '../search/address.js';
import { t } from '../strings.js';
import { zoneName } from '../time.js';
import { unwall, wall, zoneOf } from '../zone.js';
import { parseRange } from './parse.js';
import { rangeText } from './text.js';

export class Picker {
  /**
   * @param {import('../store.js').Store} store
   * @param {HTMLElement} popover
   */
  constructor(store, popover) {
    this.store = store;
    this.popover = popover;
    this.typed = h('input', {
      type: 'text', id: 'range-typed', autocomplete: 'off', spellcheck: 'false', autocapitalize: 'off', enterkeyhint: 'go',
      placeholder: t('range.placeholder'), 'aria-label': t('range.typed'), 'aria-describedby': 'range-read', input: () => this.read(),
    });
    this.reading = h('p', { id: 'range-read', class: 'quiet small range-read', 'aria-live': 'polite' });
    this.presets = h('div', { class: 'range-presets', role: 'group', 'aria-label': t('range.label'), keydown: (/** @type {KeyboardEvent} */ event) => this.move(event) });
    this.from = this.moment('range-from');
    this.to = this.moment('range-to');
    this.zones = h('div', { class: 'segments', role: 'group', 'aria-label': t('zone.label') });
    replace(popover,
      h('form', { submit: (/** @type {Event} */ event) => this.submit(event, this.typedRange()) }, this.typed, this.reading),
      this.presets,
      h('form', { id: 'range-custom', submit: (/** @type {Event} */ event) => this.submit(event, this.customRange()) },
        h('label', {}, h('span', {}, t('range.from')), this.from),
        h('label', {}, h('span', {}, t('range.to')), this.to),
        h('button', { type: 'submit', class: 'button primary' }, t('range.apply'))),
      this.zones);
    this.fill();
    store.watch(['zone', 'me', 'range', 'from', 'to'], () => this.fill());
  }

  /** @param {string} id */
  moment(id) {
    return h('input', { type: 'datetime-local', step: '1', id });
  }

  /** Shows what is chosen now. */
  fill() {
    const { store } = this;
    const { state } = store;
    const zone = zoneOf(state);
    const now = Date.now();
    this.typed.value = '';
    this.read();
    replace(this.presets, ...['', ...ranges].map((range) => h('button', {
      type: 'button', class: 'plain', 'aria-pressed': String(range === state.range),
      click: () => this.choose({ range, from: '', to: '' }),
    }, t(`range.${range || 'all'}`))));
    // An end that is open, or a way back from now, is shown as where it is now.
    const read = parseRange(state.range === 'custom' ? `${state.from}..${state.to}` : `${state.range || '1h'}..`, now, zone);
    this.from.value = inputValue(Date.parse(read?.from ?? ''), zone);
    this.to.value = inputValue(read?.to ? Date.parse(read.to) : now, zone);
    const focused = this.zones.contains(document.activeElement);
    replace(this.zones, ...(/** @type {const} */ (['local', 'utc', 'server'])).map((name) => h('button', {
      type: 'button', 'aria-pressed': String(name === state.zone), 'data-zone': name, title: zoneOf({ ...state, zone: name }).name,
      click: () => chooseZone(store, name),
    }, t(`zone.${name}`), name !== 'utc' && h('span', { class: 'quiet' }, ` ${zoneName(zoneOf({ ...state, zone: name }), new Date())}`))));
    if (focused) /** @type {HTMLElement | null} */ (this.zones.querySelector('[aria-pressed=true]'))?.focus();
  }

  focus() {
    // A keyboard that rises over a phone's screen is asked for, not offered.
    if (!matchMedia('(pointer: coarse)').matches) this.typed.focus();
  }

  typedRange() {
    return this.typed.value.trim() === '' ? null : parseRange(this.typed.value, Date.now(), zoneOf(this.store.state));
  }

  customRange() {
    const zone = zoneOf(this.store.state);
    const [from, to] = [inputTime(this.from.value, zone), inputTime(this.to.value, zone)];
    const [start, end] = from !== '' && to !== '' && from > to ? [to, from] : [from, to];
    return { range: start === '' && end === '' ? '' : 'custom', from: start, to: end };
  }

  /** Says how the text is read. */
  read() {
    const range = this.typedRange();
    const empty = this.typed.value.trim() === '';
    this.reading.classList.toggle('wrong', !empty && !range);
    this.typed.setAttribute('aria-invalid', String(!empty && !range));
    this.reading.textContent = empty ? t('range.hint') : range ? rangeText({ ...this.store.state, ...range }) : t('range.wrong');
  }

  /**
   * @param {Event} event
   * @param {import('./parse.js').Range | null} range
   */
  submit(event, range) {
    event.preventDefault();
    if (range) this.choose(range);
  }

  /** @param {import('./parse.js').Range} range */
  choose(range) {
    this.popover.hidePopover();
    this.store.set(range);
  }

  /** @param {KeyboardEvent} event */
  move(event) {
    const step = { ArrowDown: 1, ArrowUp: -1, ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const buttons = /** @type {HTMLElement[]} */ ([...this.presets.children]);
    const at = buttons.indexOf(/** @type {HTMLElement} */ (document.activeElement));
    buttons[(at + step + buttons.length) % buttons.length].focus();
  }
}

/**
 * @param {number} ms
 * @param {import('../zone.js').Zone} zone
 */
function inputValue(ms, zone) {
  return Number.isNaN(ms) ? '' : wall(ms, zone).toISOString().slice(0, 19);
}

/**
 * @param {string} value of a datetime-local input, which may leave out seconds
 * @param {import('../zone.js').Zone} zone
 */
function inputTime(value, zone) {
  const shown = Date.parse(`${value}${value.length === 16 ? ':00' : ''}Z`);
  return Number.isNaN(shown) ? '' : new Date(unwall(shown, zone)).toISOString();
}
