// The chart above the list: how many entries there are over the whole range of
// the search. It is asked for when the list has its answer, and what arrives
// live is counted here.

import { request } from '../api.js';
import { byId, h, replace } from '../dom.js';
import { addTerm } from '../search/query.js';
import { scopeParams } from '../search/scope.js';
import { locale, t } from '../strings.js';
import { spanText } from '../time.js';
import { zoneOf } from '../zone.js';
import { MostBuckets, add, bars, bucketAt, chartOf, edges, isSparse, layers, spanOf, sum, ticks, view } from './chart.js';
import { markFrom, markOf } from './deploys.js';
import { Reach } from './reach.js';
import { Zoom } from './zoom.js';

/** Between two questions that nobody's search asks for, in ms. */
const RefreshMs = 5000;
/** Between two drawings of what arrives, in ms. */
const GrowMs = 250;
const Height = 40;
/** Every zone agrees about what is no longer. */
const QuarterMs = 900_000;
/** More than that is asked for instead. */
const MostPending = 5000;
/** More deploys in one place are a number. */
const MostTold = 4;

const ns = 'http://www.w3.org/2000/svg';

/** @param {string} className */
function path(className) {
  const element = document.createElementNS(ns, 'path');
  element.setAttribute('class', className);
  return element;
}

export class Histogram {
  /**
   * @param {import('../store.js').Store} store
   * @param {import('../tail/feed.js').Feed} feed
   */
  constructor(store, feed) {
    this.store = store;
    this.zoom = new Zoom(store);
    /** @type {import('./chart.js').Chart | null} */
    this.chart = null;
    /** The list shows a search that the chart does not. */
    this.stale = true;
    this.abort = new AbortController();
    /** What arrived while the server counted. @type {Entry[] | null} */
    this.pending = null;
    this.timer = 0;
    this.growing = 0;
    this.width = 0;
    /** The vertical lines across the bars, oldest first. @type {import('./deploys.js').Mark[]} */
    this.marks = [];

    this.root = byId('histogram');
    this.svg = document.createElementNS(ns, 'svg');
    this.svg.setAttribute('role', 'img');
    this.paths = layers.map((name) => path(`sev-${name}`));
    this.lines = path('histogram-marks');
    this.failed = path('histogram-marks failed');
    this.svg.append(...this.paths, this.lines, this.failed);
    this.axis = h('div', { class: 'histogram-axis', 'aria-hidden': 'true' });
    this.tip = h('div', { class: 'histogram-tip', hidden: true });
    this.reach = new Reach({
      width: () => this.width,
      count: () => this.chart?.buckets.length ?? 0,
      at: (x) => (this.chart ? bucketAt(this.chart, x, this.width) : -1),
      edges: (at) => (this.chart ? edges(this.chart, at, this.width) : [0, 0]),
      show: (first, last) => this.show(first, last),
      zoom: (first, last) => this.into(first, last),
      out: () => this.zoom.out(),
      idle: () => this.draw(),
    });
    replace(this.root, this.svg, this.reach.element, this.axis, this.tip);
    this.listen(feed);
  }

  /** @param {import('../tail/feed.js').Feed} feed */
  listen(feed) {
    const { store } = this;
    const toggle = byId('histogram-toggle');
    toggle.addEventListener('click', () => this.toggle());
    byId('zoom-out').addEventListener('click', () => this.zoom.out());
    byId('errors').addEventListener('click', () => store.set({ q: addTerm(store.state.q, 'severity>=err') }));
    feed.fresh.push((items) => this.arrived(items));
    store.watch(['loading', 'histogram'], ({ loading, histogram }) => {
      toggle.setAttribute('aria-pressed', String(histogram));
      this.root.hidden = !histogram;
      if (!histogram) this.countErrors(0, 0);
      else if (!this.stale) this.draw();
      if (loading) this.leave();
      else if (this.stale && this.visible) void this.load();
    });
    store.watch(['zone', 'me'], () => this.rezone());
    store.watch(['range'], () => { byId('zoom-out').hidden = store.state.range !== 'custom'; });
    new ResizeObserver(() => {
      this.width = this.reach.element.clientWidth;
      if (this.stale && !store.state.loading && this.visible) void this.load();
      this.draw();
    }).observe(this.root);
  }

  /** Long buckets begin with the hours and days of the zone. */
  rezone() {
    const { chart } = this;
    if (chart && chart.step > QuarterMs && chart.offset !== this.offset && !this.stale && this.visible) void this.load();
    else this.draw();
  }

  /** Of the page's zone, now and in ms. */
  get offset() {
    return zoneOf(this.store.state).offset(Date.now()) * 60_000;
  }

  toggle() {
    this.store.set({ histogram: !this.store.state.histogram });
  }

  get visible() {
    return this.store.state.histogram && this.reach.element.clientWidth > 0;
  }

  /** The list has begun another search. */
  leave() {
    this.stale = true;
    this.abort.abort();
    this.pending = null;
    clearTimeout(this.timer);
    this.timer = 0;
    this.root.classList.add('old');
    this.countErrors(0, 0);
  }

  async load() {
    this.stale = false;
    this.abort.abort();
    this.abort = new AbortController();
    const { signal } = this.abort;
    this.pending = [];
    try {
      const chart = await this.ask(signal);
      if (signal.aborted) return;
      for (const entry of this.pending ?? []) add(chart, Date.parse(entry.received), entry.severity);
      this.chart = chart;
      this.root.classList.remove('old');
      this.reach.reset();
      this.draw();
    } catch {
      // The list itself reports trouble; without a chart it is whole.
      if (!signal.aborted) this.clear();
    } finally {
      if (!signal.aborted) this.pending = null;
    }
  }

