// Counts over time, and where they are drawn: no element is touched here.

import { severities } from '../severity.js';
import { dayTime } from '../time.js';
import { unwall, wall } from '../zone.js';

/** What is stacked, from the axis up: the worst stand on it, where the eye compares them. */
export const layers = /** @type {const} */ (['crit', 'err', 'warning', 'notice', 'info', 'debug']);

/** @type {Record<string, number>} The layer of each severity. */
const layerOf = Object.fromEntries(severities.map((name, i) => [name, Math.max(0, i - 2)]));

/** More buckets than that are made fewer and longer. */
export const MostBuckets = 200;
/** An open range is drawn at least so many buckets wide: three messages are no wall. */
const FewestSlots = 40;

const second = 1000, minute = 60 * second, hour = 60 * minute, day = 24 * hour;

/** The lengths of buckets, as the server has them; longer ones double. */
const steps = [1, 5, 15, 30, 60, 300, 900, 1800, 3600, 10_800, 21_600, 43_200, 86_400, 604_800, 2_419_200].map((s) => s * second);

/**
 * counts has one number a layer.
 * @typedef {{total: number, counts: number[]}} Bucket
 */

/**
 * Buckets of one length that follow each other. All is in ms since the epoch.
 * @typedef {object} Chart
 * @property {number} start of the first bucket
 * @property {number} step
 * @property {Bucket[]} buckets
 * @property {number} until what was received from then on is not counted yet
 * @property {boolean} open it ends with the newest match, and grows
 * @property {number} offset of the zone in whose hours and days buckets begin
 */

/**
 * @param {HistogramAnswer} answer
 * @param {boolean} open
 * @param {number} [offset] of the zone that was asked for, in ms
 * @returns {Chart}
 */
export function chartOf(answer, open, offset = 0) {
  const buckets = answer.buckets.map((bucket) => {
    const counts = layers.map(() => 0);
    for (const [severity, n] of Object.entries(bucket.by_severity)) counts[layerOf[severity]] += n;
    return { total: bucket.total, counts };
  });
  const chart = {
    start: buckets.length > 0 ? Date.parse(answer.buckets[0].time) : Date.parse(answer.from),
    step: answer.step_ms || second, buckets, until: Date.parse(answer.to), open, offset,
  };
  return open ? trim(chart) : chart;
}

/** Leaves out the empty buckets at both ends. @param {Chart} chart */
function trim(chart) {
  const full = (/** @type {Bucket} */ bucket) => bucket.total > 0;
  const first = chart.buckets.findIndex(full);
  if (first < 0) return { ...chart, step: second, buckets: [] };
  const end = chart.buckets.findLastIndex(full) + 1;
  return { ...chart, start: chart.start + first * chart.step, buckets: chart.buckets.slice(first, end) };
}

/**
 * Whether so few of the buckets that were asked for hold all matches that it
 * pays to ask for these alone.
 * @param {Chart} chart
 */
export function isSparse({ buckets, step }) {
  return buckets.length > 0 && buckets.length < MostBuckets / 5 && step > second;
}

/**
 * Counts an entry that has just arrived.
 * @param {Chart} chart
 * @param {number} ms when it was received
 * @param {Severity} severity
 */
export function add(chart, ms, severity) {
  if (Number.isNaN(ms) || (ms < chart.until && chart.buckets.length > 0)) return;
  if (chart.buckets.length === 0) chart.start = floorTo(ms, chart.step, chart.offset);
  while ((ms - chart.start) / chart.step >= 2 * MostBuckets) coarsen(chart);
  const at = Math.max(0, Math.floor((ms - chart.start) / chart.step));
  while (chart.buckets.length <= at) chart.buckets.push({ total: 0, counts: layers.map(() => 0) });
  chart.buckets[at].total++;
  chart.buckets[at].counts[layerOf[severity] ?? layers.length - 1]++;
  while (chart.buckets.length > MostBuckets) coarsen(chart);
}

/** Goes on with the next longer buckets: each length divides the next. @param {Chart} chart */
function coarsen(chart) {
  const step = steps.find((longer) => longer > chart.step) ?? 2 * chart.step;
  const start = floorTo(chart.start, step, chart.offset);
  /** @type {Bucket[]} */
  const buckets = [];
  chart.buckets.forEach((bucket, i) => {
    const at = Math.floor((chart.start + i * chart.step - start) / step);
    const into = buckets[at] ??= { total: 0, counts: layers.map(() => 0) };
    into.total += bucket.total;
    bucket.counts.forEach((n, layer) => { into.counts[layer] += n; });
  });
  Object.assign(chart, { start, step, buckets });
}

