// One's own password.

import { request } from '../api.js';
import { h } from '../dom.js';
import { t } from '../strings.js';
import { toast } from '../frame/toast.js';
import { form } from './form.js';

/** How long it is said that all went well, in ms. */
const SaidMs = 4000;

/** @param {Me} me */
export function passwordSection(me) {
  const old = h('input', { type: 'password', name: 'old', autocomplete: 'current-password', placeholder: t('password.old'), 'aria-label': t('password.old'), required: true, hidden: !me.has_password, disabled: !me.has_password });
  const fresh = h('input', { type: 'password', name: 'new', autocomplete: 'new-password', placeholder: t('password.new'), 'aria-label': t('password.new'), required: true });
  return h('section', {}, h('h3', {}, t('password.title')),
    form('password-form', async () => {
      await request(`people/${encodeURIComponent(me.name)}/password`, { method: 'PUT', body: { old: old.value, new: fresh.value } });
      old.value = fresh.value = '';
      old.hidden = old.disabled = false;
      toast(t('password.done'), SaidMs);
    },
    // A password manager wants to know whose it is.
    h('input', { type: 'text', name: 'username', autocomplete: 'username', value: me.name, hidden: true }),
    old, fresh, h('button', { type: 'submit', class: 'button' }, t('password.set'))));
}
