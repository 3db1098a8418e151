// The state and the controls of one instance.

import { actionPath, request } from '../api.js';
import { cards } from '../deploy/cards.js';
import { originOf, releaseName } from '../deploy/release.js';
import { ReleasesView } from '../deploy/releases.js';
import { h } from '../dom.js';
import { JobView } from './job.js';
import { said } from '../said.js';
import { locale, t, teach } from '../strings.js';
import { duration, fullTime } from '../time.js';
import { words } from '../words/deploy.js';
import { zoneOf } from '../zone.js';

teach(words);

/** The actions that interrupt somebody, and the sentence that says how. */
const confirmations = /** @type {Record<string, string>} */ ({
  stop: 'control.confirmStop', quit: 'control.confirmQuit', restart: 'control.confirmRestart',
});

export class InstanceView {
  /**
   * @param {import('../store.js').Store} store
   * @param {() => void} refresh asks the server for the state anew
   */
  constructor(store, refresh) {
    this.store = store;
    this.refresh = refresh;
    /** The last job of each instance. @type {Map<string, JobView>} */
    this.jobs = new Map();
    /** The action that waits for a yes. */
    this.asking = '';
    this.facts = h('div');
    /** Apart, so that drawing the rest anew does not scroll the output. */
    this.output = h('div');
    this.releases = new ReleasesView(store, {
      placed: (instance, job) => this.follow(instance, job),
      open: (job) => store.set({ job }),
      loaded: () => this.reveal(),
    });
    const { orders, timeline } = this.releases;
    this.element = h('div', { class: 'instance' }, this.facts, orders, this.output, timeline);
    /** The job of the state that has been asked for. */
    this.opened = '';
    this.opening = false;
    /** The output that has to be seen, as soon as what is above it is there. @type {HTMLElement | null} */
    this.wanted = null;
    this.trouble = '';
    this.shown = '';
  }

  render() {
    const { control, known, instances } = this.store.state;
    const name = control === '*' ? '' : control || (instances.length === 1 ? instances[0] : '');
    if (name !== this.shown) {
      this.shown = name;
      this.asking = '';
      this.trouble = '';
      this.leave(name);
      this.element.parentElement?.scrollTo(0, 0);
    }
    void this.open();
    const instance = known.find((candidate) => candidate.instance === name);
    const focus = document.activeElement instanceof HTMLElement ? document.activeElement.dataset.action : undefined;
    if (name === '') this.facts.replaceChildren(...this.alert(), h('p', { class: 'quiet pad' }, t('drawer.pickInstance')), ...cards(this.store));
    else if (!instance) this.facts.replaceChildren(h('p', { class: 'quiet pad' }, t('control.gone', { instance: name })));
    else this.facts.replaceChildren(...this.sections(instance));
    this.releases.show(instance);
    const job = this.jobs.get(name);
    if (this.output.firstChild !== (job?.element ?? null)) this.output.replaceChildren(...(job ? [job.element] : []));
    if (focus) /** @type {HTMLElement | null} */ (this.element.querySelector(`[data-action="${focus}"]`))?.focus();
    return this.element;
  }

  /** @param {Instance} instance */
  sections(instance) {
    const state = instance.state ?? 'unknown';
    return [
      h('header', { class: 'instance-head' },
        h('span', { class: `dot ${state}`, 'aria-hidden': 'true' }),
        h('h2', {}, instance.service || instance.instance, instance.owner && h('span', { class: 'quiet' }, '/' + instance.owner)),
        h('span', { class: `state ${state}` }, t(`instances.${state}`)),
        h('button', {
          type: 'button', class: 'link small', 'data-action': 'all', click: () => this.store.set({ control: '*', job: '' }),
        }, t('control.all'))),
      ...this.live(instance),
      ...(instance.detail ? [h('p', { class: 'warn' }, said(instance.detail))] : []),
      this.factList(instance),
      this.links(instance),
      this.actions(instance),
      ...this.alert(),
    ];
  }

  alert() {
    return this.trouble ? [h('p', { class: 'warn', role: 'alert' }, this.trouble)] : [];
  }

  /** What is live. @param {Instance} instance */
  live({ release }) {
    if (!release) return [];
    return [h('div', { class: `live-release${release.result === 'failed' ? ' failed' : ''}` }, releaseName(release), originOf(release, zoneOf(this.store.state)))];
  }

  /** The address does not name a job that another instance hides. @param {string} name */
  leave(name) {
    const { job } = this.store.state;
    if (job !== '' && job === this.opened && !this.opening && this.jobs.get(name)?.job.id !== job) this.store.set({ job: '' });
  }

  /** Shows the job that the address or somebody asks for. */
  async open() {
    const { job: id } = this.store.state;
    if (id === this.opened) return;
    this.opened = id;
    if (id === '' || [...this.jobs.values()].some((view) => view.job.id === id)) return;
    this.opening = true;
    try {
      /** @type {Job} */
      const job = await request(`jobs/${encodeURIComponent(id)}`);
      if (this.store.state.job === id) this.follow(job.instance, job);
    } catch (err) {
      this.trouble = sentence(err);
      this.render();
    } finally {
      this.opening = false;
    }
  }

  /**
   * Shows a job and what it prints.
   * @param {string} instance
   * @param {Job} job
   */
  follow(instance, job) {
    this.jobs.get(instance)?.close();
    this.opened = job.id;
    this.trouble = '';
    const view = new JobView(job, () => {
      this.refresh();
      void this.releases.load();
      this.render();
    });
    this.jobs.set(instance, view);
    this.store.set({ control: instance, job: job.id });
    this.wanted = view.element;
    this.render();
    view.element.scrollIntoView({ block: 'nearest' });
  }

