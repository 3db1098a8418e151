// The virtual list: it holds elements only for the rows that can be seen.
//
// Every row has the same height, so a place in the list is a multiplication.
// Rows that stay in sight keep their element, so that a text selection lives.

import { highlight } from './highlight.js';
import { createRow, rowKey } from './row.js';
import { local } from '../zone.js';

/** Rows kept ready above and below what is seen. */
const Overscan = 20;
/** How long a new row shows that it is new, in ms. */
const FreshMs = 1000;

/**
 * @typedef {object} ListListener
 * @property {() => void} moved somebody scrolled up or took hold of a row
 * @property {() => void} reachedEnd somebody scrolled down to the newest
 * @property {() => void} nearStart older entries will soon be wanted
 */

export class List {
  /**
   * @param {{scroller: HTMLElement, canvas: HTMLElement, start: HTMLElement}} elements
   * @param {import('./buffer.js').Buffer} buffer
   * @param {ListListener} listener
   */
  constructor(elements, buffer, listener) {
    this.scroller = elements.scroller;
    this.canvas = elements.canvas;
    this.start = elements.start;
    this.buffer = buffer;
    this.listener = listener;
    this.follow = true;
    /** How many rows are shown at most: while paused, what comes stays out of sight. */
    this.held = Infinity;
    this.zone = local;
    this.wrap = false;
    this.selected = 0;
    /** What to mark in the messages, in lower case. @type {string[]} */
    this.marked = [];
    /** @type {Map<string, HTMLElement>} */
    this.rows = new Map();
    this.rowHeight = 20;
    this.startHeight = 0;
    /** Where we have put the scroll offset ourselves. */
    this.placed = 0;
    this.lastTop = 0;
    this.frame = 0;
    this.freshSeq = Infinity;
    this.freshUntil = 0;
    this.measure();
    this.listen();
  }

  listen() {
    this.scroller.addEventListener('scroll', () => this.scrolled(), { passive: true });
    this.scroller.addEventListener('wheel', (event) => {
      if (event.deltaY < 0) this.listener.moved();
      // A list that fits the screen has no other way to ask for what came.
      else if (!this.follow && this.below() < 2) this.listener.reachedEnd();
    }, { passive: true });
    this.canvas.addEventListener('mousedown', () => this.listener.moved());
    new ResizeObserver(() => {
      this.measure();
      this.render();
    }).observe(this.scroller);
  }

  /** Reads the heights that the style sheet gives. */
  measure() {
    const style = getComputedStyle(this.scroller);
    const height = parseFloat(style.getPropertyValue('--row')) || 20;
    this.startHeight = parseFloat(style.getPropertyValue('--start')) || 0;
    if (height === this.rowHeight) return;
    // The selected row, or else the first that is seen, stays where it is.
    const { scrollTop, clientHeight } = this.scroller;
    let anchor = this.buffer.indexOf(this.selected);
    let y = this.startHeight + anchor * this.rowHeight - scrollTop;
    if (anchor < 0 || y < 0 || y > clientHeight) {
      anchor = (scrollTop - this.startHeight) / this.rowHeight;
      y = 0;
    }
    this.rowHeight = height;
    this.resize();
    if (!this.follow) this.place(this.startHeight + anchor * height - Math.min(y, clientHeight - height));
    this.rebuild();
  }

  /** The number of rows that can be seen by scrolling. */
  get length() {
    return Math.min(this.buffer.length, this.held);
  }

  /** Shows the rows there are now and none that come later. */
  hold() {
    this.held = this.buffer.length;
    this.render();
  }

  /** Shows all rows, and those that come. */
  release() {
    this.held = Infinity;
  }

  /** Draws every row anew: the way they look has changed. */
  rebuild() {
    for (const row of this.rows.values()) row.remove();
    this.rows.clear();
    this.render();
  }

  /** Draws at the next frame. */
  render() {
    if (this.frame) return;
    this.frame = requestAnimationFrame(() => this.draw());
  }

  draw() {
    cancelAnimationFrame(this.frame);
    this.frame = 0;
    this.resize();
    if (this.follow) this.place(this.scroller.scrollHeight);
    const top = this.scroller.scrollTop - this.startHeight;
    const first = Math.max(0, Math.floor(top / this.rowHeight) - Overscan);
    const count = Math.ceil(this.scroller.clientHeight / this.rowHeight) + 2 * Overscan;
    this.drawRows(first, Math.min(this.length, first + count));
    highlight(this.rows.values(), this.marked);
    this.scroller.setAttribute('aria-rowcount', String(this.length + 1));
  }

