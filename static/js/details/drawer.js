// The right drawer: what there is to know of one entry or of one instance.

import { byId, h, icon, replace, style } from '../dom.js';
import { ContentView } from './content.js';
import { ContextView } from './context.js';
import { detailsView } from './details.js';
import { textNodes } from '../list/row.js';
import { t } from '../strings.js';

/**
 * @param {import('../store.js').Store} store
 * @param {import('../tail/feed.js').Feed} feed
 * @param {{step: (by: 1 | -1) => void, refresh: () => void}} actions
 */
export function drawer(store, feed, actions) {
  const element = byId('drawer');
  const content = h('div', { class: 'drawer-content', tabindex: '-1' });
  const tabs = h('div', { class: 'tabs' },
    h('div', { class: 'tab-list', role: 'tablist' }, tab(store, 'details'), tab(store, 'context'), tab(store, 'instance')),
    h('button', {
      type: 'button', class: 'plain close', title: t('drawer.close'), 'aria-label': t('drawer.close'),
      click: () => store.set({ drawer: '' }),
    }, icon('close')));
  element.append(tabs, content);
  const contentView = new ContentView(store);
  const contextView = new ContextView(store);
  const rawText = h('pre', { tabindex: '0' });
  const raw = h('details', { class: 'raw' }, h('summary', {}, t('details.raw')), rawText);
  /** Comes when somebody asks for it. @type {import('../rail/instance.js').InstanceView | null} */
  let instanceView = null;
  /** @type {Promise<void> | null} */
  let looks = null;
  /** The entry is held here too: the list may forget it. @type {Entry | null} */
  let entry = null;

  store.watch(['drawer', 'selected', 'zone', 'me'], (state) => {
    element.hidden = state.drawer === '';
    byId('body').classList.toggle('with-drawer', state.drawer !== '');
    for (const button of tabs.querySelectorAll('[role=tab]')) {
      button.setAttribute('aria-selected', String(/** @type {HTMLElement} */ (button).dataset.tab === state.drawer));
    }
    if (state.drawer !== 'details' && state.drawer !== 'context') return;
    if (entry?.seq !== state.selected) {
      entry = feed.buffer.entry(state.selected) ?? contextView.entry(state.selected);
      content.scrollTop = 0;
      replace(rawText, ...textNodes(JSON.stringify(entry, null, 2), false));
    }
    if (state.drawer === 'context') {
      if (content.firstChild !== contextView.element) replace(content, contextView.element);
      contextView.show(entry);
      return;
    }
    const focused = document.activeElement;
    const title = focused instanceof HTMLElement && content.contains(focused) ? focused.title : '';
    if (entry) replace(content, detailsView(entry, store, actions.step, contentView.show(entry), raw));
    else replace(content, h('p', { class: 'quiet pad' }, t('drawer.pick')));
    // The arrow that was pressed has been drawn anew.
    if (title !== '') [...content.querySelectorAll('button')].find((button) => button.title === title)?.focus();
  });
  store.watch(['drawer', 'control', 'known', 'zone', 'me', 'job', 'instances'], (state) => {
    if (state.drawer !== 'instance') {
      if (state.job !== '') store.set({ job: '' });
      return;
    }
    if (instanceView) showInstance();
    else {
      looks ??= style('instance');
      void Promise.all([import('../rail/instance.js'), looks]).then(([{ InstanceView }]) => {
        instanceView ??= new InstanceView(store, actions.refresh);
        showInstance();
      });
    }
  });

  function showInstance() {
    if (store.state.drawer !== 'instance' || !instanceView) return;
    const view = instanceView.render();
    if (content.firstChild !== view) replace(content, view);
  }
}

/**
 * @param {import('../store.js').Store} store
 * @param {'details' | 'context' | 'instance'} name
 */
function tab(store, name) {
  return h('button', {
    type: 'button', role: 'tab', class: 'plain tab', 'data-tab': name,
    click: () => store.set({ drawer: name }),
  }, t(`drawer.${name}`));
}
