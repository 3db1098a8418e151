package index

import (
	"cmp"
	"slices"
	"testing"
	"time"
)

func TestTheNewestDaysWordsAreReadBeforeASearchAsksForThem(t *testing.T) {
	cfg := Config{Dir: t.TempDir()}
	s := openStore(t, cfg)
	oneBlockEach(t, s, "some words", "other words")
	closeStore(t, s)
	s = openStore(t, cfg)
	select {
	case <-s.Warm():
		t.Error("it is warm before it has read anything")
	default:
	}
	s.warmUp(t.Context())
	<-s.Warm()
	for _, d := range s.allDays() {
		for _, b := range d.blocks {
			if b.indexed.Load() == nil || b.indexed.Load() != d.words {
				t.Errorf("block %s is not known to be in the index", b.id())
			}
		}
	}
	if got := findAll(t, s, textQuery("other")); len(got) != 1 {
		t.Errorf("%d entries, want 1", len(got))
	}
}

func TestTheStartOpensTheWordsOfTheNewestDays(t *testing.T) {
	clock := newClock()
	cfg := Config{Dir: t.TempDir(), now: clock.now}
	s := openStore(t, cfg)
	for range warmDays + 3 {
		oneBlockEach(t, s, "some words", "other words")
		clock.at = clock.at.Add(24 * time.Hour)
	}
	closeStore(t, s)
	s = openStore(t, cfg)
	s.warmUp(t.Context())
	days := s.allDays()
	slices.SortFunc(days, func(a, b *day) int { return cmp.Compare(b.number, a.number) })
	for i, d := range days {
		if open := d.words != nil; open != (i < warmDays) {
			t.Errorf("the words of day %d, counted from the newest, are open: %t", i, open)
		}
	}
	s.warmUp(t.Context()) // nothing is the matter if it is warm
	if got := findAll(t, s, textQuery("other")); len(got) != warmDays+3 {
		t.Errorf("%d entries, want one a day", len(got))
	}
}

func TestReadingTheWordsOfAnEmptyStoreIsNoTrouble(t *testing.T) {
	s := openStore(t, Config{Dir: t.TempDir()})
	s.warmUp(t.Context())
	closeStore(t, s)
	s.warmUp(t.Context())
	if n := s.Stats().IndexErrors; n != 0 {
		t.Errorf("%d errors", n)
	}
}

func TestCountOpensTheWordsOfAllDaysFirst(t *testing.T) {
	clock := newClock()
	cfg := Config{Dir: t.TempDir(), now: clock.now}
	s := openStore(t, cfg)
	const days = 6
	for range days {
		oneBlockEach(t, s, "some words", "other words")
		clock.at = clock.at.Add(24 * time.Hour)
	}
	closeStore(t, s)
	s = openStore(t, cfg)
	m := newScan(s, SearchRequest{Query: textQuery("other")})
	m.pruner.counts = true
	if closed := m.pruner.closedDays(); len(closed) != days {
		t.Errorf("%d days are not open yet, want %d", len(closed), days)
	}
	m.pruner.openDays(t.Context())
	if closed := m.pruner.closedDays(); len(closed) != 0 {
		t.Errorf("%d days are not open, want none", len(closed))
	}
	n, err := s.Count(t.Context(), CountRequest{Query: textQuery("other")})
	if err != nil || n != days {
		t.Errorf("%d entries, error %v; want %d", n, err, days)
	}
}
