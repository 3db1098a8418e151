// Everybody's accounts, for administrators.

import { Problem, request } from '../api.js';
import { h, icon, replace } from '../dom.js';
import { t } from '../strings.js';
import { button, form, wordsOf } from './form.js';
import { secretView } from './tokens.js';

/** @type {Role[]} */
const roles = ['developer', 'viewer', 'admin'];

/**
 * @param {import('../store.js').Store} store
 * @param {Me} me
 */
export async function peopleSection(store, me) {
  const rows = h('ul', { class: 'account-rows people' });
  const known = h('datalist', { id: 'account-instances' }, ...store.state.known.map(({ instance }) => h('option', { value: instance })));
  /** @type {Person[]} */
  let people = [];
  const load = async () => {
    ({ people } = await request('people'));
    replace(rows, ...people.map((person) => row(person, person.name === me.name, load)), people.length === 0 && h('li', { class: 'quiet' }, t('people.none')));
  };
  await load();
  const name = h('input', { type: 'text', name: 'person', maxlength: '32', autocomplete: 'off', autocapitalize: 'none', spellcheck: 'false', placeholder: t('people.name'), 'aria-label': t('people.name'), required: true });
  const role = roleSelect('developer');
  const shown = h('div', { 'aria-live': 'polite' });
  return h('section', {}, h('h3', {}, t('people.title')), known, rows,
    form('person-form', async () => {
      const person = name.value.trim();
      if (people.some((one) => one.name === person)) throw new Problem(0, t('people.exists', { name: person }));
      await request(path(person), { method: 'PUT', body: { role: role.value } });
      if (name.value.trim() === person) name.value = '';
      await load();
      replace(shown, await linkView(person));
    }, name, role, h('button', { type: 'submit', class: 'button' }, t('people.add'))), shown);
}

/** @param {string} name @param {...string} rest */
function path(name, ...rest) {
  return ['people', encodeURIComponent(name), ...rest].join('/');
}

/** @param {Role} chosen */
function roleSelect(chosen) {
  return h('select', { 'aria-label': t('people.role') }, ...roles.map((role) => h('option', { value: role, selected: role === chosen }, t(`people.${role}`))));
}

/** @param {string} name */
async function linkView(name) {
  /** @type {{link: string}} */
  const { link } = await request('links', { method: 'POST', body: { person: name } });
  return secretView(link, t('people.linkOnce', { name }));
}

/**
 * @param {Person} person
 * @param {boolean} self
 * @param {() => Promise<void>} load
 */
function row(person, self, load) {
  const { name } = person;
  const shown = h('div', { 'aria-live': 'polite' });
  const role = roleSelect(person.role);
  role.disabled = self;
  const trouble = h('span', { class: 'warn', role: 'alert', hidden: true });
  role.addEventListener('change', async () => {
    try {
      await request(path(name), { method: 'PUT', body: { role: role.value } });
      await load();
    } catch (err) {
      role.value = person.role;
      trouble.textContent = wordsOf(err);
      trouble.hidden = false;
    }
  });
  return h('li', { 'data-person': name, class: person.disabled ? 'is-disabled' : '' },
    h('span', { class: 'account-what' }, h('b', { class: 'data' }, name), ' ',
      h('span', { class: 'quiet' }, person.disabled ? t('people.disabled') : person.has_password ? '' : t('people.noPassword'))),
    role, trouble,
    button(t('people.link'), async () => replace(shown, await linkView(name))),
    !self && button(t(person.disabled ? 'people.enable' : 'people.disable'), async () => {
      await request(path(name), { method: 'PUT', body: { disabled: !person.disabled } });
      await load();
    }),
    shown, person.role !== 'admin' && grants(person, load));
}

/**
 * @param {Person} person
 * @param {() => Promise<void>} load
 */
function grants({ name, grants: list }, load) {
  /** @param {string} instance */
  const grantPath = (instance) => path(name, 'grants', ...instance.split('/').map(encodeURIComponent));
  const instance = h('input', { type: 'text', name: 'instance', list: 'account-instances', autocomplete: 'off', spellcheck: 'false', placeholder: t('people.instance'), 'aria-label': t('people.instance'), required: true });
  const control = h('input', { type: 'checkbox', name: 'control' });
  return h('div', { class: 'account-grants' },
    ...list.map((grant) => h('span', { class: 'chip data' }, grant.control ? t('people.moves', { instance: grant.instance }) : grant.instance,
      h('button', { type: 'button', class: 'plain', 'aria-label': t('people.revoke', { instance: grant.instance }), click: async () => {
        await request(grantPath(grant.instance), { method: 'DELETE' }).catch(() => {});
        await load().catch(() => {});
      } }, icon('close')))),
    form('grant-form', async () => {
      await request(grantPath(instance.value.trim()), { method: 'PUT', body: { control: control.checked } });
      await load();
    }, h('span', { class: 'quiet' }, t('people.grant')), instance, h('label', {}, control, ' ', t('people.control')),
    h('button', { type: 'submit', class: 'button' }, t('people.add'))));
}
