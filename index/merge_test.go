package index

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tagtail/tagtail/index/internal/blockindex"
)

// smallBlocks makes blocks of two entries each, in turn of two instances.
func smallBlocks(t testing.TB, s *Store, blocks int) []Entry {
	t.Helper()
	var all []Entry
	for n := range blocks {
		instance := fmt.Sprintf("quiet/%d", n%2)
		all = append(all, appendMessages(t, s, instance, fmt.Sprintf("word%c id%d", 'a'+n%26, n), "common")...)
		retire(t, s, instance)
		sealPending(t, s)
	}
	return all
}

func TestSmallBlocksBecomeOneAndNothingElseChanges(t *testing.T) {
	clock := newClock()
	cfg := Config{Dir: t.TempDir(), now: clock.now}
	s := openStore(t, cfg)
	want := smallBlocks(t, s, 20)
	instances := s.Instances()
	keep(t, s)
	check := func(when string) {
		t.Helper()
		if diff := cmp.Diff(want, findAll(t, s, Query{}), sameEntry); diff != "" {
			t.Errorf("entries %s (-want +got):\n%s", when, diff)
		}
		for _, text := range []string{"wordc", "id7", "common", "none"} {
			found, expected := messages(findAll(t, s, textQuery(text))), 0
			for i := range want {
				if textQuery(text).Match(&want[i]) {
					expected++
				}
			}
			if len(found) != expected {
				t.Errorf("%q %s is found %d times, want %d", text, when, len(found), expected)
			}
		}
		if diff := cmp.Diff(instances, s.Instances()); diff != "" {
			t.Errorf("instances %s (-want +got):\n%s", when, diff)
		}
		if stats := s.Stats(); stats.Blocks != 2 || stats.DamagedBlocks+stats.IndexErrors > 0 {
			t.Errorf("stats %s = %+v, want 2 blocks and no trouble", when, stats)
		}
		if blocks, filters := glob(t, cfg.Dir, "days/*/*.block"), glob(t, cfg.Dir, "days/*/*.filter"); len(blocks) != 2 || len(filters) != 2 {
			t.Errorf("files %s = %v and %v, want 2 each", when, blocks, filters)
		}
	}
	check("after merging")
	closeStore(t, s)
	s = openStore(t, cfg)
	instances[0].Rate, instances[1].Rate = 0, 0
	check("after a restart")
}

func TestDayThatGoesOnIsNotRewrittenAgainAndAgain(t *testing.T) {
	s := openStore(t, Config{Dir: t.TempDir(), now: newClock().now})
	smallBlocks(t, s, 2*mergeFanIn-2)
	keep(t, s)
	if n := s.Stats().MergedBlocks; n != 0 {
		t.Errorf("%d blocks were merged, want that they wait to be %d", n, mergeFanIn)
	}
	smallBlocks(t, s, 2)
	keep(t, s)
	smallBlocks(t, s, 2*mergeFanIn-4)
	keep(t, s)
	if n := s.Stats().MergedBlocks; n != 2*mergeFanIn {
		t.Errorf("%d blocks were merged, want %d: the large one has most", n, 2*mergeFanIn)
	}
}

func TestBlocksStayWithinTheLimitsOfHeads(t *testing.T) {
	clock := newClock()
	s := openStore(t, Config{Dir: t.TempDir(), HeadEntries: 9, now: clock.now})
	smallBlocks(t, s, 24)
	clock.at = clock.at.Add(24 * time.Hour)
	keep(t, s)
	if n := s.Stats().Blocks; n != 6 {
		t.Errorf("%d blocks, want 3 of 8 entries for each of the two", n)
	}
}

func TestNothingIsMergedAroundEntriesThatAreInNoBlock(t *testing.T) {
	clock := newClock()
	cfg := Config{Dir: t.TempDir(), now: clock.now, sealWithin: unsealed}
	s := openStore(t, cfg)
	sealedMessages(t, s, "a/b", "1")
	appendMessages(t, s, "a/b", "2")
	waiting := retire(t, s, "a/b")
	s.mu.Lock()
	waiting.sealing = true // its goroutine waits for the disk
	s.mu.Unlock()
	appendMessages(t, s, "a/b", "3")
	retire(t, s, "a/b")
	if !s.sealNext() {
		t.Fatal("the younger head was not sealed")
	}
	clock.at = clock.at.Add(24 * time.Hour)
	keep(t, s)
	closeStore(t, s)
	wantMessages(t, openStore(t, cfg), "after a restart", "1", "2", "3")
}

// copyDir copies the folder of a store that goes on, as a crash would leave it.
func copyDir(t testing.TB, dir string) string {
	t.Helper()
	to := t.TempDir()
	if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	return to
}

