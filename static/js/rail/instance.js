// The state and the controls of one instance.

import { actionPath, request } from '../api.js';
import { h } from '../dom.js';
import { JobView } from './job.js';
import { said } from '../said.js';
import { locale, t } from '../strings.js';
import { duration, fullTime } from '../time.js';
import { zoneOf } from '../zone.js';

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
    this.element = h('div', { class: 'instance' }, this.facts, this.output);
    this.trouble = '';
    this.shown = '';
  }

  render() {
    const { control, known, instances } = this.store.state;
    const name = control || (instances.length === 1 ? instances[0] : '');
    if (name !== this.shown) {
      this.shown = name;
      this.asking = '';
      this.trouble = '';
    }
    const instance = known.find((candidate) => candidate.instance === name);
    const focus = document.activeElement instanceof HTMLElement ? document.activeElement.dataset.action : undefined;
    if (name === '') this.facts.replaceChildren(h('p', { class: 'quiet pad' }, t('drawer.pickInstance')));
    else if (!instance) this.facts.replaceChildren(h('p', { class: 'quiet pad' }, t('control.gone', { instance: name })));
    else this.facts.replaceChildren(...this.sections(instance));
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
        h('span', { class: `state ${state}` }, t(`instances.${state}`))),
      ...(instance.detail ? [h('p', { class: 'warn' }, said(instance.detail))] : []),
      this.factList(instance),
      this.links(instance),
      this.actions(instance),
      ...(this.trouble ? [h('p', { class: 'warn', role: 'alert' }, this.trouble)] : []),
    ];
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
    const actions = instance.actions ?? [];
    if (actions.length === 0) return h('p', { class: 'quiet pad' }, t('control.noActions'));
    const running = this.jobs.get(instance.instance)?.running ?? false;
    // One line for each reason, however many actions it keeps from working.
    const reasons = new Map();
    for (const { action, refused } of actions) {
      if (refused) reasons.set(said(refused), [...(reasons.get(said(refused)) ?? []), t(`action.${action}`)]);
    }
    return h('section', { class: 'actions' },
      h('h3', {}, t('control.actions')),
      h('div', { class: 'buttons' }, ...actions.map(({ action, refused }) => h('button', {
        type: 'button', class: `button${action === this.asking ? ' pressed' : ''}`, 'data-action': action,
        title: said(refused), 'aria-disabled': String(refused !== '' || running),
        click: () => {
          if (refused === '' && !running) this.ask(instance.instance, action);
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
      this.jobs.get(instance)?.close();
      this.jobs.set(instance, new JobView(job, () => {
        this.refresh();
        this.render();
      }));
    } catch (err) {
      this.trouble = (err instanceof Error && err.message) || t('banner.unreachable');
    }
    this.refresh();
    this.render();
  }
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
