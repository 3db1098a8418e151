package index

import (
	"context"
	"errors"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestContextShowsTheNeighboursOfTheInstanceAcrossBlocksDaysAndHead(t *testing.T) {
	s := openStore(t, Config{Dir: t.TempDir(), HeadEntries: 4})
	midnight := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	var own []Entry // those of a/b
	for i := range 30 {
		batch := []Entry{
			{Instance: "a/other", Message: "between", Received: midnight},
			{Instance: "a/b", Message: fmt.Sprintf("m%d", i), Received: midnight.Add(time.Duration(i-15) * time.Second)},
		}
		if err := s.Append(batch); err != nil {
			t.Fatal(err)
		}
		own = append(own, batch[1])
		if i == 25 {
			for s.sealNext() {
			}
		}
	}
	if stats := s.Stats(); stats.Blocks < 6 || stats.Heads == 0 {
		t.Fatalf("stats = %+v, want blocks and a head", stats)
	}
	for i := range own {
		for _, n := range []int{0, 1, 3, 100} {
			got, err := s.Context(t.Context(), ContextRequest{Seq: own[i].Seq, Before: n, After: n + 1})
			if err != nil {
				t.Fatal(err)
			}
			from, to := max(0, i-n), min(len(own), i+n+2)
			want := ContextResult{Entries: own[from:to], At: i - from, MoreBefore: from > 0, MoreAfter: to < len(own), Stats: got.Stats}
			if diff := cmp.Diff(want, got, sameEntry); diff != "" {
				t.Fatalf("%d around entry %d (-want +got):\n%s", n, i, diff)
			}
		}
	}
}

func TestContextOfAnEntryThatMayNotBeSeenIsNone(t *testing.T) {
	s := openStore(t, Config{Dir: t.TempDir()})
	entries := appendMessages(t, s, "a/b", "one", "secret", "three")
	sealAll(t, s)
	seen := func(e Entry, visible Query) error {
		_, err := s.Context(t.Context(), ContextRequest{Seq: e.Seq, Before: 1, After: 1, Visible: visible})
		return err
	}
	if err := seen(entries[0], InstanceQuery("a/b")); err != nil {
		t.Error(err)
	}
	for name, err := range map[string]error{
		"of another instance": seen(entries[0], InstanceQuery("a/c")),
		"of nobody":           seen(entries[0], InstanceQuery()),
		"excluded":            seen(entries[1], textQuery("-secret")),
		"before the first":    seen(Entry{}, Query{}),
		"behind the last":     seen(Entry{Seq: entries[2].Seq + 1}, Query{}),
		"of the last number":  seen(Entry{Seq: math.MaxUint64}, Query{}),
	} {
		if !errors.Is(err, ErrNoEntry) {
			t.Errorf("%s: error = %v, want %v", name, err, ErrNoEntry)
		}
	}
	got, err := s.Context(t.Context(), ContextRequest{Seq: entries[0].Seq, After: 2, Visible: textQuery("-secret")})
	if diff := cmp.Diff([]string{"one", "three"}, messages(got.Entries)); err != nil || diff != "" {
		t.Errorf("error %v, visible neighbours (-want +got):\n%s", err, diff)
	}
}

func TestContextEndsWithItsContext(t *testing.T) {
	s := openStore(t, Config{Dir: t.TempDir()})
	e := appendMessages(t, s, "a/b", "one")[0]
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Context(ctx, ContextRequest{Seq: e.Seq}); !errors.Is(err, context.Canceled) {
		t.Errorf("error = %v, want %v", err, context.Canceled)
	}
}
