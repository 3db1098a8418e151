package index

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tagtail/tagtail/index/internal/block"
	"github.com/tagtail/tagtail/index/internal/blockindex"
	"github.com/tagtail/tagtail/index/internal/journal"
)

// ErrClosed is returned by a Store that is closed.
var ErrClosed = errors.New("store is closed")

// seqReserve is how many numbers are left out after a power cut: more than can
// have been given out, and seen, in the time between two syncs, and more than
// heads have room for, which is what is not in blocks without any.
const seqReserve = 1 << 24

// openIndexes is how many days' word indexes are open at once: each takes a few
// files and goroutines.
const openIndexes = 32

// Store keeps entries in a folder:
//
//	LOCK                                    who has the folder open
//	journal/NUMBER.journal                  what is not in blocks yet
//	imports/NAME.json                       how far an import has come
//	days/2026-11-22/FIRST-LAST-NAME.block   the entries of an instance
//	days/2026-11-22/FIRST-LAST-NAME.filter  derived: the ids in the block
//	days/2026-11-22/NUMBER.filters          derived: the ids in each of some blocks
//	days/2026-11-22/bleve-3/                derived: the words in the day's blocks
//
// Its methods may be called from any goroutine. Store.mu may be held when
// ring.mu or the journal's own lock is taken; a day's locks and Store.mu are
// never held together.
type Store struct {
	cfg      Config // immutable after Open, like all up to mu
	lock     *dirLock
	codec    *block.Codec
	journal  *journal.Journal
	ring     *ring
	done     chan struct{} // closed by Close
	warm     chan struct{} // closed by Run, once
	warmOnce sync.Once
	sealWake chan struct{} // has one if a head has become pending
	slots    chan struct{} // has one for each search that runs
	leases   leases        // has one for each call that reads blocks it has listed
	indexes  *blockindex.Pool
	keeping  chan struct{}      // has one while somebody changes blocks that are there
	numbered map[int64]numbered // by day; keeping guards it
	filters  *filterCache
	tokens   sync.Pool // of *tokens
	frames   sync.Pool // of *[]byte, for Append
	files    sync.Pool // of *[]byte, for blocks
	pages    sync.Pool // of *[]byte, for filters
	trouble  trouble
	counters counters

	purges       atomic.Pointer[[]purge] // what was deleted since Open
	resumed      *PurgeReport            // immutable after Open
	replayPurged uint64                  // entries of the journal that Open has left out; not used after it

	rebuilding sync.Mutex   // held while a filter is made again; taken before mu
	moving     sync.RWMutex // held for reading while a block's file is opened; taken after rebuilding
	placing    sync.Mutex   // guards where filters are; taken after all others

	syncReport, sealReport, indexReport, keepReport, blockReport throttle

	mu        sync.Mutex
	lastSeq   uint64
	heads     map[headKey]*head
	lastHead  *head     // the one that was added to last
	pending   []*head   // full heads, until their blocks are there; those that failed come last
	sealEnd   sync.Cond // of mu: a head that was sealed, or not, has become so
	retrySeal time.Time // when a head is tried again, after one failed
	days      map[int64]*day
	remains   []remains // blocks that are gone, but for searches under way
	instances map[string]*instanceState
	closed    bool
	inUse     sync.WaitGroup // calls that Close waits for
}

// Open makes or opens the store in cfg.Dir: it reads the headers of the blocks
// and replays the journal. What is damaged is reported to the logger and
// counted; the rest is served.
func Open(cfg Config) (*Store, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	codec, err := block.NewCodec()
	if err != nil {
		return nil, err
	}
	lock, err := lockDir(cfg.Dir, cfg.bootID())
	if err != nil {
		return nil, err
	}
	s := &Store{
		cfg: cfg, lock: lock, codec: codec,
		done: make(chan struct{}), warm: make(chan struct{}), sealWake: make(chan struct{}, 1), slots: make(chan struct{}, max(2, runtime.GOMAXPROCS(0))),
		indexes: blockindex.NewPool(openIndexes), keeping: make(chan struct{}, 1),
		heads: make(map[headKey]*head), days: make(map[int64]*day), instances: make(map[string]*instanceState),
	}
	s.sealEnd.L = &s.mu
	s.filters = newFilterCache(cfg.FilterBytes)
	s.tokens.New = func() any { return newTokens(cfg.WordsPerBlock) }
	s.frames.New = func() any { return new([]byte) }
	s.files.New = func() any { return new([]byte) }
	s.pages.New = func() any { return new([]byte) }
	if p, e := readPurge(cfg.Dir); e == nil && p != nil {
		s.purges.Store(&[]purge{*p})
	}
	if err = settleImports(cfg.Dir); err == nil {
		err = s.openDays()
	}
	if err == nil {
		s.prefetchWords()
		err = s.openJournal()
	}
	if err == nil {
		err = block.SyncDir(cfg.Dir) // the names of the folders in it
	}
	if err == nil {
		// The name of the new segment is what keeps the numbers that a power
		// cut took from being given out again, at this start and the next.
		err = s.journal.Sync(context.Background())
	}
	if err == nil {
		err = lock.own()
	}
	if err != nil {
		if s.journal != nil {
			err = errors.Join(err, s.journal.Close())
		}
		return nil, errors.Join(fmt.Errorf("open data folder %s: %w", cfg.Dir, err), lock.release(false))
	}
	s.ring = newRing(cfg.RingEntries, s.lastSeq)
	if s.resumed, err = s.resumePurge(context.Background()); err != nil {
		s.resumed = nil
		s.cfg.Logger.Error("purge cannot be finished: trying again at the next start", slog.Any("err", err))
	}
	return s, nil
}

