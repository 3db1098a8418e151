// What can be done with a row by hand: choose it, unfold it, take up a value in
// it, and the few actions that appear at its right end.

import { valueChoices } from '../details/value.js';
import { byId, h, icon } from '../dom.js';
import { openMenu } from '../frame/menu.js';
import { copy } from '../frame/toast.js';
import { linkTo } from '../search/link.js';
import { addTerm, fieldTerm } from '../search/query.js';
import { t } from '../strings.js';
import { lineCount } from './folds.js';
import { oneLine, withoutColour } from './text.js';

/** More than that make no menu. */
const MostValues = 10;

/**
 * @param {import('../store.js').Store} store
 * @param {import('../tail/feed.js').Feed} feed
 * @param {import('./list.js').List} list
 */
export function hands(store, feed, list) {
  const canvas = byId('canvas');
  canvas.addEventListener('click', (event) => {
    const target = /** @type {HTMLElement} */ (event.target);
    const index = indexOf(target);
    if (index < 0) return;
    const item = list.buffer.items[index];
    if ('gap' in item) {
      if (target.closest('button')) void feed.loadGap(item);
      return;
    }
    // Somebody who has marked text wants to copy it.
    if (!getSelection()?.isCollapsed) return;
    feed.pause('hand');
    if (target.closest('.b')) {
      byId('scroller').focus({ preventScroll: true });
      if (target.closest('.b-lines')) list.toggleMessage(index);
      else list.toggleGroup(index);
      return;
    }
    const value = coarse() ? null : /** @type {HTMLElement | null} */ (target.closest('.v'));
    if (value) openMenu(value, valueChoices(value.dataset.key ?? '', value.dataset.value ?? '', store), event.detail > 0 ? event : null);
    else store.set({ selected: item.seq, drawer: 'details' });
  });
  canvas.addEventListener('contextmenu', (event) => {
    const target = /** @type {HTMLElement} */ (event.target);
    // The browser's own menu is wanted for marked text, and by Shift.
    if (event.shiftKey || !getSelection()?.isCollapsed) return;
    const index = indexOf(target);
    const item = list.buffer.items[index];
    if (!item || 'gap' in item) return;
    event.preventDefault();
    feed.pause('hand');
    store.set({ selected: item.seq });
    const value = /** @type {HTMLElement | null} */ (target.closest('.v'));
    rowMenu(item, value ?? target, event, value);
  });
  document.addEventListener('selectionchange', () => {
    const selection = getSelection();
    if (selection && !selection.isCollapsed && canvas.contains(selection.anchorNode)) feed.pause('hand');
  });
  hover();

  /** @param {HTMLElement} target */
  function indexOf(target) {
    const row = /** @type {HTMLElement | null} */ (target.closest('.row'));
    return row ? list.buffer.indexOf(Number(row.dataset.gap ?? row.dataset.seq)) : -1;
  }

  /**
   * @param {Entry} entry
   * @param {HTMLElement} at
   * @param {MouseEvent | null} point
   * @param {HTMLElement | null} value
   */
  function rowMenu(entry, at, point, value) {
    // Older entries may come before it while the menu is open.
    const index = () => list.buffer.indexOf(entry.seq);
    const group = list.folds.group(entry);
    const unfolded = list.folds.unfolded.has(entry);
    openMenu(at, [
      ...(value ? [...valueChoices(value.dataset.key ?? '', value.dataset.value ?? '', store), null] : []),
      { label: t('row.details'), run: () => store.set({ selected: entry.seq, drawer: 'details' }) },
      { label: t(unfolded ? 'row.foldIt' : 'row.unfoldIt'), run: () => list.toggleMessage(index()) },
      group && { label: t(group.open ? 'row.one' : 'row.each', { n: group.count }), run: () => list.toggleGroup(index()) },
      { label: t('copy.text'), run: () => void copy(withoutColour(entry.message)) },
      { label: t('copy.link'), run: () => void copy(linkTo(store.state, entry.seq)) },
      ...(point ? [] : [null, ...valuesOf(entry, at)]),
    ], point);
  }

  /**
   * The values of a row, for who has no pointer.
   * @param {Entry} entry
   * @param {HTMLElement} at
   */
  function valuesOf(entry, at) {
    const nodes = /** @type {HTMLElement[]} */ ([...list.rows.get(`e${entry.seq}`)?.querySelectorAll('.v') ?? []]);
    const values = new Map(nodes.map(({ dataset, textContent }) => [dataset.value ?? '', [dataset.key ?? '', textContent ?? '']]));
    return [...values].slice(0, MostValues).map(([value, [key, text]]) => ({
      label: `${oneLine(key === 'received' ? text : value, 40)} …`, run: () => openMenu(at, valueChoices(key, value, store)),
    }));
  }

  /** The actions follow the pointer from row to row; no text gives way to them. */
  function hover() {
    if (coarse()) return;
    let seq = 0;
    const entry = () => list.buffer.entry(seq);
    /**
     * @param {string} name
     * @param {string} words
     * @param {(entry: Entry) => void} run
     */
    const button = (name, words, run) => h('button', {
      type: 'button', class: 'plain', tabindex: '-1', title: t(words), 'aria-label': t(words),
      click: () => {
        const one = entry();
        if (one) run(one);
      },
    }, icon(name));
    const actions = h('div', { class: 'row-actions', role: 'presentation', hidden: true },
      button('copy', 'copy.text', (one) => void copy(withoutColour(one.message))),
      button('link', 'copy.link', (one) => void copy(linkTo(store.state, one.seq))));
    canvas.prepend(actions);
    canvas.addEventListener('mouseover', (event) => {
      const target = /** @type {HTMLElement} */ (event.target);
      if (actions.contains(target)) return;
      const row = /** @type {HTMLElement | null} */ (target.closest('.row[data-seq]'));
      actions.hidden = !row || event.buttons > 0;
      if (!row) return;
      seq = Number(row.dataset.seq);
      const badges = /** @type {HTMLElement | null} */ (row.querySelector('.c-badges'));
      actions.style.top = row.style.top;
      actions.style.right = `${(badges?.offsetWidth ?? 0) + 8}px`;
    });
    const hide = () => {
      actions.hidden = true;
    };
    byId('scroller').addEventListener('mouseleave', hide);
    byId('scroller').addEventListener('scroll', hide, { passive: true });
    canvas.addEventListener('mousedown', (event) => {
      if (!actions.contains(/** @type {Node} */ (event.target))) hide();
    });
    list.onDraw = () => {
      if (!actions.hidden && list.rows.get(`e${seq}`)?.style.top !== actions.style.top) hide();
    };
  }

  /** The menu of the selected row, by the keyboard. */
  function menuOfSelected() {
    const one = list.buffer.entry(store.state.selected);
    const row = one && list.rows.get(`e${one.seq}`);
    if (one && row) rowMenu(one, /** @type {HTMLElement} */ (row.querySelector('.c-msg')), null, null);
  }

  /** Offers to leave out what the selected row says, by the keyboard. */
  function excludeOfSelected() {
    const one = list.buffer.entry(store.state.selected);
    const row = one && list.rows.get(`e${one.seq}`);
    if (!one || !row) return;
    const nodes = /** @type {HTMLElement[]} */ ([...row.querySelectorAll('.v')]);
    const terms = nodes.map(({ dataset }) => fieldTerm(dataset.key ?? '', dataset.value ?? '')).filter((term) => term !== '');
    openMenu(/** @type {HTMLElement} */ (row.querySelector('.c-msg')), [...new Set(terms)].slice(0, MostValues).map((term) => ({
      label: `-${oneLine(term, 60)}`, run: () => store.set({ q: addTerm(store.state.q, '-' + term) }),
    })));
  }

  /**
   * Unfolds what the selected row holds back: its message, then its neighbours.
   * @param {boolean} open
   */
  function fold(open) {
    const one = list.buffer.entry(store.state.selected);
    if (!one) return false;
    const index = list.buffer.indexOf(one.seq);
    const group = list.folds.group(one);
    const unfolded = list.folds.unfolded.has(one);
    const clipped = list.rows.get(`e${one.seq}`)?.querySelector('.c-msg');
    const canUnfold = lineCount(one.message) > 1 || (clipped ? clipped.scrollWidth > clipped.clientWidth : false);
    feed.pause('hand');
    if (open && !unfolded && canUnfold) list.toggleMessage(index);
    else if (open && group && !group.open) list.toggleGroup(index);
    else if (!open && unfolded) list.toggleMessage(index);
    else if (!open && group?.open) {
      list.toggleGroup(index);
      store.set({ selected: group.head.seq });
      list.select(group.head.seq);
    } else return false;
    return true;
  }

  return { menuOfSelected, excludeOfSelected, fold };
}

/** Whether a finger points: what is small is then in the details, which are not. */
function coarse() {
  return matchMedia('(pointer: coarse)').matches;
}
