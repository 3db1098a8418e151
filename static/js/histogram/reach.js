// What a hand does with the chart: point, drag, click, and the same by keys.

import { h } from '../dom.js';
import { t } from '../strings.js';

/** A shorter way is a click, in px. */
const DragPx = 4;
/** So long a click waits whether it becomes a double click, in ms. */
const ClickMs = 250;

/**
 * @typedef {object} ReachListener
 * @property {() => number} width
 * @property {() => number} count of buckets
 * @property {(x: number) => number} at the bucket there, -1 if there is none
 * @property {(at: number) => [number, number]} edges
 * @property {(first: number, last: number) => string} show -1 shows nothing
 * @property {(first: number, last: number) => void} zoom
 * @property {() => void} out
 * @property {() => void} idle the hand is gone
 */

export class Reach {
  /** @param {ReachListener} listener */
  constructor(listener) {
    this.listener = listener;
    this.mark = h('div', { class: 'histogram-mark', hidden: true });
    this.element = h('div', {
      class: 'histogram-reach', role: 'slider', tabindex: '0', 'aria-label': t('histogram.label'),
      'aria-valuemin': 0, 'aria-valuemax': 0, 'aria-valuenow': 0,
    }, this.mark);
    /** Where the keys or the pointer are, and where a selection began. */
    this.at = -1;
    this.anchor = -1;
    this.downX = -1;
    this.dragging = false;
    this.inside = false;
    this.click = 0;
    this.wirePointer();
    this.element.addEventListener('keydown', (event) => this.key(event));
    this.element.addEventListener('blur', () => this.reset());
  }

  /** Whether a hand is at the chart. */
  get busy() {
    return this.inside || this.dragging || this.at >= 0;
  }

  wirePointer() {
    const { element } = this;
    const x = (/** @type {MouseEvent} */ event) => event.clientX - element.getBoundingClientRect().left;
    element.addEventListener('pointerdown', (event) => {
      if (event.button !== 0) return;
      element.setPointerCapture(event.pointerId);
      this.downX = x(event);
      this.at = this.listener.at(this.downX);
      this.anchor = Math.max(0, this.at);
    });
    element.addEventListener('pointermove', (event) => {
      this.inside = true;
      if (this.downX >= 0 && Math.abs(x(event) - this.downX) >= DragPx) this.dragging = true;
      this.at = this.dragging ? Math.max(0, this.listener.at(x(event))) : this.listener.at(x(event));
      if (!this.dragging) this.anchor = this.downX >= 0 ? this.anchor : -1;
      this.show();
    });
    element.addEventListener('pointerup', () => {
      const dragged = this.dragging;
      const [first, last] = this.between();
      const down = this.downX >= 0;
      this.endDrag();
      if (dragged && first >= 0) this.zoom(first, last);
      else if (down && this.at >= 0) this.clickSoon(this.at);
    });
    element.addEventListener('pointercancel', () => this.reset());
    element.addEventListener('pointerleave', () => {
      if (!this.dragging) this.reset();
    });
    element.addEventListener('dblclick', () => {
      clearTimeout(this.click);
      this.reset();
      this.listener.out();
    });
  }

  /** @param {number} at */
  clickSoon(at) {
    clearTimeout(this.click);
    this.click = setTimeout(() => this.zoom(at, at), ClickMs);
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const last = this.listener.count() - 1;
    const step = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10, Home: -Infinity, End: Infinity }[event.key];
    if (event.key === 'Escape' && (this.dragging || this.at >= 0)) this.reset();
    else if (event.key === 'Enter' && this.at >= 0) this.zoom(...this.between());
    else if (event.key === '-' || event.key === 'Backspace') this.listener.out();
    else if (step !== undefined && last >= 0 && !event.ctrlKey && !event.metaKey && !event.altKey) {
      if (event.shiftKey) this.anchor = this.anchor < 0 ? Math.max(0, this.at) : this.anchor;
      else this.anchor = -1;
      this.at = Math.max(0, Math.min(last, (this.at < 0 ? last + (step < 0 ? 1 : 0) : this.at) + step));
      this.show();
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** @returns {[number, number]} what is chosen, in order */
  between() {
    if (this.anchor < 0 || this.at < 0) return [this.at, this.at];
    return [Math.min(this.anchor, this.at), Math.max(this.anchor, this.at)];
  }

  show() {
    const [first, last] = this.between();
    const words = this.listener.show(first, last);
    this.mark.hidden = first < 0;
    if (first >= 0) {
      const left = this.listener.edges(first)[0];
      this.mark.style.left = `${left}px`;
      this.mark.style.width = `${this.listener.edges(last)[1] - left}px`;
    }
    this.mark.classList.toggle('chosen', first !== last);
    this.element.setAttribute('aria-valuemax', String(Math.max(0, this.listener.count() - 1)));
    this.element.setAttribute('aria-valuenow', String(Math.max(0, this.at)));
    this.element.setAttribute('aria-valuetext', words);
  }

  /**
   * @param {number} first
   * @param {number} last
   */
  zoom(first, last) {
    this.reset();
    this.listener.zoom(first, last);
  }

  endDrag() {
    this.dragging = false;
    this.downX = -1;
    this.anchor = -1;
  }

  /** Lets go of everything. */
  reset() {
    this.endDrag();
    this.inside = false;
    this.at = -1;
    this.show();
    this.listener.idle();
  }
}
