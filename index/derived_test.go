package index

import "testing"

func TestTheNewestDaysWordsAreReadBeforeASearchAsksForThem(t *testing.T) {
	cfg := Config{Dir: t.TempDir()}
	s := openStore(t, cfg)
	oneBlockEach(t, s, "some words", "other words")
	closeStore(t, s)
	s = openStore(t, cfg)
	s.readNewestWords(t.Context())
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

func TestReadingTheWordsOfAnEmptyStoreIsNoTrouble(t *testing.T) {
	s := openStore(t, Config{Dir: t.TempDir()})
	s.readNewestWords(t.Context())
	closeStore(t, s)
	s.readNewestWords(t.Context())
	if n := s.Stats().IndexErrors; n != 0 {
		t.Errorf("%d errors", n)
	}
}