  clear() {
    this.chart = null;
    this.countErrors(0, 0);
    for (const layer of [...this.paths, this.lines, this.failed]) layer.setAttribute('d', '');
    replace(this.axis);
  }

  /** @param {AbortSignal} signal */
  async ask(signal) {
    const open = this.store.state.range === '';
    const most = Math.max(20, Math.min(MostBuckets, Math.floor(this.reach.element.clientWidth / 6)));
    const params = { ...scopeParams(this.store.state), buckets: String(most) };
    const { offset } = this;
    const answer = await request('histogram', { params, signal });
    const chart = chartOf(answer, open, offset);
    if (!signal.aborted) this.marks = (answer.deploys ?? []).map(markFrom);
    if (!open || !isSparse(chart)) return chart;
    const end = Math.min(spanOf(chart, chart.buckets.length - 1)[1], chart.until);
    const closer = { ...params, from: new Date(chart.start).toISOString(), to: new Date(end).toISOString() };
    return { ...chartOf(await request('histogram', { params: closer, signal }), true, offset), until: chart.until };
  }

  /** @param {Item[]} items that have just arrived */
  arrived(items) {
    if (this.stale || this.store.state.range !== '') return;
    for (const item of items) {
      const mark = markOf(item);
      if (mark) this.marks.push(mark);
      if ('gap' in item) this.refreshSoon();
      else if (this.pending) this.pending.push(item);
      else if (this.chart) add(this.chart, Date.parse(item.received), item.severity);
    }
    if (this.pending && this.pending.length > MostPending) {
      this.pending = [];
      this.refreshSoon();
    }
    this.growing ||= setTimeout(() => {
      this.growing = 0;
      this.draw();
    }, GrowMs);
  }

  /** What was left out can only be asked for. */
  refreshSoon() {
    this.timer ||= setTimeout(() => {
      this.timer = 0;
      if (!this.stale && this.visible) void this.load();
    }, RefreshMs);
  }

  draw() {
    const { chart, width } = this;
    // Nothing moves under a hand.
    if (!chart || width === 0 || this.reach.busy) return;
    bars(chart, width, Height).forEach((d, i) => this.paths[i].setAttribute('d', d));
    const { from, to } = view(chart);
    for (const [line, failed] of /** @type {const} */ ([[this.lines, false], [this.failed, true]])) {
      line.setAttribute('d', this.marks.filter((mark) => mark.failed === failed && mark.at >= from && mark.at < to)
        .map(({ at }) => `M${Math.round((at - from) / (to - from) * width)} ${Height}V0h5v4h-5z`).join(''));
    }
    const zone = zoneOf(this.store.state);
    const labels = chart.open && chart.buckets.length === 0 ? [] : ticks(chart, width, zone);
    replace(this.axis, ...labels.filter(({ x }) => x < width - 70).map(({ x, text }) => {
      const label = h('span', {}, text);
      label.style.left = `${x}px`;
      return label;
    }));
    const { total, errors } = sum(chart.buckets);
    const words = chart.buckets.length === 0 ? t('histogram.none')
      : `${spanText(chart.start, to, zone)}: ${t('histogram.entries', { n: total })}, ${t('histogram.errors', { n: errors })}`;
    this.svg.setAttribute('aria-label', words);
    this.countErrors(total, errors);
  }

  /**
   * Says whether something is wrong in the whole range; a click shows it alone.
   * @param {number} total
   * @param {number} errors
   */
  countErrors(total, errors) {
    const button = byId('errors');
    button.hidden = errors === 0 || errors === total;
    button.textContent = t('histogram.errors', { n: errors });
  }

  /**
   * Says what lies between two buckets, both included; nothing if first is -1.
   * @param {number} first
   * @param {number} last
   * @returns {string} the same in words
   */
  show(first, last) {
    const { chart, tip } = this;
    tip.hidden = !chart || first < 0 || chart.buckets.length === 0;
    if (!chart || tip.hidden) return '';
    const between = chart.buckets.slice(first, last + 1);
    const [start, end] = [spanOf(chart, first)[0], spanOf(chart, last)[1]];
    const marks = this.marks.filter(({ at }) => at >= start && at < end);
    const time = spanText(start, end, zoneOf(this.store.state));
    const counts = layers.map((name, i) => ({ name, n: between.reduce((n, bucket) => n + bucket.counts[i], 0) })).filter(({ n }) => n > 0);
    replace(tip, h('div', { class: 'quiet' }, time),
      h('div', {}, h('b', {}, t('histogram.entries', { n: sum(between).total })),
        ...counts.map(({ name, n }) => h('span', { class: `sev-${name}` }, `${name === 'crit' ? 'emerg–crit' : name} ${n.toLocaleString(locale)}`))),
      ...marks.slice(0, MostTold).map(({ text, failed }) => h('div', { class: `deploy-told${failed ? ' failed' : ''}` }, text)),
      marks.length > MostTold && h('div', { class: 'deploy-told' }, t('deploy.more', { n: marks.length - MostTold })));
    const [left] = edges(chart, first, this.width);
    const [, right] = edges(chart, last, this.width);
    tip.style.left = `${Math.max(0, Math.min((left + right - tip.offsetWidth) / 2, this.width - tip.offsetWidth))}px`;
    return `${time}: ${[...tip.querySelectorAll('b, span, .deploy-told')].map((part) => part.textContent).join(', ')}`;
  }

  /**
   * @param {number} first
   * @param {number} last
   */
  into(first, last) {
    if (!this.chart) return;
    this.zoom.into(spanOf(this.chart, first)[0], spanOf(this.chart, last)[1]);
  }
}
