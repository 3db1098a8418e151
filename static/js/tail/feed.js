// What fills the list: the live end, older entries on demand, and the gaps.

import { Problem, goToLogin, request } from '../api.js';
import { said } from '../said.js';
import { FirstImported, FollowCap, ReadCap } from '../list/buffer.js';
import { ownTerms } from '../search/query.js';
import { scopeParams } from '../search/scope.js';
import { isErrorItem } from '../severity.js';
import { Older, WithinMs } from './older.js';
import { Resumed } from './resumed.js';
import { Sample } from './sample.js';
import { Tail } from './tail.js';

const FirstEntries = 200;
/** How many more are asked for at once behind the last entry. */
const NewerEntries = 500;
const GapEntries = 1000;
/** On each side of the entry that a link leads to. */
const AroundEntries = 200;

export class Feed {
  /**
   * @param {import('../store.js').Store} store
   * @param {import('../list/buffer.js').Buffer} buffer
   */
  constructor(store, buffer) {
    this.store = store;
    this.buffer = buffer;
    /** Told what has just arrived. @type {((items: Item[]) => void)[]} */
    this.fresh = [];
    /** Set by the wiring, before start. @type {import('../list/list.js').List} */
    this.list = /** @type {any} */ (null);
    this.tail = new Tail({
      frame: (frame) => this.take(frame),
      open: () => {
        if (this.store.state.lostAt > 0) this.resumed.begin(Date.now() - this.store.state.lostAt);
        this.store.set({ lostAt: 0, trouble: '' });
      },
      lost: (since) => this.lost(since),
    });
    this.older = new Older(this);
    this.resumed = new Resumed();
    this.sample = new Sample(store);
    /** Cancels what was asked for an older scope. */
    this.abort = new AbortController();
    /** Why it is paused: what scrolling has paused, scrolling resumes. */
    this.pausedByScroll = false;
    /** The list's first entries are there. */
    this.begun = false;
    /** So much was read while paused that the tail was closed. */
    this.halted = false;
    /** There is more behind the last entry than was loaded, and no tail yet. */
    this.newerLeft = false;
    this.loadingNewer = false;
  }

  /** Whether less is asked for than everything. */
  get scoped() {
    const { q, instances, range } = this.store.state;
    return q !== '' || instances.length > 0 || range !== '';
  }

  /** Shows the scope that the store holds now, from its newest entry on. */
  start() {
    this.abort.abort();
    this.abort = new AbortController();
    this.tail.stop();
    this.buffer.clear();
    this.older.cut();
    this.begun = false;
    this.halted = false;
    this.newerLeft = false;
    this.loadingNewer = false;
    this.resumed.end();
    this.sample.over();
    this.sample.forget(0);
    const { link } = this.store.state;
    this.store.set({ link: 0, linkTrouble: '' });
    const live = this.store.state.range === '';
    this.list.follow = true;
    this.list.release();
    this.list.rebuild();
    this.store.set({
      loading: true, following: live, shown: 0, newEntries: 0, newErrors: 0, matched: -1, lostAt: 0, trouble: '',
    });
    void this.count();
    if (link > 0) void this.loadAround(link);
    else if (live) this.tail.start(scopeParams(this.store.state), FirstEntries);
    else void this.loadRange();
  }

  async loadRange() {
    const result = await this.ask({ limit: String(FirstEntries), within_ms: String(WithinMs) });
    if (!result) return;
    this.buffer.prepend(result.entries.reverse());
    this.begun = true;
    this.list.draw();
    this.list.follow = false;
    this.store.set({ loading: false, shown: this.buffer.length, terms: this.termsOf(result.terms) });
    this.older.begin(result, FirstEntries - result.entries.length);
  }

  /**
   * Shows the entry of a link among its neighbours of the same search, held
   * still.
   * @param {number} seq
   */
  async loadAround(seq) {
    this.pausedByScroll = false;
    this.list.follow = false;
    this.store.set({ following: false });
    const limit = String(AroundEntries);
    const { signal } = this.abort;
    const [older, newer] = await Promise.all([
      this.ask({ before: String(seq + 1), limit, within_ms: String(WithinMs) }), this.ask({ after: String(seq), order: 'asc', limit }),
    ]);
    if (!older || !newer) return;
    this.buffer.append([...older.entries.reverse(), ...newer.entries]);
    this.begun = true;
    this.list.hold();
    this.readTo(newer.next, seq);
    this.store.set({ loading: false, shown: this.buffer.length, terms: this.termsOf(older.terms) });
    this.older.begin(older, AroundEntries - older.entries.length);
    const index = this.buffer.indexOf(seq);
    if (index >= 0) {
      this.store.set({ selected: seq });
      this.list.select(seq);
      this.list.center(index);
      return;
    }
    const nearest = this.buffer.items.findIndex((item) => !('gap' in item) && item.seq > seq);
    this.list.center(nearest < 0 ? this.buffer.length - 1 : nearest);
    const linkTrouble = await this.whyMissing(seq);
    if (!signal.aborted) this.store.set({ linkTrouble, linkMissed: seq });
  }