func TestCrashAtAnyStepOfAMergeDoublesAndLosesNothing(t *testing.T) {
	clock := newClock()
	cfg := Config{Dir: t.TempDir(), now: clock.now}
	s := openStore(t, cfg)
	want := messages(smallBlocks(t, s, 6))
	old := map[string][]byte{}
	for _, path := range append(glob(t, cfg.Dir, "days/*/*.block"), glob(t, cfg.Dir, "days/*/*.filter")...) {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		old[path] = data
	}
	clock.at = clock.at.Add(24 * time.Hour)
	keep(t, s)
	closeStore(t, s)
	if n := len(glob(t, cfg.Dir, "days/*/*.block")); n != 2 {
		t.Fatalf("%d blocks, want 2", n)
	}
	for missing := range old { // all but one of the old files are still there
		crashed := cfg
		crashed.Dir = copyDir(t, cfg.Dir)
		for path, data := range old {
			if path == missing {
				continue
			}
			if err := os.WriteFile(filepath.Join(crashed.Dir, path[len(cfg.Dir):]), data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		c := openStore(t, crashed)
		wantMessages(t, c, "without "+filepath.Base(missing), want...)
		if stats := c.Stats(); stats.Blocks != 2 || stats.DamagedBlocks > 0 {
			t.Errorf("stats = %+v, want the 2 merged blocks", stats)
		}
		if n := len(glob(t, crashed.Dir, "days/*/*.block")); n != 2 {
			t.Errorf("%d files of blocks, want 2", n)
		}
		closeStore(t, c)
	}
}

func TestDamagedMergedBlockLeavesTheOldOnesInPlace(t *testing.T) {
	clock := newClock()
	cfg := Config{Dir: t.TempDir(), now: clock.now}
	s := openStore(t, cfg)
	sealedMessages(t, s, "a/b", "1")
	sealedMessages(t, s, "a/b", "2")
	saved := copyDir(t, cfg.Dir)
	clock.at = clock.at.Add(24 * time.Hour)
	keep(t, s)
	closeStore(t, s)
	merged := glob(t, cfg.Dir, "days/*/*.block")[0]
	data, err := os.ReadFile(merged)
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)-1] ^= 1
	day := filepath.Base(filepath.Dir(merged))
	if err := os.WriteFile(filepath.Join(saved, "days", day, filepath.Base(merged)), data, 0o600); err != nil {
		t.Fatal(err)
	}
	cfg.Dir = saved
	s = openStore(t, cfg)
	wantMessages(t, s, "with a damaged block around them", "1", "2")
	if got := s.Instances()[0].Entries; got != 2 {
		t.Errorf("%d entries, want 2", got)
	}
}

func TestSearchesAndFollowersAreExactWhileBlocksAreMerged(t *testing.T) {
	s := openStore(t, Config{Dir: t.TempDir(), RingEntries: 8})
	const batches = 150
	var wg sync.WaitGroup
	defer wg.Wait()
	ctx, cancel := context.WithCancel(t.Context())
	wg.Go(func() {
		defer cancel()
		for n := range batches {
			batch := []Entry{{Instance: fmt.Sprintf("i/%d", n%3), Message: "common"}, {Instance: fmt.Sprintf("i/%d", n%3)}}
			if err := s.Append(batch); err != nil {
				t.Error(err)
			}
			s.mu.Lock()
			s.retireOldLocked(time.Now().Add(time.Hour))
			s.mu.Unlock()
			for s.sealNext() {
			}
		}
	})
	wg.Go(func() {
		for ctx.Err() == nil {
			if err := s.keep(t.Context()); err != nil {
				t.Error(err)
			}
		}
	})
	wg.Go(func() {
		seen, errEnough := uint64(0), errors.New("enough")
		err := s.Follow(t.Context(), FollowRequest{MaxLag: 1 << 30}, func(b FollowBatch) error {
			for _, e := range b.Entries {
				if seen++; e.Seq != seen {
					return fmt.Errorf("seq %d follows %d", e.Seq, seen-1)
				}
			}
			if seen == 2*batches {
				return errEnough
			}
			return nil
		})
		if !errors.Is(err, errEnough) {
			t.Error(err)
		}
	})
	for ctx.Err() == nil {
		before := s.LastSeq()
		found := findAll(t, s, textQuery("common"))
		if uint64(len(found)) < before/2 { // every second entry matches
			t.Fatalf("%d matches, want %d at least", len(found), before/2)
		}
		for i, e := range found {
			if e.Seq != uint64(2*i+1) {
				t.Fatalf("match %d has seq %d, want %d", i, e.Seq, 2*i+1)
			}
		}
	}
	wg.Wait()
	if s.Stats().MergedBlocks == 0 {
		t.Error("nothing was merged meanwhile")
	}
}

func TestDaysThatAreOverHaveOneSegmentAndFewAreOpen(t *testing.T) {
	clock := newClock()
	cfg := Config{Dir: t.TempDir(), now: clock.now}
	s := openStore(t, cfg)
	const days = openIndexes + 4
	for n := range days {
		smallBlocks(t, s, 4)
		clock.at = clock.at.Add(24 * time.Hour)
		if n < 3 {
			segments := func() int {
				keep(t, s)
				return blockindex.Segments(filepath.Join(cfg.Dir, "days", dayName(dayNumber(clock.at)-1), blockindex.Folder))
			}
			waitFor(t, func() bool { return segments() == 1 })
		}
	}
	waitFor(t, func() bool {
		keep(t, s)
		found := findAll(t, s, textQuery("worda"))
		return len(found) == days && s.indexes.Size() <= openIndexes
	})
	if stats := s.Stats(); stats.IndexErrors > 0 {
		t.Errorf("stats = %+v, want no trouble", stats)
	}
}
