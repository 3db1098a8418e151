// The login page: a link with a token in its fragment logs in at once.

import { BackKey, Problem, request } from './api.js';
import { byId } from './dom.js';
import { readJob } from './search/job.js';
import { readLink } from './search/link.js';
import { learn } from './said.js';
import { t, translate } from './strings.js';

const name = /** @type {HTMLInputElement} */ (byId('name'));
const token = /** @type {HTMLInputElement} */ (byId('token'));
const submit = /** @type {HTMLButtonElement} */ (byId('submit'));
const error = byId('error');

/** @param {string} text */
function say(text) {
  error.textContent = text;
  error.hidden = text === '';
}

/** @param {{token: string} | {name: string, password: string}} who */
async function logIn(who) {
  say('');
  submit.disabled = true;
  submit.textContent = t('login.busy');
  try {
    await request('login', { method: 'POST', body: who });
    location.replace(new URL('./' + whereTo(), document.baseURI));
  } catch (err) {
    say(err instanceof Problem && err.status > 0 ? err.message : t('banner.unreachable'));
    submit.disabled = false;
    submit.textContent = t('login.button');
    token.focus();
  }
}

/** Whether a fragment leads somewhere and is no token. @param {string} fragment */
function leads(fragment) {
  return readLink(fragment) > 0 || readJob(fragment) !== '';
}

/**
 * The search and the entry or job to come back to: what the server was asked for, else
 * what this tab showed when its session ended. No server sees a fragment, so
 * that of the page that was asked for is still ours.
 */
function whereTo() {
  const next = new URLSearchParams(location.search).get('next') ?? '';
  const back = sessionStorage.getItem(BackKey) ?? '';
  sessionStorage.removeItem(BackKey);
  const link = leads(location.hash) ? location.hash : '';
  const search = next.includes('?') ? next.slice(next.indexOf('?')) : '';
  if (search !== '' || link !== '') return (search.startsWith('?') ? search : '') + link;
  return /^[?#]/.test(back) ? back : '';
}

/** Takes the token out of the address, so that no history keeps it. */
function takeFragment() {
  const fragment = location.hash.slice(1);
  if (fragment === '' || leads(location.hash)) return '';
  history.replaceState(null, '', location.pathname + location.search);
  try {
    return decodeURIComponent(fragment);
  } catch {
    return fragment;
  }
}

/** Shows the button of the provider, if there is one. */
async function offerProvider() {
  /** @type {{oidc?: {label: string}}} */
  const ways = await request('login');
  if (ways.oidc === undefined) return;
  const link = /** @type {HTMLAnchorElement} */ (byId('provider'));
  const here = new URLSearchParams(location.search).get('next') ?? '';
  const next = here + (leads(location.hash) ? location.hash : '');
  link.href = 'login/oidc' + (next === '' ? '' : '?next=' + encodeURIComponent(next));
  link.textContent = ways.oidc.label === '' ? t('login.provider') : ways.oidc.label;
  byId('others').hidden = false;
}

/** Says why a log-in at the provider has ended here. */
function tellTrouble() {
  const trouble = new URLSearchParams(location.search).get('trouble') ?? '';
  if (troubles.has(trouble)) say(t(`trouble.${trouble}`));
}

/** What the server names in the address. */
const troubles = new Set([
  'oidc-down', 'oidc-state', 'oidc-refused', 'oidc-token', 'oidc-role', 'oidc-name', 'oidc-link', 'oidc-disabled', 'oidc-full', 'oidc-wait',
]);

function begin() {
  const fragment = takeFragment();
  if (fragment === '') name.focus();
  else void logIn({ token: fragment });
}

translate(document);
byId('login').addEventListener('submit', (event) => {
  event.preventDefault();
  const person = name.value.trim();
  if (token.value.trim() === '') say(t('login.empty'));
  else void logIn(person === '' ? { token: token.value.trim() } : { name: person, password: token.value });
});
// A link opened in a tab that shows this page already only changes the fragment.
addEventListener('hashchange', begin);
void learn();
tellTrouble();
offerProvider().catch(() => {}); // the form does without it
begin();
