// Forms and buttons that say at their place what went wrong.

import { Problem } from '../api.js';
import { h } from '../dom.js';
import { t } from '../strings.js';

/** What to say of an error. @param {unknown} err */
export function wordsOf(err) {
  return err instanceof Problem && err.message !== '' ? err.message : t('account.failed');
}

/**
 * A form that says below itself what went wrong.
 * @param {string} name its class
 * @param {() => Promise<void>} submit
 * @param {...import('../dom.js').Child} children
 */
export function form(name, submit, ...children) {
  const trouble = h('p', { class: 'warn', role: 'alert', hidden: true });
  return h('form', {
    class: `account-form ${name}`, submit: async (event) => {
      event.preventDefault();
      trouble.hidden = true;
      try {
        await submit();
      } catch (err) {
        trouble.textContent = wordsOf(err);
        trouble.hidden = false;
      }
    },
  }, ...children, trouble);
}

/**
 * A button that says at its place what went wrong.
 * @param {string} label
 * @param {() => Promise<void>} act
 */
export function button(label, act) {
  const trouble = h('span', { class: 'warn', role: 'alert', hidden: true });
  return h('span', { class: 'account-act' }, h('button', {
    type: 'button', class: 'button', click: async () => {
      trouble.hidden = true;
      try {
        await act();
      } catch (err) {
        trouble.textContent = wordsOf(err);
        trouble.hidden = false;
      }
    },
  }, label), trouble);
}
