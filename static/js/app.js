// The wiring: the store, the feed, the list and the views around them.

import { Problem, goToLogin, request } from './api.js';
import { drawer } from './details/drawer.js';
import { byId, icon } from './dom.js';
import { Commands } from './frame/commands.js';
import { controls } from './frame/controls.js';
import { keys } from './frame/keys.js';
import { menu, openMenu } from './frame/menu.js';
import { palette } from './frame/palette.js';
import { copy } from './frame/toast.js';
import { keptZone, nextZone } from './frame/zone.js';
import { Histogram } from './histogram/histogram.js';
import { Buffer, ReadCap } from './list/buffer.js';
import { markedTexts } from './list/highlight.js';
import { List } from './list/list.js';
import { notice } from './list/notice.js';
import { withoutColour } from './list/text.js';
import { instances } from './rail/instances.js';
import { readAddress, writeAddress } from './search/address.js';
import { search } from './search/search.js';
import { isErrorItem } from './severity.js';
import { Store, initialState } from './store.js';
import { t, translate } from './strings.js';
import { views } from './views/views.js';
import { banner } from './tail/banner.js';
import { Feed } from './tail/feed.js';
import { zoneOf } from './zone.js';

/** How often the rail asks for states and rates, in ms. */
const InstancesMs = 5000;

const store = new Store({ ...initialState(), ...preferences(), ...readAddress(location.search) });
const buffer = new Buffer();
const feed = new Feed(store, buffer);
const commands = new Commands();
const start = byId('start');
const list = new List({ scroller: byId('scroller'), canvas: byId('canvas'), start }, buffer, {
  moved: () => feed.pause('scroll'),
  reachedEnd: () => feed.reachedEnd(),
  nearStart: () => void feed.loadOlder(),
});
feed.list = list;
const histogram = new Histogram(store, feed);
let pointerDown = false;
/** @type {ReturnType<typeof views>} */
let saved;

/** @returns {Partial<State>} */
function preferences() {
  const theme = localStorage.getItem('theme');
  return {
    zone: keptZone(),
    histogram: localStorage.getItem('histogram') !== '0',
    wrap: localStorage.getItem('wrap') === '1',
    theme: theme === 'light' || theme === 'dark' ? theme : 'auto',
  };
}

function keepPreferences() {
  store.watch(['wrap', 'histogram', 'theme'], ({ wrap, histogram, theme }) => {
    localStorage.setItem('histogram', histogram ? '1' : '0');
    localStorage.setItem('wrap', wrap ? '1' : '');
    localStorage.setItem('theme', theme);
    if (theme === 'auto') delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
  });
}

/** Keeps the address and the scope the same, both ways. */
function keepAddress() {
  /** @type {string | null} */
  let shown = null;
  /** @type {string | null} */
  let asked = null;
  store.watch(['q', 'instances', 'range', 'from', 'to', 'zone'], (state) => {
    const search = writeAddress(state);
    if (search === shown) return;
    shown = search;
    const scope = writeAddress({ ...state, zone: 'local' });
    // Another zone shows the same entries, unless the text has times in it.
    const same = scope === asked;
    asked = scope;
    const url = location.pathname + search;
    if (same) history.replaceState(null, '', url);
    else if (search !== location.search) history.pushState(null, '', url);
    if (!same || state.terms.some(({ kind }) => kind === 'time')) feed.start();
  });
  addEventListener('popstate', () => store.set(readAddress(location.search)));
}

/** Draws the list as the preferences and the feed want it. */
function keepList() {
  store.watch(['zone', 'me', 'wrap'], (state) => {
    const { wrap } = state;
    list.zone = zoneOf(state);
    list.wrap = wrap;
    byId('scroller').classList.toggle('wrapped', wrap);
    list.measure();
    list.rebuild();
  });
  store.watch(['selected'], ({ selected }) => list.select(selected));
  store.watch(['terms', 'q'], ({ terms, q }) => {
    list.marked = q === '' ? [] : markedTexts(terms);
    list.render();
  });
  const startText = () => {
    if (buffer.length === 0) start.textContent = '';
    else if (feed.loadingOlder) start.textContent = t('list.older');
    else if (feed.complete) start.textContent = t(feed.scoped ? 'list.noOlder' : 'list.begin');
    else if (buffer.length >= ReadCap) start.textContent = t('list.full', { n: buffer.length });
    else start.textContent = t('list.more');
  };
  feed.onOlder = startText;
  store.watch(['shown', 'following'], startText);
  // Times of another day carry their date, so at midnight rows look different.
  setInterval(() => {
    if (new Date().getHours() + new Date().getMinutes() === 0) list.rebuild();
  }, 60_000);
}