/**
 * @param {number} ms
 * @param {number} step
 * @param {number} offset
 */
function floorTo(ms, step, offset) {
  return Math.floor((ms + offset) / step) * step - offset;
}

/** What is drawn: at least a few buckets, the newest at the right. @param {Chart} chart */
export function view({ start, step, buckets, open }) {
  const slots = open ? Math.max(buckets.length, FewestSlots) : Math.max(1, buckets.length);
  const blank = slots - buckets.length;
  return { slots, blank, from: start - blank * step, to: start + buckets.length * step };
}

/**
 * The number of the bucket at x, -1 left of the first.
 * @param {Chart} chart
 * @param {number} x
 * @param {number} width
 */
export function bucketAt(chart, x, width) {
  const { slots, blank } = view(chart);
  const at = Math.min(slots - 1, Math.max(0, Math.floor(x / width * slots))) - blank;
  return Math.max(-1, at);
}

/**
 * @param {Chart} chart
 * @param {number} at
 * @param {number} width
 * @returns {[left: number, right: number]} of a bucket, in whole pixels
 */
export function edges(chart, at, width) {
  const { slots, blank } = view(chart);
  return [Math.round((at + blank) * width / slots), Math.round((at + blank + 1) * width / slots)];
}

/**
 * @param {Chart} chart
 * @param {number} at
 * @returns {[from: number, to: number]}
 */
export function spanOf(chart, at) {
  return [chart.start + at * chart.step, chart.start + (at + 1) * chart.step];
}

/**
 * The bars of each layer as an SVG path. Whatever there is can be seen: an
 * error among a million entries is a pixel.
 * @param {Chart} chart
 * @param {number} width
 * @param {number} height
 */
export function bars(chart, width, height) {
  const paths = layers.map(() => '');
  const most = Math.max(1, ...chart.buckets.map((bucket) => bucket.total));
  chart.buckets.forEach((bucket, i) => {
    if (bucket.total === 0) return;
    const [left, right] = edges(chart, i, width);
    const wide = Math.max(1, right - left - (right - left > 3 ? 1 : 0));
    let sum = 0;
    let y = height;
    bucket.counts.forEach((n, layer) => {
      if (n === 0) return;
      sum += n;
      const top = Math.max(0, Math.min(y - 1, height - Math.round(sum / most * height)));
      if (top < y) paths[layer] += `M${left} ${y}V${top}h${wide}V${y}z`;
      y = top;
    });
  });
  return paths;
}

/** The lengths between two labels. */
const tickSteps = [1, 5, 15, 30].map((n) => n * second).concat(
  [1, 5, 15, 30].map((n) => n * minute), [1, 3, 6, 12].map((n) => n * hour), [1, 2, 7, 14, 28, 56, 112, 224, 448].map((n) => n * day));

/**
 * Few labels at round times of the zone; the first, and whatever begins a day, has its date.
 * @param {Chart} chart
 * @param {number} width
 * @param {import('../zone.js').Zone} zone
 * @param {number} [room] pixels for one
 */
export function ticks(chart, width, zone, room = 150) {
  const { from, to } = view(chart);
  const most = Math.max(1, Math.floor(width / room));
  const step = tickSteps.find((length) => (to - from) / length <= most) ?? tickSteps[tickSteps.length - 1];
  const ticks = [];
  let shownDay = '';
  for (let at = Math.ceil(wall(from, zone).getTime() / step) * step; ticks.length <= 2 * most; at += step) {
    const ms = unwall(at, zone);
    if (ms >= to) break;
    const text = dayTime(ms, zone);
    const date = text.slice(0, 10);
    const clock = text.slice(11);
    const label = step >= day ? date : date === shownDay ? clock : `${date.slice(5)} ${clock}`;
    shownDay = date;
    ticks.push({ x: Math.round((ms - from) / (to - from) * width), text: label });
  }
  return ticks;
}

/** How many entries there are, and how many of them are errors. @param {Bucket[]} buckets */
export function sum(buckets) {
  let total = 0;
  let errors = 0;
  for (const bucket of buckets) {
    total += bucket.total;
    errors += bucket.counts[0] + bucket.counts[1];
  }
  return { total, errors };
}