  /**
   * @param {number} seq
   * @returns {Promise<'unmatched' | 'gone' | ''>}
   */
  async whyMissing(seq) {
    try {
      await request(`entries/${seq}`);
      return 'unmatched';
    } catch (err) {
      return err instanceof Problem && err.status === 404 ? 'gone' : '';
    }
  }

  /**
   * What follows when newer entries have been asked for: more of them, or the
   * tail from where they end.
   * @param {string} next
   * @param {number} seq how far has been read at least
   */
  readTo(next, seq) {
    this.newerLeft = next !== '';
    if (!this.newerLeft && this.store.state.range === '') this.tail.resume(scopeParams(this.store.state), this.arrivedTo(seq));
  }

  /**
   * How far what has arrived is here, at least up to an entry that was asked for.
   * @param {number} seq
   */
  arrivedTo(seq) {
    const last = this.buffer.lastArrived;
    return last === 0 || seq >= FirstImported ? last || seq : Math.max(seq, last);
  }

  /** Loads what came after the last entry, until the live end is reached. */
  async loadNewer() {
    if (!this.newerLeft || this.loadingNewer || this.buffer.length >= ReadCap) return;
    this.loadingNewer = true;
    const { signal } = this.abort;
    const last = this.buffer.lastSeq;
    const result = await this.ask({ after: String(last), order: 'asc', limit: String(NewerEntries) });
    if (signal.aborted) return; // the list shows something else now
    this.loadingNewer = false;
    if (!result) return;
    this.buffer.append(result.entries);
    this.list.hold();
    this.readTo(result.next, last);
    this.store.set({ shown: this.buffer.length });
  }

  /** @param {Frame} frame */
  take(frame) {
    this.resumed.take(frame);
    switch (frame.type) {
      case 'status':
        if (frame.terms) this.store.set({ terms: this.termsOf(frame.terms) });
        break;
      case 'entries':
        if (frame.entries.length > 0 && this.store.state.sampleRate > 0) this.sample.over();
        this.addFrame(frame);
        break;
      case 'sample':
        this.addSample(frame);
        break;
      case 'dropped':
        this.add([{ gap: true, count: frame.count, from_seq: frame.from_seq, to_seq: frame.to_seq, upTo: this.scoped }]);
        break;
      case 'error':
        if (frame.status === 401) void this.whoAmI();
        // What one sees is another now; what is on the page may not be seen any more.
        if (frame.status === 403) location.reload();
        this.store.set({ trouble: said(frame.detail), loading: false });
        break;
    }
  }

  /** Goes to the login page, unless only this socket is of a session that has ended. */
  async whoAmI() {
    try {
      await request('me');
    } catch (err) {
      if (err instanceof Problem && err.status === 401) goToLogin();
    }
  }

  /** @param {EntriesFrame} frame */
  addFrame(frame) {
    const { begun } = this;
    this.begun = true;
    this.add(frame.entries);
    this.store.set({ loading: false });
    if (begun) return;
    // The first frame has the newest: fewer than asked for are all there are, unless it says so.
    if (frame.next) this.older.begin(frame, FirstEntries - frame.entries.length);
    else if (frame.entries.length < FirstEntries) this.older.end();
  }

  /** @param {Item[]} items */
  add(items) {
    const first = this.buffer.length === 0;
    const fresh = this.buffer.append(items);
    if (fresh.length === 0) return;
    const { state } = this.store;
    const live = !state.loading;
    if (state.following) {
      this.forget(this.buffer.trim(FollowCap));
    } else {
      this.store.set({
        newEntries: state.newEntries + fresh.filter((item) => !('gap' in item)).length,
        newErrors: state.newErrors + fresh.filter(isErrorItem).length,
      });
    }
    const start = fresh[0];
    if (live && !first && !('gap' in start)) this.list.fresh.arrived(start.seq, fresh.length);
    if (live) for (const told of this.fresh) told(fresh);
    if (live && state.matched >= 0) {
      this.store.set({ matched: state.matched + fresh.filter((item) => !('gap' in item)).length });
    }
    this.store.set({ shown: this.buffer.length });
    this.list.render();
    if (this.buffer.length >= ReadCap && !state.following) {
      // Nothing is lost: going live again starts at the newest, and what lies
      // between is history.
      this.halted = true;
      this.tail.stop();
    }
  }