  /** What comes above the output has moved it. */
  reveal() {
    this.wanted?.scrollIntoView({ block: 'nearest' });
    this.wanted = null;
  }

  /** @param {Instance} instance */
  factList(instance) {
    const zone = zoneOf(this.store.state);
    /** @param {string | undefined} iso */
    const ago = (iso) => (iso
      ? h('time', { datetime: iso, title: fullTime(iso, zone) }, agoText(Date.now() - Date.parse(iso)))
      : t('control.never'));
    const started = instance.started ? Date.parse(instance.started) : 0;
    /** @type {[string, Node | string | number | undefined][]} */
    const facts = [
      ['control.kind', instance.kind],
      ['control.pid', instance.pid || ''],
      ['control.uptime', started > 0 ? duration(Date.now() - started) : ''],
      ['control.port', instance.port || ''],
      ['control.rate', t('control.rateValue', { n: (instance.rate ?? 0).toFixed(1) })],
      ['control.entries', instance.entries.toLocaleString(locale)],
      ['control.size', bytesText(instance.bytes)],
      ['control.last', ago(instance.last)],
      ['control.lastError', ago(instance.last_error)],
    ];
    return h('dl', { class: 'fields' }, ...facts.filter(([, value]) => value !== '' && value !== undefined)
      .flatMap(([key, value]) => [h('dt', {}, t(key)), h('dd', {}, value instanceof Node ? value : String(value))]));
  }

  /** @param {Instance} instance */
  links(instance) {
    const name = instance.instance;
    return h('div', { class: 'buttons pad' },
      h('button', { type: 'button', class: 'button', click: () => this.store.set({ instances: [name] }) }, t('control.filter')),
      instance.last_error && h('button', {
        type: 'button', class: 'button', click: () => this.store.set({ instances: [name], q: 'severity>=err' }),
      }, t('control.errors')));
  }

  /** @param {Instance} instance */
  actions(instance) {
    const running = this.jobs.get(instance.instance)?.running ?? false;
    const actions = (instance.actions ?? []).map(({ action, refused }) => ({ action, refused: said(refused) || (running ? t('control.busy') : '') }));
    if (actions.length === 0) return h('p', { class: 'quiet pad' }, t('control.noActions'));
    // One line for each reason, however many actions it keeps from working.
    const reasons = new Map();
    for (const { action, refused } of actions) {
      if (refused) reasons.set(refused, [...(reasons.get(refused) ?? []), t(`action.${action}`)]);
    }
    return h('section', { class: 'actions' },
      h('h3', {}, t('control.actions')),
      h('div', { class: 'buttons' }, ...actions.map(({ action, refused }) => h('button', {
        type: 'button', class: `button${action === this.asking ? ' pressed' : ''}`, 'data-action': action,
        title: refused, 'aria-disabled': String(refused !== ''),
        click: () => {
          if (refused === '') this.ask(instance.instance, action);
        },
      }, t(`action.${action}`)))),
      this.asking !== '' && this.question(instance.instance, this.asking),
      reasons.size > 0 && h('ul', { class: 'reasons' }, ...[...reasons].map(([reason, names]) => h('li', {},
        h('b', {}, names.join(', ') + ':'), ' ', reason))));
  }

  /**
   * @param {string} instance
   * @param {string} action
   */
  question(instance, action) {
    return h('div', { class: 'question', role: 'group' },
      h('p', {}, h('b', {}, t('control.confirm', { action: t(`action.${action}`), instance })), ' ', t(confirmations[action])),
      h('div', { class: 'buttons' },
        h('button', { type: 'button', class: 'button danger', 'data-action': 'yes', click: () => this.run(instance, action) },
          t(`action.${action}`)),
        h('button', {
          type: 'button', class: 'button', click: () => {
            this.asking = '';
            this.render();
          },
        }, t('control.cancel'))));
  }

  /**
   * @param {string} instance
   * @param {string} action
   */
  ask(instance, action) {
    if (!(action in confirmations)) {
      void this.run(instance, action);
      return;
    }
    this.asking = action;
    this.render();
    /** @type {HTMLElement | null} */ (this.element.querySelector('[data-action=yes]'))?.focus();
  }

  /**
   * @param {string} instance
   * @param {string} action
   */
  async run(instance, action) {
    this.asking = '';
    this.trouble = '';
    try {
      /** @type {Job} */
      const job = await request(actionPath(instance, action), { method: 'POST' });
      this.follow(instance, job);
    } catch (err) {
      this.trouble = sentence(err);
    }
    this.refresh();
    this.render();
  }
}

/** @param {unknown} err */
function sentence(err) {
  return (err instanceof Error && err.message) || t('banner.unreachable');
}

/** @param {number} bytes */
function bytesText(bytes) {
  const units = ['B', 'KB', 'MB', 'GB', 'TB'];
  let i = 0;
  let size = bytes;
  for (; size >= 1000 && i < units.length - 1; i++) size /= 1000;
  return `${size.toLocaleString(locale, { maximumFractionDigits: size < 10 && i > 0 ? 1 : 0 })} ${units[i]}`;
}

/**
 * What is a moment ago is not told in milliseconds.
 * @param {number} ms
 */
function agoText(ms) {
  return ms < 1000 ? t('control.now') : t('control.ago', { ago: duration(ms) });
}
