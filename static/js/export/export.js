// All matches of the search as a file, with a bar that says how far it is.

import { Problem, address, goToLogin, stream } from '../api.js';
import { h, replace } from '../dom.js';
import { scopeParams } from '../search/scope.js';
import { locale, t } from '../strings.js';
import { EntryCounter } from './counter.js';
import { TooLarge, download, openTarget } from './save.js';

/** @typedef {'ndjson' | 'csv' | 'txt'} Format */

/** How often the bar is drawn, in ms. */
const DrawMs = 100;

/**
 * @param {import('../store.js').Store} store
 * @param {Format} format
 */
export async function startExport(store, format) {
  const { matched } = store.state;
  const params = { ...scopeParams(store.state), format };
  const name = `tagtail-${new Date().toISOString().slice(0, 19).replace(/[-:]/g, '')}Z.${format}`;
  const target = await openTarget(name);
  if (!target) return;
  const abort = new AbortController();
  const bar = new Bar(matched, () => abort.abort());
  try {
    const response = await stream('export', params, abort.signal);
    const counter = new EntryCounter(format);
    const reader = /** @type {ReadableStream<Uint8Array<ArrayBuffer>>} */ (response.body).getReader();
    let bytes = 0;
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      await target.write(part.value);
      counter.add(part.value);
      bytes += part.value.length;
      bar.progress(counter.entries, bytes);
    }
    await target.done(/filename="([^"]+)"/.exec(response.headers.get('Content-Disposition') ?? '')?.[1] ?? name);
    bar.end(t('export.done', { n: counter.entries, size: sizeText(bytes) }));
  } catch (err) {
    const cancelled = abort.signal.aborted;
    abort.abort();
    await target.drop().catch(() => {});
    if (cancelled) bar.close();
    else if (err instanceof TooLarge) {
      download(String(address('export', params)), name);
      bar.end(t('export.byBrowser'));
    } else {
      if (err instanceof Problem && err.status === 401) goToLogin();
      bar.end(err instanceof Problem && err.message !== '' ? err.message : t('export.broken'), true);
    }
  }
}

/** What is seen of a running export. */
class Bar {
  /**
   * @param {number} total how many entries it will be; -1 if unknown
   * @param {() => void} cancel
   */
  constructor(total, cancel) {
    this.total = total;
    this.reached = { entries: 0, bytes: 0 };
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined;
    this.text = h('span', { class: 'export-text', role: 'status' }, t('export.running', { n: 0, size: sizeText(0) }));
    this.progressBar = h('progress', { 'aria-label': t('export.label'), ...(total > 0 ? { max: total, value: 0 } : {}) });
    this.button = h('button', { type: 'button', class: 'button', click: cancel }, t('export.cancel'));
    this.element = h('div', { class: 'export' }, h('div', { class: 'export-row' }, this.text, this.button), this.progressBar);
    document.body.append(this.element);
  }

  /**
   * @param {number} entries
   * @param {number} bytes
   */
  progress(entries, bytes) {
    this.reached = { entries, bytes };
    this.timer ??= setTimeout(() => this.draw(), DrawMs);
  }

  draw() {
    this.timer = undefined;
    const { entries, bytes } = this.reached;
    this.text.textContent = t('export.running', { n: entries, size: sizeText(bytes) });
    if (this.total > 0) this.progressBar.value = Math.min(entries, this.total);
  }

  /**
   * @param {string} words
   * @param {boolean} [bad]
   */
  end(words, bad = false) {
    clearTimeout(this.timer);
    this.text.textContent = words;
    this.text.classList.toggle('bad', bad);
    this.progressBar.remove();
    replace(this.button, t('export.close'));
    this.button.addEventListener('click', () => this.close());
    if (!bad) setTimeout(() => this.close(), 6000);
  }

  close() {
    clearTimeout(this.timer);
    this.element.remove();
  }
}

/** @param {number} bytes */
function sizeText(bytes) {
  const [size, unit] = bytes < 1e6 ? [bytes / 1e3, 'kilobyte'] : bytes < 1e9 ? [bytes / 1e6, 'megabyte'] : [bytes / 1e9, 'gigabyte'];
  return new Intl.NumberFormat(locale, { style: 'unit', unit, maximumFractionDigits: 1 }).format(size);
}
