// The virtual list: it holds elements only for the rows that can be seen.
//
//	buffer → layout (where each row is) → draw → measure → correct
//
// Most rows have one height that is known. A row that shows more than one line
// is estimated until it is drawn, then measured; what is seen stays where it is
// while rows above it turn out to be higher. Rows that stay in sight keep their
// element, so that a text selection lives.

import { Folds, lineCount } from './folds.js';
import { Fresh } from './fresh.js';
import { highlight } from './highlight.js';
import { Layout } from './layout.js';
import { createRow, rowKey, showCount, MaxUnfolded } from './row.js';
import { local } from '../zone.js';

/** Drawn above and below what is seen, in px. */
const Overscan = 400;
/** Of the message's font, in px; an estimate that measuring puts right. */
const CharWidth = 7.85;
/** Rows and their estimates agree after so many passes, or at the next frame. */
const MostPasses = 4;

/**
 * @typedef {object} ListListener
 * @property {() => void} moved somebody scrolled up or took hold of a row
 * @property {() => void} reachedEnd somebody scrolled down to the newest
 * @property {() => void} nearStart older entries will soon be wanted
 * @property {() => void} nearEnd newer entries will soon be wanted
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
    this.layout = new Layout();
    this.folds = new Folds();
    this.follow = true;
    /** How many items are shown at most: while paused, what comes stays out of sight. */
    this.held = Infinity;
    this.zone = local;
    /** @type {Wrap} */
    this.wrap = '';
    /** @type {Column[]} */
    this.columns = [];
    this.selected = 0;
    /** What to mark in the messages, in lower case. @type {string[]} */
    this.marked = [];
    /** @type {string[]} */
    this.words = [];
    /** @type {Map<string, HTMLElement>} */
    this.rows = new Map();
    /** Rows drawn since heights were last compared, by index. @type {Map<number, HTMLElement>} */
    this.unmeasured = new Map();
    /** Of a row with one line, and of each further line, in px. */
    this.rowHeight = 20;
    this.lineHeight = 20;
    this.startHeight = 0;
    this.width = 0;
    /** Whether somebody has unfolded a row. */
    this.grown = false;
    /** Where we have put the scroll offset ourselves. */
    this.placed = 0;
    this.lastTop = 0;
    this.frame = 0;
    this.fresh = new Fresh();
    buffer.changed = (at, removed, added) => this.spliced(at, removed, added);
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
    this.lineHeight = parseFloat(style.getPropertyValue('--line-height')) || 20;
    const width = this.scroller.clientWidth;
    const wrapsAnew = width !== this.width && (this.wrap === 'all' || this.grown);
    this.width = width;
    if (height !== this.rowHeight || wrapsAnew) this.relayout(height);
  }

  /**
   * Gives every row a new height; the selected row, or else the first that is
   * seen, stays where it is.
   * @param {number} [height]
   */
  relayout(height = this.rowHeight) {
    const anchor = this.anchor();
    const y = this.yOf(anchor) - this.scroller.scrollTop;
    this.rowHeight = height;
    this.layout.reset(this.buffer.items.map((item) => this.heightOf(item)));
    this.resize();
    if (!this.follow) this.place(this.yOf(anchor) - Math.min(y, this.scroller.clientHeight - height));
    this.rebuild();
  }

  /**
   * What a row is high, as far as is known before it is drawn.
   * @param {Item} item
   */
  heightOf(item) {
    if (this.folds.hides(item)) return 0;
    if ('gap' in item || !this.grows(item)) return this.rowHeight;
    const perLine = Math.max(20, (this.width - 400) / CharWidth);
    const length = Math.min(item.message.length, MaxUnfolded);
    if (!this.folds.unfolded.has(item)) return this.rowHeight + Math.floor(length / perLine) * this.lineHeight;
    return this.rowHeight + (lineCount(item.message.slice(0, length)) - 1 + Math.floor(length / perLine / 2)) * this.lineHeight;
  }

  /** Whether the row is as high as its text makes it. @param {Item} item */
  grows(item) {
    return !('gap' in item) && (this.wrap === 'all' || this.folds.unfolded.has(item));
  }

  /**
   * Keeps the layout beside the buffer.
   * @param {number} at
   * @param {number} removed
   * @param {number} added
   */
  spliced(at, removed, added) {
    const { items } = this.buffer;
    this.folds.join(items, at, at + added);
    if (at === 0 && removed > 0) this.folds.behead(items);
    this.layout.splice(at, removed, items.slice(at, at + added).map((item) => this.heightOf(item)));
    if (at === 0 && removed > 0 && items.length > 0) this.layout.set(0, this.heightOf(items[0]));
    this.unmeasured.clear();
  }

  /** The number of items that can be seen by scrolling. */
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
    for (let pass = 0; pass < MostPasses; pass++) {
      this.resize();
      if (this.follow) this.place(this.scroller.scrollHeight);
      this.drawRows();
      if (!this.correct()) break;
    }
    highlight(this.rows.values(), this.marked, this.words);
    this.scroller.setAttribute('aria-rowcount', String(this.length + 1));
    this.onDraw();
  }

  /** Told when rows may have moved. */
  onDraw() {}

  drawRows() {
    const { items } = this.buffer;
    const top = this.scroller.scrollTop - this.startHeight;
    const first = this.layout.indexAt(top - Overscan);
    const bottom = top + this.scroller.clientHeight + Overscan;
    /** @type {number[]} */
    const shown = [];
    const wanted = new Set();
    let end = this.layout.offsetOf(first);
    const start = end;
    for (let i = this.layout.from(first); i < this.length && end < bottom; i = this.layout.from(i + 1)) {
      shown.push(i);
      wanted.add(rowKey(items[i]));
      end += this.layout.heights[i];
    }
    for (const [key, row] of this.rows) {
      if (wanted.has(key)) continue;
      row.remove();
      this.rows.delete(key);
    }
    // A row that is in its place is not touched: moving it would end a selection.
    let next = this.start.nextElementSibling;
    let y = this.startHeight + start;
    for (const i of shown) {
      const row = this.rows.get(rowKey(items[i])) ?? this.create(i);
      const place = `${y}px`;
      if (row.style.top !== place) row.style.top = place;
      y += this.layout.heights[i];
      if (row.ariaRowIndex !== String(i + 2)) row.ariaRowIndex = String(i + 2);
      const group = this.folds.group(items[i]);
      if (group && group.head === items[i]) showCount(row, Math.min(group.count, this.length - i), group.open);
      if (row === next) next = next.nextElementSibling;
      else this.canvas.insertBefore(row, next);
    }
  }

  /** @param {number} i */
  create(i) {
    const item = this.buffer.items[i];
    const row = createRow(item, {
      zone: this.zone, wrap: this.wrap, columns: this.columns, unfolded: this.folds.unfolded.has(item), now: new Date(),
    });
    if (!('gap' in item)) {
      this.fresh.tint(row, item.seq);
      if (item.seq === this.selected) mark(row, true);
    }
    if (this.grows(item)) {
      row.classList.add('grows');
      this.unmeasured.set(i, row);
    }
    this.rows.set(rowKey(item), row);
    return row;
  }

  /**
   * Compares the rows that were drawn with their estimates. Returns whether any
   * was wrong; then what is seen has been kept where it is.
   */
  correct() {
    if (this.unmeasured.size === 0) return false;
    const anchor = this.anchor();
    const before = this.yOf(anchor);
    let wrong = false;
    // All are read before any is written.
    const heights = [...this.unmeasured].map(([i, row]) => ({ i, height: row.offsetHeight }));
    this.unmeasured.clear();
    for (const { i, height } of heights) {
      if (height === 0 || height === this.layout.heights[i]) continue;
      this.layout.set(i, height);
      wrong = true;
    }
    const by = this.yOf(anchor) - before;
    if (by !== 0 && !this.follow) {
      this.resize();
      this.place(this.scroller.scrollTop + by);
    }
    return wrong;
  }

  /** The row that stays where it is: the selected one if it is seen, else the first that is. */
  anchor() {
    const { scrollTop, clientHeight } = this.scroller;
    const selected = this.selected > 0 ? this.buffer.indexOf(this.selected) : -1;
    if (selected >= 0) {
      const y = this.yOf(selected);
      if (y >= scrollTop && y <= scrollTop + clientHeight) return selected;
    }
    return this.layout.indexAt(scrollTop - this.startHeight);
  }

  /** Where a row begins in the canvas. @param {number} index */
  yOf(index) {
    return this.startHeight + this.layout.offsetOf(index);
  }

  /**
   * Keeps what is seen where it is, although rows were put in above it.
   * @param {number} rows
   */
  shifted(rows) {
    this.held += rows;
    const top = this.scroller.scrollTop + this.layout.offsetOf(rows);
    this.resize();
    this.place(top);
    this.draw();
  }

  /** Makes room for all rows, drawn or not. */
  resize() {
    this.canvas.style.height = `${this.yOf(this.length)}px`;
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
    if (!up && this.below() < 60 * this.rowHeight) this.listener.nearEnd();
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
    const y = this.yOf(index);
    const height = this.layout.heights[index];
    const { scrollTop, clientHeight } = this.scroller;
    if (y < scrollTop) this.place(y - 2 * this.rowHeight);
    else if (y + height > scrollTop + clientHeight) {
      this.resize();
      this.place(Math.min(y - 2 * this.rowHeight, y + height + 2 * this.rowHeight - clientHeight));
    }
    this.draw();
    if (this.scroller.scrollTop < 60 * this.rowHeight) this.listener.nearStart();
    if (this.below() < 60 * this.rowHeight) this.listener.nearEnd();
  }

  /**
   * Scrolls the row to the middle.
   * @param {number} index
   */
  center(index) {
    const group = this.folds.group(this.buffer.items[index]);
    if (group && this.folds.hides(this.buffer.items[index])) this.toggleGroup(this.buffer.indexOf(group.head.seq));
    this.resize();
    this.place(this.yOf(index) + this.rowHeight / 2 - this.scroller.clientHeight / 2);
    this.draw();
  }

  /**
   * Shows a whole message in its place, or its first line again.
   * @param {number} index
   */
  toggleMessage(index) {
    const item = this.buffer.items[index];
    if (!item || 'gap' in item) return;
    this.folds.toggle(item);
    this.grown = true;
    this.changed(index, index + 1);
    if (!this.folds.unfolded.has(item)) this.notAbove(index);
  }

  /**
   * Shows all of repeated neighbours, or the first alone again.
   * @param {number} index of any of them
   */
  toggleGroup(index) {
    const item = this.buffer.items[index];
    const group = item && this.folds.group(item);
    if (!group) return;
    group.open = !group.open;
    const head = this.buffer.indexOf(group.head.seq);
    this.changed(head, head + group.count);
    if (!group.open) this.notAbove(head);
  }

  /**
   * What is folded away above the first line that is seen would take the rest
   * with it.
   * @param {number} index
   */
  notAbove(index) {
    if (this.yOf(index) < this.scroller.scrollTop) this.place(this.yOf(index));
    this.draw();
  }

  /**
   * Draws a range anew that has other heights now.
   * @param {number} from
   * @param {number} to
   */
  changed(from, to) {
    for (let i = from; i < to; i++) {
      const item = this.buffer.items[i];
      this.layout.set(i, this.heightOf(item));
      const key = rowKey(item);
      this.rows.get(key)?.remove();
      this.rows.delete(key);
    }
    this.draw();
  }

  /** The index of the newest row that is seen whole. */
  lastVisible() {
    const bottom = this.scroller.scrollTop + this.scroller.clientHeight - this.startHeight;
    let i = Math.min(this.layout.indexAt(bottom), this.length - 1);
    while (i > 0 && (this.layout.heights[i] === 0 || this.layout.offsetOf(i + 1) > bottom)) i--;
    return i;
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
