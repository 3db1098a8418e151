// What an order would change, before it is placed.

import { h } from '../dom.js';
import { said } from '../said.js';
import { t } from '../strings.js';
import { diffView } from './diff.js';

/**
 * @param {Preview} preview
 * @returns {HTMLElement}
 */
export function previewView(preview) {
  const { added, changed, removed, config, code, warnings } = preview;
  const files = added.length + changed.length + removed.length;
  const facts = [
    changed.length > 0 && t('preview.changed', { n: changed.length }),
    added.length > 0 && t('preview.added', { n: added.length }),
    removed.length > 0 && t('preview.removed', { n: removed.length }),
    preview.reload && t('preview.reload'),
  ].filter((fact) => fact !== false);
  return h('div', { class: 'preview' },
    ...warnings.map((warning) => h('p', { class: 'warn' }, said(warning))),
    files === 0 && config === '' && h('p', { class: 'quiet' }, t('preview.nothing')),
    facts.length > 0 && h('p', { class: 'small' }, facts.join(' · ')),
    config !== '' && diffView(config),
    code !== '' && diffView(code),
    code === '' && files > 0 && fileList(preview));
}

/** The names, where the text cannot be shown. @param {Preview} preview */
function fileList({ added, changed, removed }) {
  /** @param {string} sign @param {string[]} names */
  const lines = (sign, names) => names.map((name) => `${sign} ${name}`);
  return diffView([...lines(' ', changed), ...lines('+', added), ...lines('-', removed)].join('\n'));
}
