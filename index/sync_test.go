package index

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tagtail/tagtail/index/internal/block"
	"github.com/tagtail/tagtail/index/internal/journal"
)

// countedDisk counts the fsyncs of the journal, and holds or fails them.
type countedDisk struct {
	syncs atomic.Int64
	gate  atomic.Pointer[chan struct{}] // a sync waits until it is closed
	fails atomic.Bool                   // syncs do
	full  atomic.Bool                   // blocks cannot be written
}

type countedFile struct {
	*os.File
	disk *countedDisk
}

func (d *countedDisk) createFile(path string) (journal.File, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY|os.O_APPEND, 0o600)
	return countedFile{file, d}, err
}

func (d *countedDisk) writeFile(path string, data []byte) error {
	if d.full.Load() {
		return errFull
	}
	return block.WriteFile(path, data)
}

func (f countedFile) Sync() error {
	f.disk.syncs.Add(1)
	if gate := f.disk.gate.Load(); gate != nil {
		<-*gate
	}
	if f.disk.fails.Load() {
		return errFull
	}
	return f.File.Sync()
}

func (d *countedDisk) store(t *testing.T, cfg Config) *Store {
	t.Helper()
	cfg.Dir, cfg.createFile, cfg.writeFile = t.TempDir(), d.createFile, d.writeFile
	return openStore(t, cfg)
}

func TestABatchIsSyncedWhenAppendReturnsAndTheOthersAreNot(t *testing.T) {
	for mode, want := range map[SyncMode]int64{BatchSync: 3, IntervalSync: 0, NoSync: 0} {
		t.Run(mode.String(), func(t *testing.T) {
			var disk countedDisk
			s := disk.store(t, Config{Sync: mode})
			before := disk.syncs.Load()
			for n := range 3 {
				appendMessages(t, s, "a/b", fmt.Sprint(n))
			}
			if got := disk.syncs.Load() - before; got != want {
				t.Errorf("%d syncs for three batches, want %d", got, want)
			}
			if err := s.Sync(t.Context()); err != nil {
				t.Error(err)
			}
			if got := disk.syncs.Load() - before; got != max(want, 1) {
				t.Errorf("%d syncs after Sync, want %d", got, max(want, 1))
			}
			appendMessages(t, s, "a/b", "last")
			before = disk.syncs.Load()
			if mode == BatchSync {
				before--
			}
			closeStore(t, s)
			if got := disk.syncs.Load() - before; got < 1 {
				t.Error("Close has not synced the journal")
			}
		})
	}
}

func TestBatchesAtTheSameTimeShareASync(t *testing.T) {
	var disk countedDisk
	s := disk.store(t, Config{Sync: BatchSync})
	gate := make(chan struct{})
	disk.gate.Store(&gate)
	before := disk.syncs.Load()
	const callers = 20
	var wg sync.WaitGroup
	for n := range callers {
		wg.Go(func() {
			if err := s.Append([]Entry{{Message: fmt.Sprint(n)}}); err != nil {
				t.Error(err)
			}
		})
	}
	// All are found while they wait, so nothing that others need is held.
	waitFor(t, func() bool { return len(findAll(t, s, Query{})) == callers })
	disk.gate.Store(nil)
	close(gate)
	wg.Wait()
	if got := disk.syncs.Load() - before; got > 3 {
		t.Errorf("%d syncs for %d batches at the same time, want 3 at most", got, callers)
	}
}

func TestABatchWhoseJournalCannotBeSyncedIsDurableInItsBlock(t *testing.T) {
	var disk countedDisk
	s := disk.store(t, Config{Sync: BatchSync})
	disk.fails.Store(true)
	appendMessages(t, s, "a/b", "one") // which wants no error
	if stats := s.Stats(); stats.Blocks != 1 || stats.SyncErrors == 0 || stats.Dropped > 0 {
		t.Errorf("stats = %+v, want a block, the error of the sync, nothing dropped", stats)
	}
	wantMessages(t, s, "after a failed sync", "one")
}

