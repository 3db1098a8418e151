// One release: what it is called, and the row of it in the timeline.

import { h } from '../dom.js';
import { said } from '../said.js';
import { t } from '../strings.js';
import { duration, fullTime } from '../time.js';

/** @typedef {import('../zone.js').Zone} Zone */

/** How one can ask; via.… has words for each. */
const vias = { push: true, web: true, api: true, cli: true };

/**
 * "v43 7ebbf4f “fix login”".
 * @param {Release} release
 */
export function releaseName(release) {
  return h('span', { class: 'release-name data' }, h('b', {}, `v${release.number}`), ' ', h('code', {}, release.sha.slice(0, 7)), ' ',
    release.subject !== '' && h('span', { class: 'subject' }, release.subject));
}

/**
 * How long ago, and when exactly if one points at it.
 * @param {string} iso
 * @param {Zone} zone
 */
export function ago(iso, zone) {
  return h('time', { datetime: iso, title: fullTime(iso, zone) }, t('control.ago', { ago: duration(Math.max(0, Date.now() - Date.parse(iso))) }));
}

/**
 * Who made it, how and when.
 * @param {Release} release
 * @param {Zone} zone
 * @param {string[]} [more] to say of it
 */
export function originOf(release, zone, more = []) {
  const kind = release.kind || 'deploy';
  return h('p', { class: 'quiet small' },
    t(`release.${kind}`, { of: release.of ?? 0 }),
    ...(kind === 'deploy' && release.ref !== '' && !release.sha.startsWith(release.ref) ? [' ', h('span', { class: 'data' }, release.ref)] : []),
    ' · ', h('span', { class: 'data' }, release.by), release.via in vias && ` ${t(`via.${release.via}`)}`,
    ' · ', ago(release.when, zone), ...more.map((fact) => ` · ${fact}`));
}

/**
 * @param {Release} release
 * @param {Zone} zone
 * @param {Node[]} buttons
 */
export function releaseRow(release, zone, buttons) {
  const state = release.live && release.result === 'succeeded' ? 'live' : release.result;
  const took = release.result === 'running' || release.took_ms <= 0 ? [] : [duration(release.took_ms)];
  if (release.kind !== 'config' && release.files > 0) took.push(t('release.files', { n: release.files }));
  return h('li', { class: `release is-${state}`, 'data-release': release.number },
    h('div', { class: 'release-head' }, releaseName(release),
      release.live && state !== 'live' && h('span', { class: 'release-state is-live' }, t('release.live')),
      h('span', { class: `release-state is-${state}` }, t(`release.${state}`))),
    originOf(release, zone, took),
    release.error && h('p', { class: 'small release-error data' }, said(release.error)),
    h('div', { class: 'buttons small' }, ...buttons));
}
