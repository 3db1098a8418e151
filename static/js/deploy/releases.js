// The releases of one instance: what can be ordered, what an order would
// change, and what there has been.

import { instancePath, request } from '../api.js';
import { h, replace } from '../dom.js';
import { said } from '../said.js';
import { t } from '../strings.js';
import { zoneOf } from '../zone.js';
import { previewView } from './preview.js';
import { releaseRow } from './release.js';

/** Every so many answers of the server about the instances the list is asked for anew. */
const AgainEvery = 3;

/** The names of orders, as the server lists them. @type {OrderName[]} */
const orderNames = ['deploy', 'rollback', 'apply'];

/** @typedef {{order: OrderName, of: OrderOf}} Asked */

export class ReleasesView {
  /**
   * @param {import('../store.js').Store} store
   * @param {{placed: (instance: string, job: Job) => void, open: (job: string) => void, loaded: () => void}} actions
   */
  constructor(store, actions) {
    this.store = store;
    this.actions = actions;
    this.instance = '';
    /** @type {Release[]} */
    this.list = [];
    this.seen = '';
    this.age = 0;
    /** Counts what is asked, so that a late answer is known. */
    this.turn = 0;
    /** The release whose difference is open, 0 if none. */
    this.compared = 0;

    this.ref = h('input', {
      type: 'text', id: 'deploy-ref', maxlength: '64', autocomplete: 'off', autocapitalize: 'off', spellcheck: 'false', 'aria-label': t('order.ref'), title: t('order.ref'),
    });
    /** @type {Map<OrderName, HTMLButtonElement>} */
    this.buttons = new Map(orderNames.map((order) => [order, h('button', {
      type: order === 'deploy' ? 'submit' : 'button', class: 'button', 'data-action': `order-${order}`,
      click: order === 'deploy' ? null : () => this.ask(order, {}),
    }, t(`order.${order}`))]));
    const [deploy, ...others] = this.buttons.values();
    this.reasons = h('ul', { class: 'reasons' });
    this.question = h('div', { class: 'question', role: 'group', hidden: true });
    this.trouble = h('p', { class: 'warn', role: 'alert', hidden: true });
    this.orders = h('section', { class: 'actions orders', hidden: true },
      h('h3', {}, t('order.title')),
      h('form', {
        class: 'buttons', submit: (event) => {
          event.preventDefault();
          this.ask('deploy', { ref: this.ref.value.trim() });
        },
      }, this.ref, deploy, ...others),
      this.reasons, this.trouble, this.question);
    this.rows = h('ol', { class: 'releases' });
    this.timeline = h('section', { class: 'actions timeline', hidden: true }, h('h3', {}, t('release.title')), this.rows);
  }

  /** @param {Instance | undefined} instance */
  show(instance) {
    const name = instance && instance.kind !== 'unknown' && instance.kind !== 'shared' && instance.kind !== 'command' ? instance.instance : '';
    const seen = `${name} ${instance?.release?.number ?? 0}`;
    if (name !== this.instance) this.reset(name, instance?.owner ?? '');
    if (name === '') return;
    this.age++;
    if (seen !== this.seen || this.age >= AgainEvery) void this.load();
    this.seen = seen;
  }

  /** @param {string} name @param {string} owner */
  reset(name, owner) {
    this.instance = name;
    this.list = [];
    this.compared = 0;
    this.ref.value = '';
    this.ref.placeholder = owner;
    this.dismiss();
    this.turn++;
    for (const section of [this.orders, this.timeline]) section.hidden = true;
  }

  /** Asks for the list. */
  async load() {
    const { instance } = this;
    if (instance === '') return;
    this.age = 0;
    try {
      /** @type {{releases: Release[], orders: PossibleOrder[]}} */
      const { releases, orders } = await request(instancePath(instance, 'releases'));
      if (instance !== this.instance) return;
      this.list = releases;
      this.showOrders(orders);
      this.showList();
      this.actions.loaded();
    } catch {
      // The state above says whether the server can be reached; the next poll asks again.
    }
  }

  /** @param {PossibleOrder[]} orders */
  showOrders(orders) {
    const reasons = new Map();
    for (const { order, refused } of orders) {
      const button = this.buttons.get(order);
      button?.setAttribute('aria-disabled', String(refused !== ''));
      if (button) button.title = said(refused);
      if (refused !== '') reasons.set(said(refused), [...(reasons.get(said(refused)) ?? []), t(`order.${order}`).replace('…', '')]);
    }
    replace(this.reasons, ...[...reasons].map(([reason, names]) => h('li', {}, h('b', {}, names.join(', ') + ':'), ' ', reason)));
    this.reasons.hidden = reasons.size === 0;
    this.orders.hidden = false;
  }

