// The live end of the log: one WebSocket that resumes where it was cut.

import { openSocket } from '../api.js';
import { WithinMs } from './older.js';

const BackOffMs = [1000, 2000, 4000, 8000, 10_000];
/** The server speaks every 15 s; after this long it is taken for dead. */
const SilenceMs = 40_000;

/**
 * @typedef {object} TailListener
 * @property {(frame: Frame) => void} frame what arrived, in order
 * @property {() => void} open
 * @property {(since: number) => void} lost the connection broke; told again at each failed try
 */

export class Tail {
  /** @param {TailListener} listener */
  constructor(listener) {
    this.listener = listener;
    /** @type {WebSocket | null} */
    this.socket = null;
    this.scope = { q: '', tz: '' };
    this.last = 0;
    /** How far we have read: what a new connection resumes behind. -1: nowhere yet; 0: nothing was there. */
    this.seq = -1;
    this.tries = 0;
    this.lostAt = 0;
    this.retry = 0;
    this.watchdog = 0;
    addEventListener('online', () => this.retryNow());
  }

  /**
   * Starts anew: the newest `last` matches, then what arrives.
   * @param {{q: string, tz: string}} scope
   * @param {number} last
   */
  start({ q, tz }, last) {
    this.stop();
    this.scope = { q, tz };
    this.last = last;
    this.seq = -1;
    this.connect();
  }

  /**
   * Starts with what arrives behind a Seq.
   * @param {{q: string, tz: string}} scope
   * @param {number} seq
   */
  resume({ q, tz }, seq) {
    this.stop();
    this.scope = { q, tz };
    this.seq = seq;
    this.connect();
  }

  stop() {
    clearTimeout(this.retry);
    clearTimeout(this.watchdog);
    this.retry = 0;
    this.tries = 0;
    this.lostAt = 0;
    this.drop();
  }

  /** Tries again at once if it was waiting to. */
  retryNow() {
    if (this.retry === 0) return;
    clearTimeout(this.retry);
    this.connect();
  }

  connect() {
    this.retry = 0;
    const params = { ...this.scope, sample: 1, ...(this.seq >= 0 ? { after: this.seq } : { last: this.last, within_ms: WithinMs }) };
    const socket = openSocket('tail', params);
    this.socket = socket;
    // The first status tells where the log ends, not how far we have read.
    let first = true;
    socket.onmessage = (event) => {
      this.listenFor();
      const frame = /** @type {Frame} */ (JSON.parse(event.data));
      // A server that refuses is asked again more and more slowly.
      if (frame.type !== 'error' && (this.lostAt > 0 || first)) this.opened();
      if (frame.type === 'entries' || frame.type === 'sample' || (frame.type === 'status' && !first)) {
        this.seq = Math.max(this.seq, frame.seq);
      }
      if (frame.type === 'dropped') this.seq = Math.max(this.seq, frame.to_seq);
      first = false;
      this.listener.frame(frame);
    };
    socket.onclose = () => {
      if (this.socket === socket) this.lost();
    };
    this.listenFor();
  }

  opened() {
    this.tries = 0;
    this.lostAt = 0;
    this.listener.open();
  }

  lost() {
    this.drop();
    clearTimeout(this.watchdog);
    if (this.lostAt === 0) this.lostAt = Date.now();
    const wait = BackOffMs[Math.min(this.tries, BackOffMs.length - 1)];
    this.tries++;
    // Spread, so that a hundred pages do not all come back in one instant.
    this.retry = setTimeout(() => this.connect(), wait * (0.8 + 0.2 * Math.random()));
    this.listener.lost(this.lostAt);
  }

  listenFor() {
    clearTimeout(this.watchdog);
    this.watchdog = setTimeout(() => this.lost(), SilenceMs);
  }

  drop() {
    const socket = this.socket;
    this.socket = null;
    if (!socket) return;
    socket.onmessage = null;
    socket.onclose = null;
    socket.close();
  }
}
