// The left rail: every instance, its state, and the filter by instance.

import { byId, h, icon, replace } from '../dom.js';
import { said } from '../said.js';
import { locale, t } from '../strings.js';
import { duration } from '../time.js';

/** An error this recent puts a mark beside its instance, in ms. */
const RecentErrorMs = 15 * 60_000;

/** A team that has more instances is folded below what is one's own. */
const MostUnfolded = 12;

/** @typedef {{title: string, instances: Instance[], team: boolean, mine: boolean}} Group team: it belongs to somebody else */

/** @param {import('../store.js').Store} store */
export function instances(store) {
  const rail = byId('rail');
  store.watch(['known', 'inputs', 'instances', 'me', 'knownLoaded', 'teamOpen'], (state) => {
    const focused = document.activeElement instanceof HTMLElement && byId('instances').contains(document.activeElement)
      ? document.activeElement.dataset.focus : undefined;
    const top = rail.scrollTop;
    replace(byId('instances'), allRow(store), ...sections(store, groups(state.known, state.me?.name ?? '')),
      state.knownLoaded && state.known.length === 0 && h('p', { class: 'quiet rail-none' }, t('rail.none')),
      inputTrouble(state.inputs));
    rail.scrollTop = top;
    if (focused) {
      const again = [...rail.querySelectorAll('button')].find((button) => button.dataset.focus === focused);
      again?.focus();
    }
  });
  store.watch(['rail'], (state) => {
    rail.classList.toggle('open', state.rail);
    byId('bar-rail').setAttribute('aria-expanded', String(state.rail));
  });
  byId('bar-rail').addEventListener('click', () => store.set({ rail: !store.state.rail, drawer: '' }));
}

/**
 * Mine first, then owner by owner, then what is shared, then what belongs to
 * nobody.
 * @param {Instance[]} known
 * @param {string} me
 * @returns {Group[]}
 */
export function groups(known, me) {
  /** @type {Map<string, Instance[]>} */
  const byOwner = new Map();
  for (const instance of known) {
    const owner = instance.owner ?? '';
    byOwner.set(owner, [...(byOwner.get(owner) ?? []), instance]);
  }
  /** @param {string} owner */
  const rank = (owner) => (owner === '' ? 3 : owner === 'shared' ? 2 : owner === me ? 0 : 1);
  const owners = [...byOwner.keys()].sort((a, b) => rank(a) - rank(b) || a.localeCompare(b, undefined, { numeric: true }));
  const titles = ['rail.mine', '', 'rail.shared', 'rail.other'];
  return owners.map((owner) => {
    const title = titles[rank(owner)];
    const sorted = (byOwner.get(owner) ?? []).sort((a, b) => a.instance.localeCompare(b.instance));
    return { title: title === '' ? owner : t(title), instances: sorted, team: title === '', mine: rank(owner) === 0 };
  });
}

/**
 * Everybody's, one below the other; for who has instances, a large team is
 * folded, but for what is chosen.
 * @param {import('../store.js').Store} store
 * @param {Group[]} all
 */
function sections(store, all) {
  const team = all.filter((group) => group.team);
  const size = team.reduce((sum, { instances }) => sum + instances.length, 0);
  const mine = all.some((group) => group.mine);
  if (size <= MostUnfolded || !mine) return all.map((group) => section(store, group));
  const { teamOpen, instances: chosen } = store.state;
  const shown = teamOpen ? team : team.map((group) => ({ ...group, instances: group.instances.filter(({ instance }) => chosen.includes(instance)) }))
    .filter(({ instances }) => instances.length > 0);
  const fold = h('section', { class: 'rail-team' }, h('h2', {}, h('button', {
    type: 'button', class: 'plain', 'data-focus': '#team', 'aria-expanded': String(teamOpen), click: () => store.set({ teamOpen: !teamOpen }),
  }, icon('down'), t('rail.team'), h('span', { class: 'rail-size' }, size.toLocaleString(locale)))));
  const rest = all.filter((group) => !group.team);
  return [...rest.map((group) => section(store, group)), fold, ...shown.map((group) => section(store, group))];
}

/**
 * The inputs that have lost messages or have something to say; others are quiet.
 * @param {Input[]} inputs
 */
function inputTrouble(inputs) {
  const rows = inputs.map((input) => {
    const lost = (input.dropped ?? 0) + (input.kernel_dropped ?? 0);
    const suppressed = input.suppressed ?? 0;
    const words = [lost > 0 && t('rail.lost', { n: lost }), suppressed > 0 && t('rail.suppressed', { n: suppressed }), input.detail].filter(Boolean).join('. ');
    return words === '' ? null : h('li', {}, h('code', {}, input.input), h('span', {}, words));
  }).filter((row) => row !== null);
  return rows.length > 0 && h('section', {}, h('h2', {}, t('rail.inputs')), h('ul', { class: 'rail-inputs' }, ...rows));
}