  showList() {
    const focused = document.activeElement instanceof HTMLElement && this.rows.contains(document.activeElement) ? document.activeElement.dataset.action : undefined;
    const open = this.rows.querySelector('.preview-of');
    const zone = zoneOf(this.store.state);
    replace(this.rows, ...this.list.map((release) => {
      const row = releaseRow(release, zone, this.rowButtons(release));
      if (open && release.number === this.compared) row.append(open);
      return row;
    }));
    this.timeline.hidden = this.list.length === 0;
    if (focused) /** @type {HTMLElement | null} */ (this.rows.querySelector(`[data-action="${focused}"]`))?.focus();
  }

  /** @param {Release} release */
  rowButtons(release) {
    const { number, job, refused = '' } = release;
    const open = number === this.compared;
    const buttons = [];
    // What is live is no other than itself.
    if (!release.live) {
      buttons.push(h('button', {
        type: 'button', class: 'link', 'data-action': `compare-${number}`, 'aria-expanded': String(open), click: () => void this.compare(number),
      }, t('release.diff')));
    }
    if (job !== '') {
      buttons.push(h('button', { type: 'button', class: 'link', 'data-action': `job-${number}`, click: () => this.actions.open(job) }, t('release.output')));
    }
    // What is live, and a configuration, has nothing to go back to.
    if (release.kind !== 'config' && !release.live) {
      buttons.push(h('button', {
        type: 'button', class: 'link', 'data-action': `back-${number}`, title: said(refused), 'aria-disabled': String(refused !== ''),
        click: () => {
          if (refused === '') this.ask('rollback', { release: number });
        },
      }, t('release.back', { release: `v${number}` })));
    }
    return buttons;
  }

  /** Opens and closes the difference of a release to what runs. @param {number} number */
  async compare(number) {
    const turn = ++this.turn;
    const close = this.compared === number;
    this.compared = close ? 0 : number;
    this.rows.querySelector('.preview-of')?.remove();
    this.showList();
    if (close) return;
    const place = h('div', { class: 'preview-of' }, h('p', { class: 'quiet small', role: 'status' }, t('preview.looking')));
    this.rows.querySelector(`[data-release="${number}"]`)?.append(place);
    try {
      /** @type {Preview} */
      const preview = await request(instancePath(this.instance, `releases/${number}/diff`));
      if (turn === this.turn) replace(place, h('p', { class: 'quiet small' }, t('preview.compared', { release: `v${number}` })), previewView(preview));
    } catch (err) {
      if (turn === this.turn) replace(place, h('p', { class: 'warn' }, sentence(err)));
    }
  }

  /**
   * Shows what an order would change, and asks.
   * @param {OrderName} order
   * @param {OrderOf} of
   */
  async ask(order, of) {
    if (this.buttons.get(order)?.getAttribute('aria-disabled') === 'true' && of.release === undefined) return;
    const turn = ++this.turn;
    const { instance } = this;
    this.trouble.hidden = true;
    this.question.hidden = false;
    replace(this.question, h('p', { class: 'quiet', role: 'status' }, t('preview.looking')));
    try {
      /** @type {Preview} */
      const preview = await request(instancePath(instance, `preview/${order}`), { method: 'POST', body: of });
      if (turn !== this.turn) return;
      this.put({ order, of }, preview);
    } catch (err) {
      if (turn === this.turn) this.tell(sentence(err));
    }
  }

  /** @param {Asked} asked @param {Preview} preview */
  put(asked, preview) {
    const { order, of } = asked;
    const { instance } = this;
    const values = { instance, release: of.release ? `v${of.release}` : '' };
    const yes = h('button', {
      type: 'button', class: 'button primary', 'data-action': 'place', click: () => void this.place(asked),
    }, t(`order.${order}Now`));
    replace(this.question,
      h('p', {}, h('b', {}, t(order === 'rollback' && of.release ? 'order.backQuestion' : `order.${order}Question`, values)), ' ',
        h('span', { class: 'data' }, h('code', {}, preview.sha.slice(0, 7)), ' ', preview.subject)),
      previewView(preview),
      h('div', { class: 'buttons' }, yes,
        h('button', { type: 'button', class: 'button', click: () => this.dismiss() }, t('control.cancel'))));
    this.question.scrollIntoView({ block: 'nearest' });
    yes.focus({ preventScroll: true });
  }

  /** @param {Asked} asked */
  async place({ order, of }) {
    const { instance } = this;
    const turn = ++this.turn;
    this.dismiss();
    try {
      /** @type {Job} */
      const job = await request(instancePath(instance, order), { method: 'POST', body: of });
      this.actions.placed(instance, job);
    } catch (err) {
      if (turn === this.turn) this.tell(sentence(err));
    }
  }

  dismiss() {
    this.question.hidden = true;
    this.question.replaceChildren();
    this.trouble.hidden = true;
  }

  /** @param {string} text */
  tell(text) {
    this.dismiss();
    this.trouble.hidden = false;
    this.trouble.textContent = text;
  }
}

/** @param {unknown} err */
function sentence(err) {
  return (err instanceof Error && err.message) || t('banner.unreachable');
}
