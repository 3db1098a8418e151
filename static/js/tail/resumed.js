// Says once, after the connection was lost, how much came meanwhile.

import { t } from '../strings.js';
import { toast } from '../frame/toast.js';

/** What came meanwhile is there when nothing more follows for so long, in ms. */
const QuietMs = 400;
/** How long the words stay, in ms. */
const ShownMs = 5000;

export class Resumed {
  constructor() {
    this.counting = false;
    this.count = 0;
    /** How long there was no connection, in ms. */
    this.lostMs = 0;
    /** The server's time when the connection came back. */
    this.since = Infinity;
    this.timer = 0;
  }

  /**
   * The connection is there again.
   * @param {number} lostMs how long it was not
   */
  begin(lostMs) {
    this.end();
    this.lostMs = lostMs;
    this.counting = true;
    this.count = 0;
    this.since = Infinity;
  }

  /** @param {Frame} frame */
  take(frame) {
    if (!this.counting) return;
    if (frame.type === 'status') this.since = Date.parse(frame.time);
    if (frame.type === 'sample') return this.say();
    if (frame.type === 'dropped') this.count += frame.count;
    if (frame.type === 'entries') {
      const meanwhile = frame.entries.filter((entry) => Date.parse(entry.received) <= this.since).length;
      this.count += meanwhile;
      // What is new now would otherwise put the words off for ever.
      if (meanwhile < frame.entries.length) return this.say();
    }
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.say(), QuietMs);
  }

  say() {
    this.end();
    toast(t(this.count > 0 ? 'resumed' : 'resumed.nothing', { n: this.count, s: Math.round(this.lostMs / 1000) }), ShownMs);
  }

  end() {
    clearTimeout(this.timer);
    this.counting = false;
  }
}
