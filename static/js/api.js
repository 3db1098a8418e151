// The server's HTTP API. Every address is relative to the page's own, so that
// it works below any base path.

import { said } from './said.js';

const base = new URL('api/v1/', document.baseURI);

/** What the server says is wrong: an RFC 9457 problem. */
export class Problem extends Error {
  /**
   * @param {number} status 0 if the server could not be reached
   * @param {string} detail one sentence
   */
  constructor(status, detail) {
    super(said(detail));
    this.status = status;
  }
}

/**
 * @param {string} path below /api/v1/
 * @param {{method?: string, params?: Record<string, string>, body?: object, signal?: AbortSignal}} [options]
 * @returns {Promise<any>} the decoded answer, null if it has no body
 */
export async function request(path, options = {}) {
  const { method = 'GET', params = {}, body, signal } = options;
  /** @type {Response} */
  let response;
  try {
    response = await fetch(address(path, params), {
      method,
      signal,
      cache: 'no-store',
      headers: body ? { 'Content-Type': 'application/json' } : {},
      body: body ? JSON.stringify(body) : null,
    });
  } catch (err) {
    if (signal?.aborted) throw err;
    throw new Problem(0, '');
  }
  if (!response.ok) throw await problemOf(response);
  return response.status === 204 ? null : response.json();
}

/**
 * An answer that is read while it comes.
 * @param {string} path below /api/v1/
 * @param {Record<string, string>} params
 * @param {AbortSignal} signal
 */
export async function stream(path, params, signal) {
  const response = await fetch(address(path, params), { signal, cache: 'no-store' });
  if (!response.ok) throw await problemOf(response);
  return response;
}

/**
 * @param {string} path
 * @param {Record<string, string | number>} params
 */
export function openSocket(path, params) {
  const url = address(path, params);
  url.protocol = url.protocol.replace('http', 'ws');
  return new WebSocket(url);
}

/**
 * The address of something of an instance, whose name keeps its one slash.
 * @param {string} instance
 * @param {string} rest
 */
export function instancePath(instance, rest) {
  const name = instance.split('/').map(encodeURIComponent).join('/');
  return `instances/${name}/${rest}`;
}

/**
 * @param {string} instance
 * @param {string} action
 */
export function actionPath(instance, action) {
  return instancePath(instance, `actions/${encodeURIComponent(action)}`);
}

/** Where the page keeps what it showed while somebody logs in. */
export const BackKey = 'back';

/** Goes to the login page, which comes back to this address. */
export function goToLogin() {
  sessionStorage.setItem(BackKey, location.search + location.hash);
  location.assign(new URL('login', document.baseURI));
}

/**
 * @param {string} path
 * @param {Record<string, string | number>} params
 */
export function address(path, params) {
  const url = new URL(path, base);
  for (const [name, value] of Object.entries(params)) {
    if (value !== '') url.searchParams.set(name, String(value));
  }
  return url;
}

/** @param {Response} response */
async function problemOf(response) {
  /** @type {{detail?: string, title?: string}} */
  let problem = {};
  try {
    problem = await response.json();
  } catch {
    // A proxy in between may answer with a page of its own.
  }
  return new Problem(response.status, problem.detail || problem.title || `${response.status} ${response.statusText}`);
}
