package index

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tagtail/tagtail/index/internal/block"
	"github.com/tagtail/tagtail/index/internal/journal"
)

var errFull = errors.New("no space left")

// fullDisk makes all writes fail while it is set.
type fullDisk struct{ full atomic.Bool }

type fullFile struct {
	journal.File
	disk *fullDisk
}

func (f fullFile) Write(p []byte) (int, error) {
	if f.disk.full.Load() {
		n, _ := f.File.Write(p[:len(p)/2])
		return n, errFull
	}
	return f.File.Write(p)
}

func (d *fullDisk) createFile(path string) (journal.File, error) {
	if d.full.Load() {
		return nil, errFull
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY|os.O_APPEND, 0o600)
	return fullFile{file, d}, err
}

func (d *fullDisk) writeFile(path string, data []byte) error {
	if d.full.Load() {
		return errFull
	}
	return block.WriteFile(path, data)
}

func (f fullFile) Sync() error {
	if f.disk.full.Load() {
		return errFull
	}
	return f.File.Sync()
}

func TestWhatTheJournalCannotSyncGoesToBlocks(t *testing.T) {
	var disk fullDisk
	s := openStore(t, Config{Dir: t.TempDir(), createFile: disk.createFile})
	appendMessages(t, s, "a/b", "one")
	disk.full.Store(true)
	if err := s.Sync(t.Context()); !errors.Is(err, errFull) {
		t.Fatalf("error = %v, want %v", err, errFull)
	}
	disk.full.Store(false)
	if stats := s.Stats(); stats.Pending != 1 || stats.SyncErrors != 1 {
		t.Errorf("stats = %+v, want the head pending and one error", stats)
	}
	appendMessages(t, s, "a/b", "two")
	if err := s.Sync(t.Context()); !errors.Is(err, errFull) {
		t.Errorf("error before the block is there = %v, want %v", err, errFull)
	}
	if stats := s.Stats(); stats.Pending != 1 || stats.Heads != 1 {
		t.Errorf("stats = %+v, want that the new head stays", stats)
	}
	sealPending(t, s)
	if err := s.Sync(t.Context()); err != nil {
		t.Errorf("error once all is in a block = %v", err)
	}
}

func TestFailedSyncOfWhatIsInBlocksAlreadyDoesNotLast(t *testing.T) {
	var disk fullDisk
	s := openStore(t, Config{Dir: t.TempDir(), createFile: disk.createFile})
	appendMessages(t, s, "a/b", "one")
	sealAll(t, s)
	disk.full.Store(true)
	if err := s.Sync(t.Context()); !errors.Is(err, errFull) {
		t.Fatalf("error = %v, want %v", err, errFull)
	}
	if err := s.Sync(t.Context()); err != nil {
		t.Errorf("error once the segment is gone = %v", err)
	}
}

func TestCloseSealsWhatTheJournalCannotSync(t *testing.T) {
	var disk fullDisk
	cfg := Config{Dir: t.TempDir(), createFile: disk.createFile}
	s := openStore(t, cfg)
	appendMessages(t, s, "a/b", "one")
	disk.full.Store(true) // for the journal only
	closeStore(t, s)
	wantLock(t, cfg.Dir, "closed")
	remove(t, filepath.Join(cfg.Dir, "journal"))
	s = openStore(t, Config{Dir: cfg.Dir})
	if diff := cmp.Diff([]string{"one"}, messages(findAll(t, s, Query{}))); diff != "" {
		t.Errorf("messages (-want +got):\n%s", diff)
	}
}

func TestWhatIsNowhereDurableIsAnErrorOfSyncAndClose(t *testing.T) {
	var disk fullDisk
	dir := t.TempDir()
	s, err := Open(Config{Dir: dir, createFile: disk.createFile, writeFile: disk.writeFile, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	appendMessages(t, s, "a/b", "one")
	disk.full.Store(true)
	for n := range 3 {
		if err := s.Sync(t.Context()); !errors.Is(err, errFull) {
			t.Errorf("Sync %d = %v, want %v", n, err, errFull)
		}
	}
	if err := s.Close(); !errors.Is(err, errFull) {
		t.Errorf("Close = %v, want %v", err, errFull)
	}
	wantLock(t, dir, "open")
}

// wantLock checks the state in the LOCK file.
func wantLock(t testing.TB, dir, state string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, lockName))
	if fields := strings.Fields(string(text)); err != nil || len(fields) != 3 || fields[2] != state {
		t.Errorf("LOCK says %q, error %v, want %s", text, err, state)
	}
}

func messages(entries []Entry) (texts []string) {
	for i := range entries {
		texts = append(texts, entries[i].Message)
	}
	return texts
}

