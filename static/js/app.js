// The wiring: the store, the feed, the list and the views around them.

import { Problem, goToLogin, request } from './api.js';
import { byId, icon } from './dom.js';
import { Commands } from './frame/commands.js';
import { controls } from './frame/controls.js';
import { keys } from './frame/keys.js';
import { menu, openMenu } from './frame/menu.js';
import { sizes } from './frame/sizes.js';
import { copy } from './frame/toast.js';
import { keptZone, nextZone } from './frame/zone.js';
import { Histogram } from './histogram/histogram.js';
import { Buffer, ReadCap } from './list/buffer.js';
import { readColumns, readView, readWrap, usual, wraps } from './list/columns.js';
import { hands } from './list/hands.js';
import { MostMarks, markedTexts } from './list/highlight.js';
import { copyLink, linked } from './list/linked.js';
import { List } from './list/list.js';
import { look } from './list/look.js';
import { marks } from './list/marks.js';
import { notice, scannedText } from './list/notice.js';
import { opening, own } from './list/opening.js';
import { withoutColour } from './list/text.js';
import { instances } from './rail/instances.js';
import { readAddress, writeAddress } from './search/address.js';
import { readJob, writeJob } from './search/job.js';
import { readLink, writeLink } from './search/link.js';
import { search } from './search/search.js';
import { learn } from './said.js';
import { isDeploy } from './histogram/deploys.js';
import { isErrorItem } from './severity.js';
import { Store, initialState } from './store.js';
import { t, translate } from './strings.js';
import { views } from './views/views.js';
import { banner } from './tail/banner.js';
import { Feed } from './tail/feed.js';
import { sampleNote } from './tail/sample.js';
import { zoneOf } from './zone.js';

/** How often the rail asks for states and rates, in ms. */
const InstancesMs = 5000;

const store = new Store({ ...initialState(), ...preferences(), ...readAddress(location.search), ...readView(location.search), link: readLink(location.hash), ...jobOf(location.hash) });
const buffer = new Buffer();
const feed = new Feed(store, buffer);
const commands = new Commands();
const start = byId('start');
const list = new List({ scroller: byId('scroller'), canvas: byId('canvas'), start }, buffer, {
  moved: () => feed.pause('scroll'),
  reachedEnd: () => feed.reachedEnd(),
  nearStart: () => void feed.loadOlder(),
  nearEnd: () => void feed.loadNewer(),
});
feed.list = list;
const rowHands = hands(store, feed, list);
const openMarks = marks(store);
const histogram = new Histogram(store, feed);
let pointerDown = false;
/** @type {ReturnType<typeof views>} */
let saved;

/** @param {string} fragment @returns {Partial<State>} */
function jobOf(fragment) {
  const job = readJob(fragment);
  return job === '' ? {} : { job, drawer: 'instance' };
}

/** @returns {Partial<State>} */
function preferences() {
  const theme = localStorage.getItem('theme');
  return {
    zone: keptZone(),
    histogram: localStorage.getItem('histogram') !== '0',
    columns: readColumns(localStorage.getItem('columns') ?? ''),
    wrap: readWrap(localStorage.getItem('wrap')),
    relaxed: localStorage.getItem('relaxed') === '1',
    marks: readMarks(),
    railFolded: localStorage.getItem('rail') === '0',
    teamOpen: localStorage.getItem('team') === '1',
    theme: theme === 'light' || theme === 'dark' || theme === 'contrast' ? theme : 'auto',
  };
}

/** @returns {string[]} */
function readMarks() {
  try {
    const kept = JSON.parse(localStorage.getItem('marks') ?? '[]');
    return Array.isArray(kept) ? kept.filter((word) => typeof word === 'string' && word !== '').slice(0, MostMarks) : [];
  } catch {
    return [];
  }
}

/** A link shows its own columns; they are kept once somebody changes them. */
function keepLook() {
  let first = true;
  store.watch(['columns', 'wrap', 'relaxed', 'marks'], (state) => {
    if (first) {
      first = false;
      return;
    }
    localStorage.setItem('columns', state.columns === usual ? '' : state.columns.join(','));
    localStorage.setItem('wrap', state.wrap);
    localStorage.setItem('relaxed', state.relaxed ? '1' : '');
    localStorage.setItem('marks', JSON.stringify(state.marks));
  });
}

function keepPreferences() {
  keepLook();
  store.watch(['histogram', 'theme', 'teamOpen'], ({ histogram, theme, teamOpen }) => {
    localStorage.setItem('team', teamOpen ? '1' : '0');
    localStorage.setItem('histogram', histogram ? '1' : '0');
    localStorage.setItem('theme', theme);
    dispatchEvent(new Event('theme')); // first.js shows it
  });
}

