package file

import (
	"bytes"
	"container/list"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"path"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tagtail/tagtail/index"
	"github.com/tagtail/tagtail/ingest/syslog"
)

// ErrClosed says that a Follower was closed, or is running already.
var ErrClosed = errors.New("follower is closed or running")

// notifier tells which files may have changed.
type notifier interface {
	// watch asks for the changes in a folder.
	watch(dir string) error
	// wake has a token if there may be changes.
	wake() <-chan struct{}
	// take returns the paths that changed since it was last called, with true
	// for new names, or everything if there were too many.
	take() (paths map[string]bool, everything bool)
	close() error
}

// Follower reads files as they grow and gives their entries to a Sink. All
// fields but the counters belong to the goroutine that runs it.
type Follower struct {
	cfg     Config
	sink    Sink
	sources []*source
	state   *state
	notify  notifier // nil: only polling

	tracked map[string]*tracked // by path
	byDir   map[string][]*tracked
	dirty   map[*tracked]struct{} // to be looked at
	waiting map[*tracked]struct{} // have something that time will settle
	open    *list.List            // of *generation, the latest used first
	opened  map[*generation]*list.Element
	pending int // bytes of all pending messages

	buf   []byte // of reads
	work  []byte // pending and what was read
	batch []index.Entry
	arena syslog.Arena

	lastScan, nextScan, nextPoll, nextMark time.Time
	reported                               map[string]time.Time

	counters counters

	mu     sync.Mutex
	cancel context.CancelFunc // nil before Run
	done   chan struct{}
	closed bool
}

type counters struct{ entries, refused, files, lost atomic.Uint64 }

// Stats are a Follower's counters since it was opened.
type Stats struct {
	// Entries were taken by the Sink. Refused is how often it took none, and
	// got the same again later. Files are followed now. Lost files were gone
	// before they were read to their end.
	Entries, Refused, Files, Lost uint64
}

// tracked is a path that is followed.
type tracked struct {
	match   match
	source  *source
	labels  labels
	gens    []*generation // oldest first; the last is what the path names, or named
	past    []savedPrint  // done with, oldest first
	gone    bool          // the path names nothing that can be read
	refused bool          // that was reported
	retry   time.Time     // not before; zero if the Sink took everything
}

// maxPast is how many inodes of a path are remembered, so that copies of them
// are not taken for new files.
const maxPast = 16

// Open reads the positions of cfg.StatePath and prepares to follow. The caller
// calls Run, or Close.
func Open(cfg Config, sink Sink) (*Follower, error) {
	f, err := newFollower(cfg, sink)
	if err != nil {
		return nil, err
	}
	f.notify, err = newInotify()
	if err != nil {
		f.cfg.Logger.Warn("changes of files are polled, because the kernel does not tell them", "err", err)
		f.notify = nil
	}
	return f, nil
}