func TestFullDiskDropsAndCountsAndWritingResumesByItself(t *testing.T) {
	var disk fullDisk
	cfg := Config{Dir: t.TempDir(), createFile: disk.createFile, writeFile: disk.writeFile, sealWithin: unsealed}
	s := openStore(t, cfg)
	appendMessages(t, s, "a/b", "before")
	disk.full.Store(true)
	lost := []Entry{{Message: "lost"}, {Message: "lost"}}
	if err := s.Append(lost); !errors.Is(err, errFull) || lost[0].Seq != 0 {
		t.Fatalf("error = %v, seq %d, want %v and no seq", err, lost[0].Seq, errFull)
	}
	if diff := cmp.Diff([]string{"before"}, messages(findAll(t, s, Query{}))); diff != "" {
		t.Errorf("messages while the disk is full (-want +got):\n%s", diff)
	}
	disk.full.Store(false)
	appendMessages(t, s, "a/b", "after")
	if stats := s.Stats(); stats.Dropped != 2 || stats.Appended != 2 {
		t.Errorf("stats = %+v, want 2 dropped, 2 appended", stats)
	}
	closeStore(t, s)
	s = openStore(t, cfg)
	if diff := cmp.Diff([]string{"before", "after"}, messages(findAll(t, s, Query{}))); diff != "" {
		t.Errorf("messages after reopening (-want +got):\n%s", diff)
	}
}

func TestBlocksThatCannotBeWrittenStayInMemoryUpToABound(t *testing.T) {
	var disk fullDisk
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	var log logBuffer
	s := openStore(t, Config{
		Dir: t.TempDir(), HeadEntries: 1, Logger: log.logger(),
		writeFile: disk.writeFile, now: func() time.Time { return now },
	})
	disk.full.Store(true) // for blocks only
	kept := 0
	for {
		err := s.Append([]Entry{{Message: "x"}})
		if errors.Is(err, errBacklog) {
			break
		}
		if kept++; err != nil || kept > 2*pendingMost {
			t.Fatalf("%d entries were kept, error %v", kept, err)
		}
	}
	if n := len(findAll(t, s, Query{})); n != kept || kept != pendingMost {
		t.Errorf("%d entries are found, want %d and that this is %d", n, kept, pendingMost)
	}
	disk.full.Store(false)
	now = now.Add(2 * sealRetry)
	appendMessages(t, s, "a/b", "again")
	for s.sealNext() {
	}
	stats := s.Stats()
	if stats.Pending != 0 || stats.Blocks != kept+1 || stats.SealErrors == 0 {
		t.Errorf("stats = %+v, want %d blocks", stats, kept+1)
	}
	if n := strings.Count(log.String(), "cannot be written"); n != 1 {
		t.Errorf("the log tells it %d times, want once:\n%s", n, log.String())
	}
}

func TestHeadWhoseBlockCannotBeWrittenStopsNoOther(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	s := openStore(t, Config{Dir: t.TempDir(), now: func() time.Time { return now }, writeFile: func(path string, data []byte) error {
		if strings.Contains(path, "bad") {
			return errFull
		}
		return block.WriteFile(path, data)
	}})
	for _, instance := range []string{"a/bad", "a/b", "c/d", "e/f"} {
		appendMessages(t, s, instance, "x")
		retire(t, s, instance)
	}
	for range 2 {
		for s.sealNext() {
		}
		now = now.Add(2 * sealRetry)
	}
	if stats := s.Stats(); stats.Blocks != 3 || stats.Pending != 1 {
		t.Errorf("stats = %+v, want 3 blocks and the one that cannot be written", stats)
	}
}