  /**
   * @param {number} first
   * @param {number} end
   */
  drawRows(first, end) {
    const items = this.buffer.items;
    const wanted = new Set();
    for (let i = first; i < end; i++) wanted.add(rowKey(items[i]));
    for (const [key, row] of this.rows) {
      if (wanted.has(key)) continue;
      row.remove();
      this.rows.delete(key);
    }
    const style = { zone: this.zone, wrap: this.wrap, now: new Date() };
    const fresh = Date.now() < this.freshUntil;
    // A row that is in its place is not touched: moving it would end a selection.
    let next = this.start.nextElementSibling;
    for (let i = first; i < end; i++) {
      const item = items[i];
      const key = rowKey(item);
      let row = this.rows.get(key);
      if (!row) {
        row = createRow(item, style);
        if (fresh && !('gap' in item) && item.seq >= this.freshSeq) row.classList.add('fresh');
        if (!('gap' in item) && item.seq === this.selected) mark(row, true);
        this.rows.set(key, row);
      }
      row.style.top = `${this.startHeight + i * this.rowHeight}px`;
      row.setAttribute('aria-rowindex', String(i + 2));
      if (row === next) next = next.nextElementSibling;
      else this.canvas.insertBefore(row, next);
    }
  }

  /**
   * Says from which Seq on rows are new.
   * @param {number} seq
   */
  arrived(seq) {
    if (Date.now() >= this.freshUntil) this.freshSeq = seq;
    this.freshUntil = Date.now() + FreshMs;
  }

  /**
   * Keeps what is seen where it is, although rows were put in above it.
   * @param {number} rows negative if they were taken away
   */
  shifted(rows) {
    this.held += rows;
    const top = this.scroller.scrollTop + rows * this.rowHeight;
    this.resize();
    this.place(top);
    this.draw();
  }

  /** Makes room for all rows, drawn or not. */
  resize() {
    this.canvas.style.height = `${this.startHeight + this.length * this.rowHeight}px`;
  }

  /** @param {number} top */
  place(top) {
    this.scroller.scrollTop = top;
    this.placed = this.scroller.scrollTop;
    this.lastTop = this.placed;
  }

  scrolled() {
    const top = this.scroller.scrollTop;
    const up = top < this.lastTop;
    this.lastTop = top;
    this.render();
    if (Math.abs(top - this.placed) < 1) return;
    this.placed = -1;
    if (this.follow) {
      // A list that has become higher is scrolled up by the browser, to its end.
      if (up && this.below() >= 2) this.listener.moved();
      return;
    }
    if (!up && this.below() < 2) this.listener.reachedEnd();
    if (up && top < 60 * this.rowHeight) this.listener.nearStart();
  }

  /** How far the list can be scrolled down. */
  below() {
    return this.scroller.scrollHeight - this.scroller.clientHeight - this.scroller.scrollTop;
  }

  /** @param {number} seq */
  select(seq) {
    const before = this.rows.get(`e${this.selected}`);
    if (before) mark(before, false);
    this.selected = seq;
    const row = this.rows.get(`e${seq}`);
    if (row) mark(row, true);
    if (seq > 0) this.scroller.setAttribute('aria-activedescendant', `row${seq}`);
    else this.scroller.removeAttribute('aria-activedescendant');
  }

  /**
   * Scrolls only as far as needed to have the row in sight.
   * @param {number} index
   */
  reveal(index) {
    if (index >= this.held) this.hold();
    const y = this.startHeight + index * this.rowHeight;
    const { scrollTop, clientHeight } = this.scroller;
    if (y < scrollTop) this.place(y - 2 * this.rowHeight);
    else if (y + this.rowHeight > scrollTop + clientHeight) this.place(y + 3 * this.rowHeight - clientHeight);
    this.draw();
    if (this.scroller.scrollTop < 60 * this.rowHeight) this.listener.nearStart();
  }

  /** The index of the newest row that is seen whole. */
  lastVisible() {
    const bottom = this.scroller.scrollTop + this.scroller.clientHeight - this.startHeight;
    return Math.min(this.length, Math.floor(bottom / this.rowHeight)) - 1;
  }
}

/**
 * @param {HTMLElement} row
 * @param {boolean} on
 */
function mark(row, on) {
  row.classList.toggle('selected', on);
  row.setAttribute('aria-selected', String(on));
}