func newFollower(cfg Config, sink Sink) (*Follower, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if cfg.MaxMessageBytes == 0 {
		cfg.MaxMessageBytes = defaultMaxMessage
	}
	if cfg.MaxOpen == 0 {
		cfg.MaxOpen = defaultMaxOpen
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	f := &Follower{
		cfg: cfg, sink: sink,
		tracked: map[string]*tracked{}, byDir: map[string][]*tracked{},
		dirty: map[*tracked]struct{}{}, waiting: map[*tracked]struct{}{},
		open: list.New(), opened: map[*generation]*list.Element{},
		buf: make([]byte, readBytes), batch: make([]index.Entry, 0, batchEntries),
		reported: map[string]time.Time{}, done: make(chan struct{}),
	}
	for i := range cfg.Inputs {
		s, err := compile(&cfg.Inputs[i])
		if err != nil {
			return nil, err
		}
		f.sources = append(f.sources, s)
	}
	st, records, err := openState(cfg.StatePath)
	if err != nil {
		return nil, err
	}
	f.state = st
	for _, r := range records {
		f.restore(r)
	}
	return f, nil
}

// restore continues with a path where the state left it. A path that no
// pattern has any more is forgotten.
func (f *Follower) restore(r record) {
	for _, s := range f.sources {
		m, ok := s.pattern.matches(r.Path)
		if !ok {
			continue
		}
		t := f.track(s, m)
		t.past = r.Past
		for _, g := range r.Gens {
			t.gens = append(t.gens, &generation{
				id: g.identity, rel: m.rel, pos: g.Pos, skip: g.Skip, print: g.Print, mtime: g.Mtime,
			})
		}
		return
	}
}

// track begins to follow a path.
func (f *Follower) track(s *source, m match) *tracked {
	t := &tracked{match: m, source: s, labels: labelsOf(s, m, f.cfg.Hostname)}
	dir := path.Dir(m.path)
	f.tracked[m.path] = t
	f.byDir[dir] = append(f.byDir[dir], t)
	f.dirty[t] = struct{}{}
	f.counters.files.Store(uint64(len(f.tracked)))
	return t
}

// watch asks for changes in a folder, again with each scan, since it may be a
// new one of the same name.
func (f *Follower) watch(dir string) {
	if f.notify == nil {
		return
	}
	if err := f.notify.watch(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		f.report("watch folder", dir, err)
	}
}

// Stats returns the counters.
func (f *Follower) Stats() Stats {
	return Stats{
		Entries: f.counters.entries.Load(), Refused: f.counters.refused.Load(),
		Files: f.counters.files.Load(), Lost: f.counters.lost.Load(),
	}
}

// Run follows until ctx ends or Close is called. It can be called once.
func (f *Follower) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	f.mu.Lock()
	if f.closed || f.cancel != nil {
		f.mu.Unlock()
		return ErrClosed
	}
	f.cancel = cancel
	f.mu.Unlock()
	defer close(f.done)
	var wake <-chan struct{}
	if f.notify != nil {
		wake = f.notify.wake()
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for ctx.Err() == nil {
		timer.Reset(f.step(ctx))
		select {
		case <-ctx.Done():
		case <-wake:
		case <-timer.C:
		}
	}
	// What waits is read again by the next run.
	f.checkpoint(context.WithoutCancel(ctx))
	return f.release()
}

// Close ends Run and waits for it, or frees everything if Run was never called.
func (f *Follower) Close() error {
	f.mu.Lock()
	cancel, closed := f.cancel, f.closed
	f.closed = true
	f.mu.Unlock()
	switch {
	case cancel != nil:
		cancel()
		<-f.done
		return nil
	case closed:
		return nil
	}
	return f.release()
}

func (f *Follower) release() error {
	var errs []error
	for g := range f.opened {
		errs = append(errs, f.closeFile(g))
	}
	if f.notify != nil {
		errs = append(errs, f.notify.close())
	}
	return errors.Join(append(errs, f.state.close())...)
}

// step does what there is to do now and returns how long to wait for more.
func (f *Follower) step(ctx context.Context) time.Duration {
	now := f.cfg.Now()
	f.takeChanges(now)
	if !now.Before(f.nextScan) {
		f.scan()
		f.lastScan, f.nextScan = now, now.Add(scanEvery)
	}
	for t := range f.waiting {
		f.dirty[t] = struct{}{}
	}
	// A file that has more to read is looked at again after all others.
	dirty := f.dirty
	f.dirty = map[*tracked]struct{}{}
	for t := range dirty {
		if ctx.Err() != nil {
			return 0
		}
		delete(f.waiting, t)
		f.follow(t, now)
	}
	if !now.Before(f.nextMark) {
		f.checkpoint(ctx)
		f.nextMark = now.Add(checkpointEvery)
	}
	return f.pause(now)
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func (f *Follower) pause(now time.Time) time.Duration {
	next := f.nextScan
	if f.notify == nil && f.nextPoll.Before(next) {
		next = f.nextPoll
	}
	wait := max(0, next.Sub(now))
	switch {
	case len(f.dirty) > 0:
		return 0
	case len(f.waiting) > 0:
		return min(wait, idleFlush/2)
	}
	return wait
}

// takeChanges marks what may have changed as dirty.
func (f *Follower) takeChanges(now time.Time) {
	everything := f.notify == nil && !now.Before(f.nextPoll)
	if f.notify != nil {
		var paths map[string]bool
		paths, everything = f.notify.take()
		for name, created := range paths {
			if t := f.tracked[name]; t != nil {
				f.dirty[t] = struct{}{}
				continue
			}
			if created {
				f.nextScan = earlier(f.nextScan, f.lastScan.Add(scanPause))
			}
			// It may be a rotated file that is still written to.
			for _, t := range f.byDir[path.Dir(name)] {
				f.dirty[t] = struct{}{}
			}
		}
	}
	if everything || !now.Before(f.nextScan) {
		for _, t := range f.tracked {
			f.dirty[t] = struct{}{}
		}
		f.nextPoll = now.Add(pollEvery)
	}
}

// scan finds new files and forgets those that are gone and done with.
func (f *Follower) scan() {
	for _, s := range f.sources {
		s.pattern.each(func(m match) {
			switch {
			case f.tracked[m.path] != nil:
			case len(f.tracked) >= maxFiles:
				f.report("follow file", m.path, fmt.Errorf("there are %d files already", maxFiles))
			default:
				f.track(s, m)
			}
		}, f.watch)
	}
	for name, t := range f.tracked {
		if t.gone && len(t.gens) == 0 {
			f.forget(name, t)
		}
	}
}

func (f *Follower) forget(name string, t *tracked) {
	delete(f.tracked, name)
	delete(f.dirty, t)
	delete(f.waiting, t)
	dir := path.Dir(name)
	for i, other := range f.byDir[dir] {
		if other == t {
			f.byDir[dir] = append(f.byDir[dir][:i:i], f.byDir[dir][i+1:]...)
		}
	}
	if len(f.byDir[dir]) == 0 {
		delete(f.byDir, dir)
	}
	f.counters.files.Store(uint64(len(f.tracked)))
}

// checkpoint makes the positions outlive the machine.
func (f *Follower) checkpoint(ctx context.Context) {
	if s, ok := f.sink.(Syncer); ok && f.state.marked != f.state.lines {
		if err := s.Sync(ctx); err != nil {
			f.report("sync entries", f.state.path, err)
			return
		}
	}
	if f.state.wantsRewrite() {
		records := map[string]record{}
		for name, t := range f.tracked {
			if len(t.gens) > 0 || len(t.past) > 0 {
				records[name] = t.record()
			}
		}
		if err := f.state.rewrite(records); err != nil {
			f.report("write positions", f.state.path, err)
		}
		return
	}
	if err := f.state.mark(); err != nil {
		f.report("write positions", f.state.path, err)
	}
}

func (t *tracked) record() record {
	r := record{Path: t.match.path, Past: t.past}
	for _, g := range t.gens {
		r.Gens = append(r.Gens, savedGen{identity: g.id, Pos: g.pos, Skip: g.skip, Print: g.print, Mtime: g.mtime})
	}
	return r
}

// save notes the positions of a path.
func (f *Follower) save(t *tracked) {
	if err := f.state.put(t.record()); err != nil {
		f.report("write position", t.match.path, err)
	}
}

// report logs trouble with a file, at most every 10 s for each kind.
func (f *Follower) report(doing, name string, err error) {
	now := f.cfg.Now()
	if last, ok := f.reported[doing]; ok && now.Sub(last) < 10*time.Second {
		return
	}
	f.reported[doing] = now
	f.cfg.Logger.Warn("files have trouble", "doing", doing, "file", name, "err", err)
}

// read reads what is new in g, which is open, up to readBytes, and gives it to
// the Sink. It tells whether there may be more. settled says that no more lines
// will come, last that not even the rest of one will.
func (f *Follower) read(t *tracked, g *generation, settled, last bool) (more bool, err error) {
	info, err := statFile(g.file)
	if err != nil {
		return false, fmt.Errorf("stat: %w", err)
	}
	if g.truncated(info) {
		return true, f.restart(t, g)
	}
	buf := f.buf
	if g.limit > 0 {
		buf = buf[:max(0, min(int64(len(buf)), g.limit-g.end()))]
	}
	n, err := g.file.ReadAt(buf, g.end())
	if err != nil && !errors.Is(err, io.EOF) {
		return false, fmt.Errorf("read: %w", err)
	}
	after, err := statFile(g.file)
	if err != nil {
		return false, fmt.Errorf("stat: %w", err)
	}
	if g.truncated(after) && after.size >= g.end()+int64(n) {
		// It was truncated and has outgrown the position in between: what was
		// read may be of either.
		return true, f.restart(t, g)
	}
	now := f.cfg.Now()
	if n > 0 {
		g.grew = now
		if g.end() == 0 {
			g.print = fingerprintOf(f.buf[:min(n, fingerprintBytes)])
		}
	}
	g.mtime = after.mtime
	more = n == len(f.buf) || g.limit > 0 && n == len(buf) && after.size > g.end()+int64(n)
	idle := now.Sub(g.grew) >= idleFlush || f.pending > maxPendingBytes
	return more, f.take(t, g, f.buf[:n], end{all: !more && (settled || idle), last: !more && last})
}

// restart gives out what is pending of a file that was truncated and begins it
// anew.
func (f *Follower) restart(t *tracked, g *generation) error {
	if err := f.take(t, g, nil, end{all: true, last: true}); err != nil {
		return err
	}
	t.remember(savedPrint{g.id, g.print})
	f.pending -= len(g.pending)
	g.restart()
	f.save(t)
	return nil
}

func (t *tracked) remember(p savedPrint) {
	if len(t.past) >= maxPast {
		t.past = append(t.past[:0:0], t.past[1:]...)
	}
	t.past = append(t.past, p)
}

// end says what may still come behind the bytes at hand.
type end struct{ all, last bool }

// take cuts pending and data into entries and gives them to the Sink. What
// remains is pending.
func (f *Follower) take(t *tracked, g *generation, data []byte, e end) error {
	f.work = append(append(f.work[:0], g.pending...), data...)
	c := cutter{source: t.source, max: f.cfg.MaxMessageBytes}
	received := f.cfg.Now().UTC().Round(0)
	rest, done, skip := f.work, 0, g.skip
	for {
		p := c.next(rest[done:], skip, e.all, e.last)
		if p.end == 0 {
			break
		}
		done, skip = done+p.end, p.skip
		if len(p.text) == 0 {
			continue
		}
		f.batch = f.batch[:len(f.batch)+1]
		f.fill(&f.batch[len(f.batch)-1], &t.labels, &p, received)
		if len(f.batch) == batchEntries {
			if err := f.commit(t, g, done, skip); err != nil {
				return err
			}
			rest, done = rest[done:], 0
		}
	}
	if done > 0 {
		if err := f.commit(t, g, done, skip); err != nil {
			return err
		}
	}
	f.setPending(g, rest[done:])
	g.learn()
	return nil
}

// commit gives the batch to the Sink and moves the position behind it. If the
// Sink refuses, everything from the position on is read again later.
func (f *Follower) commit(t *tracked, g *generation, bytes int, skip bool) error {
	count := len(f.batch)
	if count > 0 {
		err := f.sink.Append(f.batch)
		// What has a Seq is kept: the position waits for the Sync by itself.
		kept := f.batch[0].Seq > 0 && f.batch[count-1].Seq > 0
		clear(f.batch) // lets go of the text
		f.batch = f.batch[:0]
		if err != nil && !kept {
			f.counters.refused.Add(1)
			t.retry = f.cfg.Now().Add(retryAfter)
			return fmt.Errorf("append entries: %w", err)
		}
	}
	f.counters.entries.Add(uint64(count))
	f.setPending(g, nil)
	g.pos, g.skip = g.pos+int64(bytes), skip
	g.learn()
	f.save(t)
	return nil
}

func (f *Follower) setPending(g *generation, rest []byte) {
	f.pending += len(rest) - len(g.pending)
	if len(rest) == 0 {
		g.pending = nil
		return
	}
	g.pending = bytes.Clone(rest)
}
