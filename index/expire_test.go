package index

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// testClock is a time that a test moves.
type testClock struct{ at time.Time }

func newClock() *testClock { return &testClock{time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)} }

func (c *testClock) now() time.Time { return c.at }

func keep(t testing.TB, s *Store) {
	t.Helper()
	if err := s.keep(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// sealedMessages makes one block of the messages.
func sealedMessages(t testing.TB, s *Store, instance string, messages ...string) {
	t.Helper()
	appendMessages(t, s, instance, messages...)
	retire(t, s, instance)
	sealPending(t, s)
}

func wantMessages(t *testing.T, s *Store, when string, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, messages(findAll(t, s, Query{}))); diff != "" {
		t.Errorf("messages %s (-want +got):\n%s", when, diff)
	}
}

func TestBlocksExpireByAgeWithEverythingThatIsDerivedFromThem(t *testing.T) {
	clock := newClock()
	cfg := Config{Dir: t.TempDir(), KeepFor: 48 * time.Hour, now: clock.now}
	s := openStore(t, cfg)
	sealedMessages(t, s, "a/b", "old one")
	sealedMessages(t, s, "gone/away", "old two")
	clock.at = clock.at.Add(47 * time.Hour)
	sealedMessages(t, s, "a/b", "new")
	appendMessages(t, s, "c/d", "in a head")
	keep(t, s)
	wantMessages(t, s, "before their time", "old one", "old two", "new", "in a head")
	clock.at = clock.at.Add(2 * time.Hour)
	keep(t, s)
	wantMessages(t, s, "after it", "new", "in a head")
	for _, word := range []string{"old", "one"} {
		if n := len(findAll(t, s, textQuery(word))); n > 0 {
			t.Errorf("%q is found %d times", word, n)
		}
	}
	if days := glob(t, cfg.Dir, "days/*"); len(days) != 1 || !strings.HasSuffix(days[0], "2026-11-24") {
		t.Errorf("days = %v, want only the last", days)
	}
	want := []InstanceStats{
		{Instance: "a/b", Entries: 1, Bytes: 3, Last: clock.at.Add(-2 * time.Hour)},
		{Instance: "c/d", Entries: 1, Bytes: 9, Last: clock.at.Add(-2 * time.Hour)},
	}
	if diff := cmp.Diff(want, s.Instances()); diff != "" {
		t.Errorf("instances (-want +got):\n%s", diff)
	}
	if stats := s.Stats(); stats.ExpiredBlocks != 2 || stats.ExpiredEntries != 2 || stats.Blocks > 2 {
		t.Errorf("stats = %+v, want that two blocks have expired", stats)
	}
	closeStore(t, s)
	s = openStore(t, cfg)
	wantMessages(t, s, "after a restart", "new", "in a head")
	if diff := cmp.Diff(want, s.Instances()); diff != "" {
		t.Errorf("instances after a restart (-want +got):\n%s", diff)
	}
}

func TestOverTheTotalTheNoisyInstanceLosesItsOwnHistoryFirst(t *testing.T) {
	s := openStore(t, Config{Dir: t.TempDir(), HeadEntries: 64, HeadBytes: 10 << 10, KeepBytes: 60 << 10})
	sealedMessages(t, s, "quiet/one", "the oldest of all")
	noise := func(n int) string { return fmt.Sprint(n, incompressible(10<<10, n)) }
	for n := range 20 {
		appendMessages(t, s, "noisy/one", noise(n))
	}
	sealAll(t, s)
	sealedMessages(t, s, "quiet/two", "the newest")
	keep(t, s)
	found := messages(findAll(t, s, Query{}))
	first, rest, last := found[0], found[1:len(found)-1], found[len(found)-1]
	if first != "the oldest of all" || last != "the newest" {
		t.Errorf("quiet instances have %q and %q", first, last)
	}
	if len(rest) < 2 || len(rest) > 6 {
		t.Fatalf("%d blocks of the noisy instance are left, want what fits into 60 KiB", len(rest))
	}
	for i, message := range rest {
		if want := noise(20 - len(rest) + i); message != want {
			t.Errorf("block %d is %.20q, want the newest ones, here %.20q", i, message, want)
		}
	}
}

func TestEachInstanceIsBoundedByItself(t *testing.T) {
	s := openStore(t, Config{Dir: t.TempDir(), HeadEntries: 2, HeadBytes: 10 << 10, KeepInstanceBytes: 30 << 10})
	for n := range 6 {
		appendMessages(t, s, "large/one", incompressible(10<<10, n))
		appendMessages(t, s, "small/one", "x")
	}
	sealAll(t, s)
	keep(t, s)
	for _, stats := range s.Instances() {
		if low, high := uint64(1), uint64(2); stats.Instance == "large/one" && (stats.Entries < low || stats.Entries > high) {
			t.Errorf("%s has %d entries, want %d to %d", stats.Instance, stats.Entries, low, high)
		}
		if stats.Instance == "small/one" && stats.Entries != 6 {
			t.Errorf("%s has %d entries, want all 6", stats.Instance, stats.Entries)
		}
	}
}

// incompressible is a message of so many bytes.
func incompressible(size, seed int) string {
	text := make([]byte, size)
	x := uint64(seed)*2654435761 + 88172645463325252
	for i := range text {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
		text[i] = byte(x)
	}
	return string(text)
}

func TestSeqGoesOnAfterEverythingHasExpired(t *testing.T) {
	clock := newClock()
	cfg := Config{Dir: t.TempDir(), KeepFor: time.Hour, now: clock.now}
	s := openStore(t, cfg)
	sealedMessages(t, s, "a/b", "one", "two", "three")
	last := s.LastSeq()
	clock.at = clock.at.Add(2 * time.Hour)
	keep(t, s)
	if got := s.LastSeq(); got != last {
		t.Errorf("last seq = %d, want %d", got, last)
	}
	if n := len(s.Instances()); n != 0 {
		t.Errorf("%d instances are left", n)
	}
	for range 2 {
		closeStore(t, s)
		s = openStore(t, cfg)
		wantMessages(t, s, "after a restart")
		if got := s.LastSeq(); got < last {
			t.Errorf("last seq after a restart = %d, want %d at least", got, last)
		}
	}
}

func TestExpiredEntriesThatAreInTheJournalDoNotComeBack(t *testing.T) {
	clock := newClock()
	cfg := Config{Dir: t.TempDir(), KeepFor: time.Hour, now: clock.now}
	s := openStore(t, cfg)
	appendMessages(t, s, "slow/x", "keeps the segment")
	sealedMessages(t, s, "a/b", "old")
	clock.at = clock.at.Add(50 * time.Minute)
	appendMessages(t, s, "slow/x", "as well")
	clock.at = clock.at.Add(20 * time.Minute)
	keep(t, s)
	wantMessages(t, s, "after a pass", "keeps the segment", "as well")
	crashed := cfg
	crashed.Dir = t.TempDir()
	if err := os.CopyFS(crashed.Dir, os.DirFS(cfg.Dir)); err != nil {
		t.Fatal(err)
	}
	wantMessages(t, openStore(t, crashed), "after a crash", "keeps the segment", "as well")
}

func TestSearchUnderWayKeepsTheBlocksThatItHasListed(t *testing.T) {
	clock := newClock()
	cfg := Config{Dir: t.TempDir(), KeepFor: time.Hour, now: clock.now}
	s := openStore(t, cfg)
	sealedMessages(t, s, "a/b", "old word")
	lease := s.leases.take()
	query := textQuery("word")
	m := newScan(s, SearchRequest{Query: query})
	clock.at = clock.at.Add(2 * time.Hour)
	keep(t, s)
	wantMessages(t, s, "for a search that begins now")
	result, err := m.page(t.Context(), 10)
	if err != nil || len(result.Entries) != 1 {
		t.Errorf("%d entries, error %v, want the one that was there when it began", len(result.Entries), err)
	}
	if n := len(glob(t, cfg.Dir, "days/*/*.block")); n != 1 {
		t.Errorf("%d files of blocks, want the one that is read", n)
	}
	s.leases.give(lease)
	s.bury()
	if left, err := os.ReadDir(filepath.Join(cfg.Dir, "days")); err != nil || len(left) > 0 {
		t.Errorf("%v is left, error %v", left, err)
	}
	if stats := s.Stats(); stats.DamagedBlocks+stats.IndexErrors > 0 {
		t.Errorf("stats = %+v, want no trouble", stats)
	}
}

func TestDayThatComesBackWhileItIsRemovedIsWhole(t *testing.T) {
	clock := newClock()
	s := openStore(t, Config{Dir: t.TempDir(), KeepFor: time.Hour, now: clock.now})
	for n := range 3 {
		sealedMessages(t, s, "a/b", fmt.Sprint("word ", n))
		clock.at = clock.at.Add(2 * time.Hour)
		keep(t, s)
	}
	sealedMessages(t, s, "a/b", "word last")
	if got := messages(findAll(t, s, textQuery("word"))); len(got) != 1 {
		t.Errorf("found %q, want the last", got)
	}
}

func TestKeeperEndsWithItsContextAndWithTheStore(t *testing.T) {
	s := openStore(t, Config{Dir: t.TempDir()})
	ran := make(chan error, 1)
	go func() { ran <- s.Run(context.Background()) }()
	closeStore(t, s)
	if err := <-ran; err != nil {
		t.Error(err)
	}
	if err := s.keep(t.Context()); !errors.Is(err, ErrClosed) {
		t.Errorf("error = %v, want %v", err, ErrClosed)
	}
}

func TestNumbersGoOnAlsoIfTheJournalHadNoSegmentAsAllExpired(t *testing.T) {
	var disk fullDisk
	clock := newClock()
	cfg := Config{Dir: t.TempDir(), KeepFor: time.Hour, now: clock.now, createFile: disk.createFile}
	s := openStore(t, cfg)
	appendMessages(t, s, "a/b", "one", "two", "three")
	disk.full.Store(true)
	if err := s.Sync(t.Context()); !errors.Is(err, errFull) {
		t.Fatalf("error = %v, want %v", err, errFull)
	}
	disk.full.Store(false)
	sealAll(t, s)
	clock.at = clock.at.Add(2 * time.Hour)
	keep(t, s)
	wantMessages(t, s, "after their time")
	closeStore(t, s)
	s = openStore(t, cfg)
	if last := s.LastSeq(); last < 3 {
		t.Errorf("last number = %d, want 3 or more", last)
	}
}