  /**
   * Some of what has arrived: too much to read. The counts are of all.
   * @param {SampleFrame} frame
   */
  addSample({ entries, count, error_count: errors, seq }) {
    const { following, newEntries, newErrors, matched } = this.store.state;
    const fresh = this.buffer.append(entries);
    this.sample.take(count, entries.length, seq);
    // What counts what arrives has to ask for the rest.
    for (const told of this.fresh) told([...fresh, { gap: true, count: count - entries.length, from_seq: seq, to_seq: seq }]);
    if (following) this.forget(this.buffer.trim(FollowCap));
    else this.store.set({ newEntries: newEntries + count, newErrors: newErrors + errors });
    this.store.set({ shown: this.buffer.length, loading: false, ...(matched >= 0 && { matched: matched + count }) });
    this.list.render();
  }

  /** Shows all that came around what is seen, held still. */
  showAll() {
    const item = this.buffer.items[this.list.lastVisible()];
    const seq = this.store.state.selected || (item && !('gap' in item) ? item.seq : this.buffer.lastSeq);
    this.store.set({ link: seq });
    this.start();
  }

  /** @param {number} trimmed */
  forget(trimmed) {
    if (trimmed === 0) return;
    this.older.cut();
    this.sample.forget(this.buffer.firstArrived);
  }

  /**
   * Stops moving. What arrives is added below, out of sight.
   * @param {'scroll' | 'hand'} by
   */
  pause(by) {
    if (!this.store.state.following) {
      if (by === 'hand') this.pausedByScroll = false;
      return;
    }
    this.pausedByScroll = by === 'scroll';
    this.list.follow = false;
    this.list.hold();
    this.store.set({ following: false, newEntries: 0, newErrors: 0 });
  }

  /** Goes to the newest entry and moves with it. */
  resume() {
    if (this.store.state.range !== '') {
      this.store.set({ range: '', from: '', to: '' });
      return;
    }
    if (this.halted || this.newerLeft) {
      this.start();
      return;
    }
    this.forget(this.buffer.trim(FollowCap));
    this.list.follow = true;
    this.list.release();
    this.list.draw();
    this.store.set({ following: true, newEntries: 0, newErrors: 0, shown: this.buffer.length, linkTrouble: '' });
  }

  toggle() {
    if (this.store.state.following) this.pause('hand');
    else this.resume();
  }

  /** Somebody has scrolled down to the newest entry that is shown. */
  reachedEnd() {
    if (this.newerLeft) {
      void this.loadNewer();
      return;
    }
    if (this.store.state.range !== '' || this.store.state.following) return;
    if (this.pausedByScroll) {
      this.resume();
      return;
    }
    this.list.hold();
    this.store.set({ newEntries: 0, newErrors: 0 });
  }

  async loadOlder() {
    if (this.store.state.following || this.buffer.length >= ReadCap) return;
    await this.older.load();
  }

  /** Told when loading older entries begins and ends. */
  onOlder() {}

  /** @param {Gap} gap */
  async loadGap(gap) {
    if (gap.loading) return;
    this.pause('hand');
    gap.loading = true;
    this.list.render();
    const { signal } = this.abort;
    const result = await this.ask({
      after: String(gap.from_seq - 1), before: String(gap.to_seq + 1), order: 'asc', limit: String(GapEntries),
    });
    if (signal.aborted) return; // the list shows something else now
    gap.loading = false;
    if (result) this.buffer.fill(gap, result.entries, result.next !== '');
    if (!this.store.state.following) this.list.hold();
    this.store.set({ shown: this.buffer.length });
    this.list.render();
  }

  /**
   * Searches in the present scope; null if that is not the scope any more, or
   * if there is trouble, which the store then holds.
   * @param {Record<string, string>} params
   * @returns {Promise<SearchResult | null>}
   */
  async ask(params) {
    const { signal } = this.abort;
    try {
      return await request('search', { params: { ...scopeParams(this.store.state), ...params }, signal });
    } catch (err) {
      if (signal.aborted) return null;
      if (err instanceof Problem && err.status === 401) goToLogin();
      this.store.set({ loading: false, trouble: err instanceof Error ? err.message : String(err) });
      return null;
    }
  }

  async count() {
    const { signal } = this.abort;
    try {
      const { count, took_ms } = await request('count', { params: scopeParams(this.store.state), signal });
      if (signal.aborted) return;
      this.store.set({ matched: count, tookMs: took_ms ?? 0 });
      if (count !== 0) return;
      this.store.set({ loading: false });
      if (this.older.loading) this.older.end();
    } catch {
      // The number is a comfort; the list itself reports trouble.
    }
  }

  /** @param {number} since */
  async lost(since) {
    this.store.set({ lostAt: since });
    try {
      await request('me');
    } catch (err) {
      if (err instanceof Problem && err.status === 401) goToLogin();
    }
  }

  /** @param {Term[] | null | undefined} terms */
  termsOf(terms) {
    return ownTerms(terms ?? [], this.store.state.instances, this.store.state.q);
  }
}