// openJournal puts what is in no block yet into heads, and settles the next
// Seq: above every one that can have been given out.
func (s *Store) openJournal() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	dir := filepath.Join(s.cfg.Dir, "journal")
	if named := journal.LastName(dir); named > 0 {
		s.lastSeq = max(s.lastSeq, named-1)
	}
	sealed := s.sealedRangesLocked()
	replayed := uint64(0)
	replay := func(first uint64, payload []byte) (uint64, error) {
		entries, err := decodeRecord(first, payload)
		if errors.Is(err, errNewer) {
			return 0, journal.Stop(err)
		}
		if err != nil {
			return 0, err
		}
		for i := range entries {
			e := &entries[i]
			if e.Seq <= replayed { // the same frame twice
				continue
			}
			replayed = e.Seq
			if s.purged(e) { // its segment goes with the purge
				if !sealed.has(keyOf(e), e.Seq) {
					s.replayPurged++
				}
				continue
			}
			if !sealed.has(keyOf(e), e.Seq) {
				s.replayLocked(e, sealed)
			}
		}
		return entries[len(entries)-1].Seq, nil
	}
	next := func(damage []journal.Damage) uint64 {
		s.lastSeq = max(s.lastSeq, replayed)
		for _, d := range damage {
			// No entry takes less than a byte: so many numbers are lost at most.
			s.lastSeq += uint64(d.Bytes)
		}
		if s.lock.powerCut {
			s.lastSeq += seqReserve
		}
		return s.lastSeq + 1
	}
	var damage []journal.Damage
	var err error
	s.journal, damage, err = journal.Open(journal.Config{Dir: dir, SegmentBytes: s.cfg.SegmentBytes, Create: s.cfg.createFile}, replay, next)
	for _, d := range damage {
		s.counters.damagedFrames.Add(1)
		s.cfg.Logger.Error("journal is damaged", slog.String("file", d.Path), slog.Int64("offset", d.Offset),
			slog.Int64("bytes", d.Bytes), slog.Bool("torn", d.Torn), slog.Any("err", d.Err))
	}
	if err != nil {
		return err
	}
	if err := s.journal.Remove(s.firstUnsealedLocked()); err != nil {
		s.cfg.Logger.Warn("journal segment stays", slog.Any("err", err))
	}
	return nil
}

// replayLocked puts e into a head. The head's block may not close around a
// block that is there already, or the next replay would take the runs of the
// two for one and the same: a head from before such a block is retired.
func (s *Store) replayLocked(e *Entry, sealed sealedRanges) {
	key := keyOf(e)
	if h := s.heads[key]; h != nil {
		newest := h.last()
		if sealed.begun(key, newest) != sealed.begun(key, e.Seq) {
			s.retireHeadLocked(h)
		}
	}
	s.addToHeadLocked(e, s.cfg.now())
	s.instanceLocked(e.Instance).keep(e)
}

// Run seals full and old heads, syncs the journal, and merges and expires
// blocks, until ctx ends. A store works without it, but then only Append seals,
// and only when it must.
func (s *Store) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	wg.Go(func() { s.runSealer(ctx) })
	wg.Go(func() { s.runSyncer(ctx) })
	wg.Go(func() { s.runKeeper(ctx) })
	wg.Go(func() { s.warmUp(ctx) })
	wg.Wait()
	return nil
}

// LastSeq is the highest number that was given out, 0 if none was: every entry
// has this Seq or a lower one, and the next gets a higher one. After a power cut
// or an error of Append no entry has it.
func (s *Store) LastSeq() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lastSeq
}

// begin keeps Close waiting until inUse.Done is called.
func (s *Store) begin() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return ErrClosed
	}
	s.inUse.Add(1)
	return nil
}