/** Selecting an entry holds the list still. @param {number} index */
function selectIndex(index) {
  const item = buffer.items[index];
  if (!item || 'gap' in item) return;
  feed.pause('hand');
  store.set({ selected: item.seq });
  list.select(item.seq);
  list.reveal(index);
}

/** @param {1 | -1} by */
function step(by) {
  const { selected } = store.state;
  const from = selected > 0 ? buffer.indexOf(selected) + by : list.lastVisible();
  selectIndex(buffer.find(from, by, (item) => !('gap' in item)));
}

/** @param {1 | -1} by */
function stepError(by) {
  const { selected } = store.state;
  const from = selected > 0 ? buffer.indexOf(selected) + by : list.lastVisible();
  selectIndex(buffer.find(from, by, isErrorItem));
}

/** @param {number} pages */
function page(pages) {
  const scroller = byId('scroller');
  if (pages < 0) feed.pause('scroll');
  scroller.scrollBy({ top: pages * (scroller.clientHeight - 2 * list.rowHeight) });
}

/** @param {'details' | 'context'} tab */
function openDetails(tab) {
  if (store.state.selected === 0) step(-1);
  if (store.state.selected === 0) return;
  feed.pause('hand');
  store.set({ drawer: tab });
}

function toOldest() {
  feed.pause('hand');
  byId('scroller').scrollTop = 0;
  selectIndex(buffer.find(0, 1, (item) => !('gap' in item)));
  void feed.loadOlder();
}

function copySelected() {
  const entry = buffer.entry(store.state.selected);
  if (entry) void copy(withoutColour(entry.message));
}

function focusSearch() {
  const box = /** @type {HTMLInputElement} */ (byId('q'));
  box.focus();
  box.select();
}

function wireKeys() {
  commands.add(
    { words: 'help.search', keys: ['/'], run: focusSearch },
    { words: 'help.pause', keys: [' '], run: () => feed.toggle() },
    { words: 'help.newest', keys: ['G', 'End'], run: () => feed.resume() },
    { words: 'help.oldest', keys: ['g', 'Home'], run: toOldest },
    { words: 'help.move', keys: ['j', 'ArrowDown'], typed: true, run: () => step(1) },
    { words: 'help.move', keys: ['k', 'ArrowUp'], typed: true, run: () => step(-1) },
    { words: 'help.page', keys: ['PageUp'], typed: true, run: () => page(-1) },
    { words: 'help.page', keys: ['PageDown'], typed: true, run: () => page(1) },
    { words: 'help.open', keys: ['Enter'], run: () => openDetails('details') },
    { words: 'help.context', keys: ['c'], run: () => openDetails('context') },
    { words: 'help.copy', keys: ['y'], run: copySelected },
    { words: 'help.errors', keys: ['e'], run: () => stepError(1) },
    { words: 'help.errors', keys: ['E'], typed: true, run: () => stepError(-1) },
    { words: 'help.views', keys: ['s'], run: () => saved.open() },
    { words: 'help.wrap', keys: ['w'], run: () => store.set({ wrap: !store.state.wrap }) },
    { words: 'help.zone', keys: ['t'], run: () => nextZone(store) },
    { words: 'histogram.toggle', run: () => histogram.toggle() },
    { words: 'histogram.outTitle', run: () => histogram.zoom.out() },
    { words: 'help.help', keys: ['?'], run: () => store.set({ help: true }) },
  );
  keys(store, commands);
  palette(() => [
    ...commands.list.filter(({ typed }) => !typed).map(({ words, run, keys: own }) => ({ label: t(words), run, keys: own })),
    ...store.state.views.map((view) => ({ label: view.name, note: t(`views.${view.scope}One`), run: () => saved.show(view) })),
    ...store.state.known.map(({ instance }) => ({
      label: instance, note: t('palette.instance'), run: () => store.set({ instances: [instance] }),
    })),
  ]);
}

