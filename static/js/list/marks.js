// Words that somebody has marked in the messages without searching for them: a
// small box, and a chip for each.

import { byId, h, replace } from '../dom.js';
import { t } from '../strings.js';
import { MostMarks } from './highlight.js';

/** @param {import('../store.js').Store} store */
export function marks(store) {
  const form = byId('marks-form');
  const box = h('input', {
    type: 'text', class: 'marks-box', maxlength: 200, autocomplete: 'off', spellcheck: 'false', 'aria-label': t('marks.label'), placeholder: t('marks.label'),
  });
  form.append(
    h('form', {
      method: 'dialog',
      /** @param {Event} event */
      submit: (event) => {
        event.preventDefault();
        add(store, box.value);
        box.value = '';
        form.hidePopover();
        byId('scroller').focus({ preventScroll: true });
      },
    }, box, h('button', { type: 'submit', class: 'button' }, t('marks.add'))),
    h('p', { class: 'quiet small' }, t('marks.hint', { n: MostMarks })));
  store.watch(['marks'], ({ marks: words }) => {
    replace(byId('marks'), ...words.map((word, i) => h('span', { class: 'chip mark', 'data-mark': i },
      h('span', { class: 'chip-text' }, word),
      h('button', {
        type: 'button', class: 'plain', 'aria-label': t('marks.remove', { word }),
        click: () => store.set({ marks: store.state.marks.filter((other) => other !== word) }),
      }, '×'))));
  });
  return () => {
    form.showPopover();
    box.focus();
  };
}

/**
 * @param {import('../store.js').Store} store
 * @param {string} text one word or more; in quotes they are one
 */
function add(store, text) {
  const words = [...text.matchAll(/"([^"]+)"|([^\s,"]+)/g)].map(([, quoted, word]) => quoted ?? word);
  const all = [...store.state.marks, ...words.filter((word) => !store.state.marks.includes(word))];
  // The oldest make room.
  store.set({ marks: [...new Set(all)].slice(-MostMarks) });
}
