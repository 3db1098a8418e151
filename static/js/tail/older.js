// What comes before the first entry of the list: it is asked for in pieces, and
// a search that takes long says how far it is.

import { ReadCap } from '../list/buffer.js';

const OlderEntries = 500;
/** How long the server looks before it says how far it is, in ms. */
export const WithinMs = 400;

export class Older {
  /** @param {import('./feed.js').Feed} feed */
  constructor(feed) {
    this.feed = feed;
    this.loading = false;
    /** Nothing older matches. */
    this.complete = false;
    /** The cursor from where the search goes on; '' if that is before the first entry. */
    this.next = '';
    /** Which run this is: what an earlier one was answered is not wanted any more. */
    this.run = 0;
  }

  /** The list has let go of its beginning. */
  cut() {
    this.stop();
    this.complete = false;
    this.next = '';
  }

  /** There is nothing older. */
  end() {
    this.stop();
    this.complete = true;
    this.feed.onOlder();
  }

  stop() {
    this.run++;
    this.loading = false;
    this.feed.store.set({ scannedTo: '' });
  }

  /**
   * Goes on behind the answer that the list begins with. If that took too long,
   * it looks on by itself.
   * @param {{next?: string, reached?: string}} answer
   * @param {number} missing how many entries are wanted still
   */
  begin(answer, missing) {
    this.take(answer);
    // Where nothing is, that is known sooner than it is seen.
    if (answer.reached && this.feed.store.state.matched === 0) this.end();
    else if (answer.reached) void this.load(missing);
  }

  /** @param {{next?: string, reached?: string}} answer */
  take({ next = '', reached = '' }) {
    this.complete = next === '';
    this.next = reached === '' ? '' : next;
    this.feed.store.set({ scannedTo: reached });
  }

  /** @param {number} [missing] how many entries are wanted */
  async load(missing = OlderEntries) {
    const { buffer, list, store } = this.feed;
    if (this.loading || this.complete || (buffer.length === 0 && this.next === '')) return;
    const run = ++this.run;
    this.loading = true;
    this.feed.onOlder();
    do {
      /** @type {Record<string, string>} */
      const from = this.next === '' ? { before: String(buffer.firstSeq) } : { cursor: this.next };
      const limit = Math.max(1, Math.min(missing, OlderEntries));
      const result = await this.feed.ask({ ...from, limit: String(limit), within_ms: String(WithinMs) });
      if (run !== this.run) return;
      if (!result) break; // the store says why
      missing -= result.entries.length;
      this.take(result);
      list.shifted(buffer.prepend(result.entries.reverse()));
      store.set({ shown: buffer.length });
    } while (this.next !== '' && missing > 0 && buffer.length < ReadCap);
    this.loading = false;
    store.set({ scannedTo: '' });
    this.feed.onOlder();
  }
}
