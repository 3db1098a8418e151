// Saved views: searches with a name, one's own and the team's.

import { Problem, goToLogin, request } from '../api.js';
import { byId, h, icon, replace } from '../dom.js';
import { toast } from '../frame/toast.js';
import { readView } from '../list/columns.js';
import { readAddress, writeAddress } from '../search/address.js';
import { t } from '../strings.js';

/**
 * @param {import('../store.js').Store} store
 * @returns {{open: () => void, show: (view: SavedView) => void}}
 */
export function views(store) {
  const button = byId('views');
  const menu = byId('views-menu');
  const name = h('input', { type: 'text', id: 'view-name', maxlength: 100, required: true, autocomplete: 'off', placeholder: t('views.name'), 'aria-label': t('views.name') });
  const team = h('input', { type: 'checkbox', id: 'view-team' });
  const list = h('div', { class: 'views-list' });
  const wrong = h('p', { class: 'small views-wrong', role: 'alert' });
  replace(menu, list, h('form', {
    class: 'views-form',
    /** @param {SubmitEvent} event */
    submit: (event) => {
      event.preventDefault();
      void save();
    },
  },
  h('h3', {}, t('views.save')), name,
  h('div', { class: 'views-row' }, h('label', {}, team, ' ', t('views.forTeam')), h('button', { type: 'submit', class: 'button primary' }, t('views.saveButton'))),
  wrong));

  /** What the address asked for, until the list has come. */
  let wanted = new URLSearchParams(location.search).get('view');
  store.watch(['views', 'me'], draw);
  button.addEventListener('click', () => menu.togglePopover());
  menu.addEventListener('beforetoggle', (event) => {
    if (/** @type {ToggleEvent} */ (event).newState !== 'open') return;
    wrong.textContent = '';
    void load();
  });
  menu.addEventListener('toggle', (event) => {
    if (/** @type {ToggleEvent} */ (event).newState !== 'open') return;
    const box = button.getBoundingClientRect();
    menu.style.left = `${Math.max(8, Math.min(box.right - menu.offsetWidth, innerWidth - menu.offsetWidth - 8))}px`;
    menu.style.top = `${box.bottom + 6}px`;
    name.focus();
  });
  void load();

  async function load() {
    try {
      const { views: found } = await request('views');
      store.set({ views: found });
      if (wanted === null) return;
      const view = found.find((/** @type {SavedView} */ one) => one.name === wanted);
      if (view) show(view);
      else toast(t('views.none', { name: wanted }));
      wanted = null;
    } catch (err) {
      if (err instanceof Problem && err.status === 401) goToLogin();
    }
  }

  /** @param {SavedView} view */
  function show(view) {
    store.set({ ...readAddress(view.search), ...readView(view.search) });
    menu.hidePopover();
    byId('scroller').focus({ preventScroll: true });
  }

  async function save() {
    const scope = team.checked ? 'team' : 'me';
    try {
      await request(path(scope, name.value.trim()), { method: 'PUT', body: { search: viewSearch(store.state) } });
      toast(t('views.saved', { name: name.value.trim() }));
      name.value = '';
      menu.hidePopover();
      await load();
    } catch (err) {
      wrong.textContent = err instanceof Problem && err.message !== '' ? err.message : t('views.failed');
    }
  }

  /** @param {SavedView} view */
  async function remove(view) {
    try {
      await request(path(view.scope, view.name), { method: 'DELETE' });
      await load();
      name.focus();
    } catch (err) {
      wrong.textContent = err instanceof Problem && err.message !== '' ? err.message : t('views.failed');
    }
  }

  function draw() {
    const { views: all, me } = store.state;
    const group = (/** @type {SavedView['scope']} */ scope) => {
      const some = all.filter((view) => view.scope === scope);
      return some.length === 0 ? [] : [h('h3', {}, t(`views.${scope}`)), ...some.map((view) => h('div', { class: 'view' },
        h('button', { type: 'button', class: 'plain view-open', title: view.search, click: () => show(view) },
          h('span', { class: 'view-name' }, view.name), scope === 'team' && h('span', { class: 'quiet small' }, view.by)),
        (view.by === me?.name || me?.role === 'admin') && h('button', {
          type: 'button', class: 'plain view-delete', 'aria-label': t('views.delete', { name: view.name }), title: t('views.delete', { name: view.name }),
          click: () => void remove(view),
        }, icon('close'))))];
    };
    replace(list, ...group('me'), ...group('team'));
  }

  return { open: () => menu.showPopover(), show };
}

/**
 * What a view keeps: the address, and how the list looks even where that is as
 * usual, for it may not be when the view is opened.
 * @param {State} state
 */
function viewSearch(state) {
  const params = new URLSearchParams(writeAddress(state));
  params.set('cols', state.columns.join(','));
  params.set('wrap', state.wrap);
  return `?${params}`;
}

/**
 * @param {string} scope
 * @param {string} name
 */
function path(scope, name) {
  return `views/${scope}/${encodeURIComponent(name)}`;
}