func TestBlockAndJournalWithTheSameEntriesShowThemOnce(t *testing.T) {
	cfg := Config{Dir: t.TempDir()}
	s := openStore(t, cfg)
	first := appendMessages(t, s, "a/b", "1", "2")
	other := appendMessages(t, s, "c/d", "3")
	before := glob(t, cfg.Dir, "journal/*")
	saved := make(map[string][]byte)
	for _, path := range before {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		saved[path] = data
	}
	sealAll(t, s)
	closeStore(t, s)
	remove(t, glob(t, cfg.Dir, "days/*/*c%2Fd.block")[0]) // as if the crash came between the two
	for path, data := range saved {
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s = openStore(t, cfg)
	if diff := cmp.Diff(slices.Concat(first, other), findAll(t, s, Query{}), sameEntry); diff != "" {
		t.Errorf("entries (-want +got):\n%s", diff)
	}
	if got := s.Instances()[0].Entries; got != 2 {
		t.Errorf("a/b has %d entries, want 2", got)
	}
}

// retire makes the instance's head wait for its block.
func retire(t testing.TB, s *Store, instance string) *head {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	for key, h := range s.heads {
		if key.instance == instance {
			s.retireHeadLocked(h)
			return h
		}
	}
	t.Fatalf("no head of %s", instance)
	return nil
}

// sealPending writes the blocks of the heads that wait for them.
func sealPending(t testing.TB, s *Store) {
	t.Helper()
	for s.sealNext() {
	}
	if n := s.Stats().Pending; n > 0 {
		t.Fatalf("%d heads are pending", n)
	}
}

// wantMessagesAfterRestarts opens the store, appends and seals, and opens it
// again: each entry must be there once each time.
func wantMessagesAfterRestarts(t *testing.T, cfg Config, want ...string) {
	t.Helper()
	s := openStore(t, cfg)
	if diff := cmp.Diff(want, messages(findAll(t, s, Query{}))); diff != "" {
		t.Errorf("messages after a restart (-want +got):\n%s", diff)
	}
	want = append(want, "new")
	appendMessages(t, s, "a/b", "new")
	retire(t, s, "a/b")
	sealPending(t, s)
	closeStore(t, s)
	s = openStore(t, cfg)
	if diff := cmp.Diff(want, messages(findAll(t, s, Query{}))); diff != "" {
		t.Errorf("messages after a seal and a restart (-want +got):\n%s", diff)
	}
}

func TestEntriesOfABlockWithADamagedHeaderComeBackOnceFromTheJournal(t *testing.T) {
	cfg := Config{Dir: t.TempDir(), sealWithin: unsealed}
	s := openStore(t, cfg)
	appendMessages(t, s, "slow/x", "keeps the segment")
	for _, pair := range [][]string{{"m1", "m2"}, {"m3", "m4"}} {
		appendMessages(t, s, "a/b", pair...)
		retire(t, s, "a/b")
		sealPending(t, s)
	}
	closeStore(t, s)
	flip(t, glob(t, cfg.Dir, "days/*/*.block")[0], 20)
	wantMessagesAfterRestarts(t, cfg, "keeps the segment", "m1", "m2", "m3", "m4")
}

func TestYoungerBlockThatWasWrittenFirstDoublesNothing(t *testing.T) {
	cfg := Config{Dir: t.TempDir(), sealWithin: unsealed}
	s := openStore(t, cfg)
	appendMessages(t, s, "slow/x", "keeps the segment")
	appendMessages(t, s, "a/b", "m1", "m2")
	older := retire(t, s, "a/b")
	s.mu.Lock()
	older.sealing = true // another goroutine waits for the disk, until the process is killed
	s.mu.Unlock()
	appendMessages(t, s, "a/b", "m3", "m4")
	retire(t, s, "a/b")
	if !s.sealNext() {
		t.Fatal("the younger head was not sealed")
	}
	closeStore(t, s)
	wantMessagesAfterRestarts(t, cfg, "keeps the segment", "m1", "m2", "m3", "m4")
}

func TestBlocksThatOverlapDoubleNothing(t *testing.T) {
	cfg := Config{Dir: t.TempDir(), sealWithin: unsealed}
	s := openStore(t, cfg)
	appendMessages(t, s, "slow/x", "keeps the segment")
	appendMessages(t, s, "a/b", "m1", "m2", "m3", "m4", "m5")
	all := retire(t, s, "a/b")
	inner, outer := newHead(all.key, time.Now(), 0), newHead(all.key, time.Now(), 0)
	entries := rows{columns: &all.columns}
	for i := range entries.len() {
		e := entries.at(i)
		if i == 1 || i == 2 {
			inner.add(e)
		} else {
			outer.add(e)
		}
	}
	s.mu.Lock()
	s.pending = []*head{outer, inner}
	s.mu.Unlock()
	sealPending(t, s)
	closeStore(t, s)
	wantMessagesAfterRestarts(t, cfg, "keeps the segment", "m1", "m2", "m3", "m4", "m5")
}

func TestUnfinishedBlockIsRemoved(t *testing.T) {
	cfg := Config{Dir: t.TempDir()}
	s := openStore(t, cfg)
	oneBlockEach(t, s, "one")
	closeStore(t, s)
	leftover := filepath.Join(filepath.Dir(glob(t, cfg.Dir, "days/*/*.block")[0]), "x.block.tmp")
	if err := os.WriteFile(leftover, []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	openStore(t, cfg)
	if _, err := os.Stat(leftover); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("stat = %v, want that it is gone", err)
	}
}