/** @param {'ndjson' | 'csv' | 'txt'} format */
async function exportAs(format) {
  const { startExport } = await import('./export/export.js');
  await startExport(store, format);
}

async function openStats() {
  const { showStats } = await import('./stats/stats.js');
  await showStats(store);
}

function wireExport() {
  const formats = /** @type {const} */ (['ndjson', 'csv', 'txt']);
  const choices = formats.map((format) => ({ label: t(`export.${format}`), run: () => void exportAs(format) }));
  const statistics = { label: t('stats.title'), run: () => void openStats() };
  byId('export').addEventListener('click', () => openMenu(byId('export'), [...choices, statistics]));
  commands.add({ words: 'stats.title', run: () => void openStats() });
  commands.add(...formats.map((format) => ({ words: `export.${format}`, run: () => void exportAs(format) })));
}

function wireRows() {
  byId('canvas').addEventListener('click', (event) => {
    const target = /** @type {HTMLElement} */ (event.target);
    const row = /** @type {HTMLElement | null} */ (target.closest('.row'));
    if (!row) return;
    if (row.dataset.gap) {
      const gap = buffer.items[buffer.indexOf(Number(row.dataset.gap))];
      if (gap && 'gap' in gap && target.closest('button')) void feed.loadGap(gap);
      return;
    }
    // Somebody who has marked text wants to copy it.
    if (!getSelection()?.isCollapsed) return;
    feed.pause('hand');
    store.set({ selected: Number(row.dataset.seq), drawer: 'details' });
  });
  document.addEventListener('selectionchange', () => {
    const selection = getSelection();
    if (selection && !selection.isCollapsed && byId('canvas').contains(selection.anchorNode)) feed.pause('hand');
  });
}

/** Resolves once no button is held: what is drawn anew under a finger loses its click. */
async function pointerUp() {
  while (pointerDown) await new Promise((resolve) => addEventListener('pointerup', resolve, { once: true }));
}

function wirePointer() {
  addEventListener('pointerdown', () => {
    pointerDown = true;
  }, { capture: true });
  for (const name of ['pointerup', 'pointercancel']) {
    // After the click that follows it.
    addEventListener(name, () => setTimeout(() => {
      pointerDown = false;
    }), { capture: true });
  }
  // A click beside the list leaves the keyboard with the list.
  for (const id of ['rail', 'chips', 'zone', 'wrap', 'live', 'histogram', 'histogram-toggle', 'zoom-out']) {
    byId(id).addEventListener('click', (event) => {
      if (event.detail > 0) byId('scroller').focus({ preventScroll: true });
    });
  }
}

async function loadInstances() {
  try {
    const { instances: known, inputs } = await request('instances');
    await pointerUp();
    store.set({ known: known ?? [], inputs: inputs ?? [], knownLoaded: true });
  } catch (err) {
    if (err instanceof Problem && err.status === 401) goToLogin();
  }
}

async function loadMe() {
  try {
    store.set({ me: await request('me') });
  } catch (err) {
    if (err instanceof Problem && err.status === 401) goToLogin();
  }
}

function begin() {
  translate(document);
  for (const element of document.querySelectorAll('[data-icon]')) {
    element.append(icon(/** @type {HTMLElement} */ (element).dataset.icon ?? ''));
  }
  search(store);
  controls(store, feed);
  instances(store);
  drawer(store, feed, { step, refresh: () => void loadInstances() });
  notice(store);
  banner(store, () => feed.tail.retryNow());
  menu();
  saved = views(store);
  keepPreferences();
  keepList();
  wireRows();
  wireKeys();
  wireExport();
  wirePointer();
  keepAddress();
  // Not what anybody waits for.
  void import('./facets/facets.js').then(({ Facets }) => new Facets(store, feed));
  void loadMe();
  void loadInstances();
  setInterval(() => {
    if (!document.hidden) void loadInstances();
  }, InstancesMs);
  document.addEventListener('visibilitychange', () => {
    if (!document.hidden) void loadInstances();
  });
  byId('scroller').focus({ preventScroll: true });
}

begin();
