// What an entry's message says, as the server reads it when it is asked.

import { request } from '../api.js';
import { valueButton } from './value.js';
import { h, replace } from '../dom.js';
import { t } from '../strings.js';

/** A traceback may be endless; its rest is in the message above. */
const MostPlaces = 12;

/** In the order in which they are shown. */
const fields = /** @type {const} */ ([
  'kind', 'file', 'client', 'method', 'path', 'status', 'bytes', 'took', 'upstream_took', 'upstream', 'server', 'http_host', 'referer',
  'ua', 'req', 'conn', 'context',
]);

export class ContentView {
  /** @param {import('../store.js').Store} store */
  constructor(store) {
    this.store = store;
    this.element = h('dl', { class: 'fields said' });
    this.seq = 0;
    /** @type {AbortController | null} */
    this.loading = null;
  }

  /**
   * The list for this entry. It is empty until the server has answered, and
   * stays so if it does not: the message itself is there to be read.
   * @param {Entry} entry
   */
  show(entry) {
    if (entry.seq !== this.seq) {
      this.seq = entry.seq;
      replace(this.element);
      this.loading?.abort();
      this.loading = new AbortController();
      request(`entries/${entry.seq}`, { signal: this.loading.signal }).then((answer) => {
        if (answer.seq === this.seq) replace(this.element, ...this.rows(answer.content));
      }, () => {});
    }
    return this.element;
  }

  /**
   * @param {Content} content
   * @returns {HTMLElement[]}
   */
  rows(content) {
    return fields.flatMap((key) => {
      const values = key === 'file' ? places(content) : [content[key]].filter((value) => value !== undefined);
      if (values.length === 0) return [];
      const unit = key === 'took' || key === 'upstream_took' ? ' s' : '';
      return [
        h('dt', {}, t(`said.${key}`)),
        h('dd', {}, ...values.map((value) => valueButton(key, String(value), value + unit, this.store))),
      ];
    });
  }
}

/**
 * The places in the source, each once: main.lua:12.
 * @param {Content} content
 * @returns {string[]}
 */
function places(content) {
  const all = content.locations ?? (content.file ? [{ file: content.file, line: content.line }] : []);
  return [...new Set(all.map(({ file, line }) => (line ? `${file}:${line}` : file)))].slice(0, MostPlaces);
}
