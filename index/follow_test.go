package index

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"testing"
)

var errEnough = errors.New("enough")

// collect follows until there are count entries.
func collect(s *Store, req FollowRequest, count int) (seqs []uint64, gaps []Gap, err error) {
	err = s.Follow(context.Background(), req, func(b FollowBatch) error {
		if b.Gap.Count > 0 {
			gaps = append(gaps, b.Gap)
		}
		for i := range b.Entries {
			seqs = append(seqs, b.Entries[i].Seq)
		}
		if len(seqs) >= count {
			return errEnough
		}
		return nil
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return seqs, gaps, err
}

func TestFollowRunsFromHistoryIntoLiveWithoutSeamOrDuplicate(t *testing.T) {
	const writers, batches, perBatch = 4, 200, 5
	cfg := Config{Dir: t.TempDir(), HeadEntries: 100, RingEntries: 64}
	s := openStore(t, cfg)
	appendMessages(t, s, "a/b", slices.Repeat([]string{"old"}, 300)...)
	for s.sealNext() {
	}
	closeStore(t, s)
	s = openStore(t, cfg)

	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for n := range batches {
				batch := make([]Entry, perBatch)
				for i := range batch {
					batch[i] = Entry{Instance: fmt.Sprintf("s/%d", w), Message: fmt.Sprint(n)}
				}
				if err := s.Append(batch); err != nil {
					t.Error(err)
				}
			}
		})
	}
	const total = 300 + writers*batches*perBatch
	for _, after := range []uint64{1, 150, 299} {
		wg.Go(func() {
			seqs, gaps, err := collect(s, FollowRequest{After: after}, total-int(after))
			if err != nil || len(gaps) > 0 {
				t.Errorf("error %v, gaps %v, want none", err, gaps)
			}
			for i, seq := range seqs {
				if seq != after+1+uint64(i) {
					t.Errorf("after %d: entry %d has seq %d, want %d", after, i, seq, after+1+uint64(i))
					return
				}
			}
		})
	}
	wg.Wait()
}

func TestFollowFromNowShowsOnlyWhatMatches(t *testing.T) {
	s := openStore(t, Config{Dir: t.TempDir()})
	appendMessages(t, s, "a/b", "old match")
	followed := make(chan []Entry)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		ended <- s.Follow(ctx, FollowRequest{Query: textQuery("match"), After: s.LastSeq()}, func(b FollowBatch) error {
			if len(b.Entries) > 0 {
				followed <- b.Entries
			}
			return nil
		})
	}()
	waitFor(t, func() bool { s.ring.mu.Lock(); defer s.ring.mu.Unlock(); return s.ring.waits })
	appendMessages(t, s, "a/b", "other")
	want := appendMessages(t, s, "a/b", "new match")
	got := <-followed
	if len(got) != 1 || got[0].Seq != want[0].Seq {
		t.Errorf("followed %v, want only %v", got, want)
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("Follow = %v, want %v", err, context.Canceled)
	}
}

func TestSlowFollowerIsToldOfTheGap(t *testing.T) {
	s := openStore(t, Config{Dir: t.TempDir(), RingEntries: 16})
	appendMessages(t, s, "a/b", "1", "2")
	var seqs []uint64
	var gap Gap
	err := s.Follow(context.Background(), FollowRequest{After: 1, MaxLag: 10}, func(b FollowBatch) error {
		if b.Gap.Count > 0 {
			gap = b.Gap
		}
		for i := range b.Entries {
			seqs = append(seqs, b.Entries[i].Seq)
		}
		switch b.Seq {
		case 2: // it falls behind while it is busy
			appendMessages(t, s, "a/b", slices.Repeat([]string{"x"}, 40)...)
		case 42:
			return errEnough
		}
		return nil
	})
	if !errors.Is(err, errEnough) {
		t.Fatalf("error = %v, want what yield returned", err)
	}
	if want := (Gap{Count: 35, FromSeq: 3, ToSeq: 37}); gap != want {
		t.Errorf("gap = %+v, want %+v", gap, want)
	}
	if want := []uint64{2, 38, 39, 40, 41, 42}; !slices.Equal(seqs, want) {
		t.Errorf("seqs = %d, want %d", seqs, want)
	}
}

// openAfterAPowerCut opens a copy of the store's folder as a machine that has
// started again finds it.
func openAfterAPowerCut(t *testing.T, s *Store) *Store {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(s.cfg.Dir)); err != nil {
		t.Fatal(err)
	}
	return openStore(t, Config{Dir: dir, RingEntries: s.cfg.RingEntries, bootID: func() string { return "after" }})
}

func TestFollowerIsNotMovedForwardByAHoleInTheNumbers(t *testing.T) {
	for after, want := range map[uint64][]uint64{1: {2, 3}, 3: nil} {
		before := openStore(t, Config{Dir: t.TempDir(), bootID: func() string { return "before" }})
		appendMessages(t, before, "a/b", "1", "2", "3")
		s := openAfterAPowerCut(t, before)
		last := appendMessages(t, s, "a/b", "4")[0].Seq
		if last < seqReserve {
			t.Fatalf("seq = %d, want a hole", last)
		}
		want = append(want, last)
		seqs, gaps, err := collect(s, FollowRequest{After: after}, len(want))
		if err != nil || len(gaps) > 0 || !slices.Equal(seqs, want) {
			t.Errorf("after %d: seqs %d, gaps %v, error %v, want %d and no gap", after, seqs, gaps, err, want)
		}
	}
}

func TestGapCountsEntriesNotNumbers(t *testing.T) {
	before := openStore(t, Config{Dir: t.TempDir(), bootID: func() string { return "before" }})
	for range 10 {
		appendMessages(t, before, "a/b", "x")
		appendMessages(t, before, "c/d", "x")
	}
	sealAll(t, before)
	s := openAfterAPowerCut(t, before)
	newest := appendMessages(t, s, "a/b", "1", "2", "3")[2].Seq
	seqs, gaps, err := collect(s, FollowRequest{After: 7, MaxLag: 4}, 2)
	if err != nil || !slices.Equal(seqs, []uint64{newest - 1, newest}) {
		t.Errorf("seqs %d, error %v, want the last two", seqs, err)
	}
	if want := []Gap{{Count: 14, FromSeq: 8, ToSeq: newest - 2}}; !slices.Equal(gaps, want) {
		t.Errorf("gaps = %+v, want %+v", gaps, want)
	}
}

func TestFollowEndsWithTheStore(t *testing.T) {
	s := openStore(t, Config{Dir: t.TempDir()})
	ended := make(chan error, 1)
	go func() {
		ended <- s.Follow(context.Background(), FollowRequest{}, func(FollowBatch) error { return nil })
	}()
	waitFor(t, func() bool { s.ring.mu.Lock(); defer s.ring.mu.Unlock(); return s.ring.waits })
	closeStore(t, s)
	if err := <-ended; !errors.Is(err, ErrClosed) {
		t.Errorf("Follow = %v, want %v", err, ErrClosed)
	}
}