func TestABatchThatIsNowhereDurableIsKeptAndAnError(t *testing.T) {
	clock := newClock()
	var disk countedDisk
	s := disk.store(t, Config{Sync: BatchSync, now: clock.now})
	disk.fails.Store(true)
	disk.full.Store(true)
	entries := []Entry{{Instance: "a/b", Message: "one"}, {Instance: "c/d", Message: "two"}}
	err := s.Append(entries)
	if !errors.Is(err, errFull) || !strings.Contains(err.Error(), "which are kept") {
		t.Errorf("error = %v, want %v and that the entries are kept", err, errFull)
	}
	if entries[0].Seq == 0 || entries[1].Seq == 0 {
		t.Errorf("seqs = %d, %d, want that they have some", entries[0].Seq, entries[1].Seq)
	}
	wantMessages(t, s, "that are nowhere durable", "one", "two")
	if stats := s.Stats(); stats.Appended != 2 || stats.Dropped != 0 || stats.Pending != 2 {
		t.Errorf("stats = %+v, want two appended, none dropped, both on their way to a block", stats)
	}

	// A new segment that can be synced is enough for what comes next, although
	// the older entries are in no block yet.
	disk.fails.Store(false)
	appendMessages(t, s, "e/f", "three")
	if err := s.Sync(t.Context()); !errors.Is(err, errFull) {
		t.Errorf("Sync = %v, want %v for the older ones", err, errFull)
	}
	disk.full.Store(false)
	clock.at = clock.at.Add(2 * sealRetry)
	sealPending(t, s)
	if err := s.Sync(t.Context()); err != nil {
		t.Errorf("Sync once all is in blocks = %v", err)
	}
	wantMessages(t, s, "afterwards", "one", "two", "three")
}

func TestTheJournalIsSyncedEachIntervalUnlessTheModeSaysOtherwise(t *testing.T) {
	for mode, want := range map[SyncMode]bool{IntervalSync: true, NoSync: false} {
		t.Run(mode.String(), func(t *testing.T) {
			var disk countedDisk
			dir := t.TempDir()
			synctest.Test(t, func(t *testing.T) {
				s := openStore(t, Config{Dir: dir, Sync: mode, createFile: disk.createFile})
				ctx := t.Context()
				ran := make(chan error, 1)
				go func() { ran <- s.Run(ctx) }()
				appendMessages(t, s, "a/b", "one")
				before := disk.syncs.Load()
				time.Sleep(time.Minute) // of the bubble's clock
				synctest.Wait()
				if got := disk.syncs.Load() > before; got != want {
					t.Errorf("synced within a minute: %v, want %v", got, want)
				}
				closeStore(t, s)
				if err := <-ran; err != nil {
					t.Error(err)
				}
			})
		})
	}
}

func TestSegmentsThatNobodySyncsDoNotHoldFilesWithoutEnd(t *testing.T) {
	var disk countedDisk
	s := disk.store(t, Config{Sync: NoSync, SegmentBytes: 64, SyncInterval: time.Millisecond})
	ran := make(chan error, 1)
	go func() { ran <- s.Run(t.Context()) }()
	for n := range 3 * unsyncedSegments {
		appendMessages(t, s, "a/b", fmt.Sprint(n))
	}
	waitFor(t, func() bool { return s.journal.Waiting() <= unsyncedSegments })
	closeStore(t, s)
	if err := <-ran; err != nil {
		t.Error(err)
	}
}

func TestSyncModesAreReadAndOthersRefused(t *testing.T) {
	for text, want := range map[string]SyncMode{"": IntervalSync, "interval": IntervalSync, "batch": BatchSync, "none": NoSync} {
		if got, err := ParseSyncMode(text); got != want || err != nil {
			t.Errorf("ParseSyncMode(%q) = %v, %v, want %v", text, got, err, want)
		}
	}
	const want = `sync "always" is not possible: give interval, batch, none`
	if _, err := ParseSyncMode("always"); err == nil || err.Error() != want {
		t.Errorf("error = %v, want %q", err, want)
	}
	cfg := Config{Dir: "x", Sync: 9}
	if err := cfg.Validate(); err == nil {
		t.Error("a mode that does not exist is valid")
	}
}
