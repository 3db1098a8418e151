// What changed an instance's code or configuration: the lines in the chart, and
// the entries that tell of them.

import { t } from '../strings.js';

/** The MSGIDs of the server's own entries about what runs. */
const events = ['DEPLOY', 'CONFIG', 'ROLLBACK', 'SIGNAL'];

/** @typedef {{at: number, failed: boolean, text: string}} Mark at is in ms since the epoch */

/**
 * Whether the server itself tells of a change to what runs: no sender can set
 * the format.
 * @param {Item} item
 */
export function isDeploy(item) {
  return !('gap' in item) && item.format === 'own' && events.includes(item.msg_id ?? '');
}

/**
 * A parameter of the entry's SD-ELEMENT, '' if it has none: RFC 5424, section 6.3.3.
 * @param {Entry} entry
 * @param {string} name
 */
export function deployParam(entry, name) {
  const found = new RegExp(` ${name}="((?:[^"\\\\\\]]|\\\\.)*)"`).exec(entry.structured_data ?? '');
  return found ? found[1].replace(/\\(["\\\]])/g, '$1') : '';
}

/**
 * The mark of an entry that has just arrived; null for what starts or stops
 * a process only.
 * @param {Item} item
 * @returns {Mark | null}
 */
export function markOf(item) {
  if ('gap' in item || !isDeploy(item) || item.msg_id === 'SIGNAL') return null;
  const subject = deployParam(item, 'subject');
  return {
    at: Date.parse(item.received), failed: deployParam(item, 'result') === 'failed' || item.severity === 'err',
    text: subject === '' ? item.message : `${item.message} · ${subject}`,
  };
}

/**
 * @param {DeployMark} deploy as the server's histogram has it
 * @returns {Mark}
 */
export function markFrom({ instance, number, time, kind, result, by, sha, subject }) {
  const parts = [t(`deploy.${kind}`, { number, instance }), sha.slice(0, 7), subject, by, result === 'failed' && t('deploy.failed')];
  return { at: Date.parse(time), failed: result === 'failed', text: parts.filter(Boolean).join(' · ') };
}