/** Keeps the address and the scope the same, both ways. */
function keepAddress() {
  /** @type {string | null} */
  let shown = null;
  let scope = '';
  let { zone } = store.state;
  store.watch(['q', 'instances', 'range', 'from', 'to', 'zone', 'columns', 'wrap', 'startsOwn', 'link'], (state) => {
    const search = writeAddress(state);
    const { q, instances, range, from, to } = state;
    const wanted = JSON.stringify([q, instances, range, from, to]);
    const other = wanted !== scope;
    if (search !== shown && search !== location.search) {
      // How it looks is no step to go back to, nor is what was chosen for somebody.
      if (other && shown !== null) history.pushState(null, '', location.pathname + search + (writeJob(state.job) || writeLink(state.link)));
      else history.replaceState(null, '', location.pathname + search + location.hash);
    }
    shown = search;
    // Another zone shows the same entries, unless the text has times in it.
    const reread = state.zone !== zone && state.terms.some(({ kind }) => kind === 'time');
    zone = state.zone;
    if (!other && !reread && state.link === 0) return;
    scope = wanted;
    feed.start();
  });
  addEventListener('popstate', () => {
    store.set({ ...readAddress(location.search), ...readView(location.search) });
  });
}

/** Draws the list as the preferences and the feed want it. */
function keepList() {
  store.watch(['zone', 'me', 'wrap', 'columns', 'relaxed'], (state) => {
    const { wrap, columns, relaxed } = state;
    const regrown = wrap !== list.wrap && (wrap === 'all' || list.wrap === 'all');
    list.zone = zoneOf(state);
    list.wrap = wrap;
    list.columns = columns;
    const { classList } = byId('scroller');
    classList.toggle('wrapped', wrap === 'two');
    classList.toggle('wrapped-all', wrap === 'all');
    classList.toggle('relaxed', relaxed);
    list.measure();
    if (regrown) list.relayout();
    list.rebuild();
  });
  store.watch(['selected'], ({ selected }) => list.select(selected));
  store.watch(['terms', 'q', 'marks'], ({ terms, q, marks: words }) => {
    list.words = words;
    list.marked = q === '' ? [] : markedTexts(terms);
    list.render();
  });
  const startText = () => {
    if (buffer.length === 0) start.textContent = '';
    else if (feed.older.loading) start.textContent = scannedText(store.state) || t('list.older');
    else if (feed.older.complete) start.textContent = t(feed.scoped ? 'list.noOlder' : 'list.begin');
    else if (buffer.length >= ReadCap) start.textContent = t('list.full', { n: buffer.length });
    else start.textContent = t('list.more');
  };
  feed.onOlder = startText;
  store.watch(['shown', 'following', 'scannedTo'], startText);
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

/**
 * Where to look on from: beside the selected entry, or from what is seen if
 * there is none, or none any more.
 * @param {1 | -1} by
 */
function beside(by) {
  const at = store.state.selected > 0 ? buffer.indexOf(store.state.selected) : -1;
  return at >= 0 ? at + by : list.lastVisible();
}

/** @param {1 | -1} by */
function step(by) {
  selectIndex(buffer.find(beside(by), by, (item) => !('gap' in item) && !list.folds.hides(item)));
}

/**
 * Goes to the next of a kind.
 * @param {1 | -1} by
 * @param {(item: Item) => boolean} kind
 */
function stepTo(by, kind) {
  selectIndex(buffer.find(beside(by), by, (item) => kind(item) && !list.folds.hides(item)));
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

/** Enter opens what the row stands for, and then what there is to know of it. */
function enter() {
  const entry = buffer.entry(store.state.selected);
  const group = entry && list.folds.group(entry);
  if (group && !group.open) rowHands.fold(true);
  else openDetails('details');
}

function cycleWrap() {
  store.set({ wrap: wraps[(wraps.indexOf(store.state.wrap) + 1) % wraps.length] });
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
    { words: 'help.open', keys: ['Enter'], run: enter },
    { words: 'help.context', keys: ['c'], run: () => openDetails('context') },
    { words: 'help.copy', keys: ['y'], run: copySelected },
    { words: 'help.errors', keys: ['e'], run: () => stepTo(1, isErrorItem) },
    { words: 'help.errors', keys: ['E'], typed: true, run: () => stepTo(-1, isErrorItem) },
    { words: 'help.deploys', keys: ['d'], run: () => stepTo(1, isDeploy) },
    { words: 'help.deploys', keys: ['D'], typed: true, run: () => stepTo(-1, isDeploy) },
    { words: 'rail.cards', keys: ['i'], run: () => store.set({ drawer: 'instance', control: '*', job: '' }) },
    { words: 'help.views', keys: ['s'], run: () => saved.open() },
    { words: 'help.wrap', keys: ['w'], run: cycleWrap },
    { words: 'help.zone', keys: ['t'], run: () => nextZone(store) },
    { words: 'histogram.toggle', run: () => histogram.toggle() },
    { words: 'histogram.outTitle', run: () => histogram.zoom.out() },
    { words: 'help.unfold', keys: ['o'], run: () => void (rowHands.fold(true) || rowHands.fold(false)) },
    { words: 'help.unfold', keys: ['ArrowRight'], typed: true, run: () => void rowHands.fold(true) },
    { words: 'help.foldOnly', keys: ['ArrowLeft'], typed: true, run: () => void rowHands.fold(false) },
    { words: 'help.link', keys: ['l'], run: () => copyLink(store) },
    { words: 'help.rowMenu', keys: ['m', 'ContextMenu'], run: () => rowHands.menuOfSelected() },
    { words: 'help.exclude', keys: ['x'], run: () => rowHands.excludeOfSelected() },
    { words: 'help.range', keys: ['r'], run: () => byId('range-form').showPopover() },
    { words: 'help.marks', keys: ['h'], run: openMarks },
    { words: 'help.rail', keys: ['b'], run: () => store.set({ railFolded: !store.state.railFolded }) },
    { words: 'help.look', run: () => byId('look').showPopover() },
    { words: 'help.all', run: () => store.set({ instances: [] }) },
    { words: 'help.own', run: () => store.set({ instances: own(store.state) }) },
    { words: 'account.open', run: () => void openAccount() },
    { words: 'help.help', keys: ['?'], run: () => store.set({ help: true }) },
  );
  keys(store, commands);
  const offers = () => [
    ...commands.list.filter(({ typed }) => !typed).map(({ words, run, keys: own }) => ({ label: t(words), run, keys: own })),
    ...store.state.views.map((view) => ({ label: view.name, note: t(`views.${view.scope}One`), run: () => saved.show(view) })),
    ...store.state.known.map(({ instance }) => ({
      label: instance, note: t('palette.instance'), run: () => store.set({ instances: [instance] }),
    })),
  ];
  /** @type {(() => void) | null} */
  let open = null;
  document.addEventListener('keydown', (event) => {
    if (event.key.toLowerCase() !== 'k' || !(event.ctrlKey || event.metaKey) || event.altKey || event.shiftKey) return;
    event.preventDefault();
    const dialog = /** @type {HTMLDialogElement} */ (byId('palette'));
    if (dialog.open) dialog.close();
    else if (!document.querySelector('dialog[open]')) {
      void import('./frame/palette.js').then(({ palette }) => {
        open ??= palette(offers);
        open();
      });
    }
  });
}

/** @param {'ndjson' | 'csv' | 'txt'} format */
async function exportAs(format) {
  const { startExport } = await import('./export/export.js');
  await startExport(store, format);
}

async function openAccount() {
  const { showAccount } = await import('./account/dialog.js');
  await showAccount(store);
}

async function openStats() {
  const { showStats } = await import('./stats/stats.js');
  await showStats(store);
}

/** The drawer comes when it is opened first: the list does not wait for it. */
function wireDrawer() {
  let asked = false;
  store.watch(['drawer'], (state) => {
    if (state.drawer === '' || asked) return;
    asked = true;
    void import('./details/drawer.js').then(({ drawer }) => drawer(store, feed, { step, refresh: () => void loadInstances() }));
  });
  byId('bar-details').addEventListener('click', () => {
    store.set({ drawer: store.state.drawer === '' ? 'details' : '', rail: false });
  });
}

function wireExport() {
  const formats = /** @type {const} */ (['ndjson', 'csv', 'txt']);
  const choices = formats.map((format) => ({ label: t(`export.${format}`), run: () => void exportAs(format) }));
  const statistics = { label: t('stats.title'), run: () => void openStats() };
  byId('export').addEventListener('click', () => openMenu(byId('export'), [...choices, statistics]));
  commands.add({ words: 'help.documents', run: () => void open('help/', '_blank') });
  commands.add({ words: 'stats.title', run: () => void openStats() });
  commands.add(...formats.map((format) => ({ words: `export.${format}`, run: () => void exportAs(format) })));
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
  for (const id of ['rail', 'chips', 'marks', 'zone', 'live', 'histogram', 'histogram-toggle', 'zoom-out', 'errors']) {
    byId(id).addEventListener('click', (event) => {
      if (event.detail > 0) byId('scroller').focus({ preventScroll: true });
    });
  }
}

async function loadInstances() {
  try {
    const { instances: known, inputs, trouble } = await request('instances');
    await pointerUp();
    store.set({ known: known ?? [], inputs: inputs ?? [], knownLoaded: true, unkept: trouble?.since ?? '', diskFull: trouble?.disk_full ?? false });
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

async function begin() {
  translate(document);
  for (const element of document.querySelectorAll('[data-icon]')) {
    element.append(icon(/** @type {HTMLElement} */ (element).dataset.icon ?? ''));
  }
  search(store);
  controls(store, feed, () => void openAccount());
  instances(store);
  sizes(store);
  wireDrawer();
  notice(store);
  banner(store, () => feed.tail.retryNow());
  sampleNote(store, () => feed.showAll(), () => void openStats());
  menu();
  saved = views(store);
  keepPreferences();
  look(store);
  keepList();
  wireKeys();
  wireExport();
  wirePointer();
  byId('scroller').focus({ preventScroll: true });
  await opening(store, [loadMe(), loadInstances(), learn()]);
  keepAddress();
  linked(store, feed);
  // Not what anybody waits for.
  void import('./facets/facets.js').then(({ Facets }) => new Facets(store, feed));
  setInterval(() => {
    if (!document.hidden) void loadInstances();
  }, InstancesMs);
  document.addEventListener('visibilitychange', () => {
    if (!document.hidden) void loadInstances();
  });
}

void begin();