/** @param {import('../store.js').Store} store */
function allRow(store) {
  const { known, instances: chosen } = store.state;
  const rate = known.reduce((sum, instance) => sum + (instance.rate ?? 0), 0);
  return h('div', { class: `rail-row${chosen.length === 0 ? ' chosen' : ''}` },
    h('button', {
      type: 'button', class: 'plain rail-name', 'data-focus': '*', 'aria-pressed': String(chosen.length === 0),
      click: () => store.set({ instances: [], rail: false }),
    }, h('span', { class: 'dot all', 'aria-hidden': 'true' }), h('span', { class: 'rail-text' }, t('rail.all'))),
    h('span', { class: 'rail-rate' }, rateText(rate)),
    h('button', {
      type: 'button', class: 'plain rail-controls', 'data-focus': '*…', title: t('rail.cards'), 'aria-label': t('rail.cards'),
      click: () => store.set({ drawer: 'instance', control: '*', job: '', rail: false }),
    }, icon('controls')));
}

/**
 * @param {import('../store.js').Store} store
 * @param {Group} group
 */
function section(store, group) {
  const names = group.instances.map((instance) => instance.instance);
  return h('section', {},
    h('h2', {}, h('button', {
      type: 'button', class: 'plain', 'data-focus': `#${group.title}`,
      click: () => store.set({ instances: names, rail: false }),
    }, group.title)),
    ...group.instances.map((instance) => instanceRow(store, instance)));
}

/**
 * @param {import('../store.js').Store} store
 * @param {Instance} instance
 */
function instanceRow(store, instance) {
  const name = instance.instance;
  const chosen = store.state.instances.includes(name);
  const state = t(`instances.${instance.state ?? 'unknown'}`);
  const error = recentError(instance);
  return h('div', { class: `rail-row${chosen ? ' chosen' : ''}` },
    h('button', {
      type: 'button', class: 'plain rail-name', 'data-focus': name, 'aria-pressed': String(chosen),
      title: [name, state, instance.detail && said(instance.detail)].filter(Boolean).join(' · '),
      'aria-label': `${t('rail.filter', { instance: name })} (${state})`,
      /** @param {MouseEvent} event */
      click: (event) => choose(store, name, event.ctrlKey || event.metaKey || event.shiftKey),
    },
    h('span', { class: `dot ${instance.state ?? 'unknown'}`, 'aria-hidden': 'true' }),
    h('span', { class: 'rail-text' }, instance.service || name)),
    sparkline(instance.recent ?? []),
    error !== '' && h('span', { class: 'rail-error', title: error, 'aria-label': error, role: 'img' }, '!'),
    h('span', { class: 'rail-rate' }, rateText(instance.rate ?? 0)),
    h('button', {
      type: 'button', class: 'plain rail-controls', 'data-focus': `${name}…`,
      title: t('rail.controls', { instance: name }), 'aria-label': t('rail.controls', { instance: name }),
      click: () => store.set({ drawer: 'instance', control: name, rail: false }),
    }, icon('controls')));
}

/**
 * The last minute as small bars, the highest as high as the row allows; nothing
 * for an instance that was quiet.
 * @param {number[]} recent
 */
function sparkline(recent) {
  const most = Math.max(...recent, 0);
  if (most === 0) return null;
  const ns = 'http://www.w3.org/2000/svg';
  const svg = document.createElementNS(ns, 'svg');
  svg.setAttribute('class', 'spark');
  svg.setAttribute('viewBox', '0 0 36 12');
  svg.setAttribute('aria-hidden', 'true');
  const path = document.createElementNS(ns, 'path');
  const last = recent.slice(-12);
  path.setAttribute('d', last.map((count, i) => {
    const height = count === 0 ? 0 : Math.max(1, Math.round((count / most) * 12));
    return height === 0 ? '' : `M${(12 - last.length + i) * 3} 12v${-height}h2v${height}z`;
  }).join(''));
  svg.append(path);
  return svg;
}

/** @param {Instance} instance */
function recentError(instance) {
  if (!instance.last_error) return '';
  const ago = Date.now() - Date.parse(instance.last_error);
  return ago < RecentErrorMs ? t('rail.recent', { ago: duration(ago) }) : '';
}

/**
 * A click shows this one alone, or all again; with Ctrl it is added or taken away.
 * @param {import('../store.js').Store} store
 * @param {string} name
 * @param {boolean} add
 */
function choose(store, name, add) {
  const chosen = store.state.instances;
  const others = chosen.filter((other) => other !== name);
  /** @type {string[]} */
  let next;
  if (add) next = chosen.includes(name) ? others : [...chosen, name];
  else next = chosen.length === 1 && others.length === 0 ? [] : [name];
  store.set({ instances: next, rail: false });
}

/** @param {number} rate entries a second */
function rateText(rate) {
  if (rate <= 0) return '';
  const text = rate < 0.1 ? '<0.1' : rate < 10 ? rate.toFixed(1) : String(Math.round(rate));
  return t('rail.rate', { n: text });
}
