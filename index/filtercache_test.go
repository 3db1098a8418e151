package index

import (
	"fmt"
	"os"
	"testing"

	"github.com/tagtail/tagtail/index/internal/filter"
	"github.com/tagtail/tagtail/index/internal/shape"
)

func TestWarmSearchReadsNoFilterFile(t *testing.T) {
	s := openStore(t, Config{Dir: t.TempDir()})
	oneBlockEach(t, s, "id 7f3a9c", "id 8b1d2e")
	for range 2 {
		if got := findAll(t, s, textQuery("8b1d2e")); len(got) != 1 {
			t.Fatalf("%d entries, want 1", len(got))
		}
		for _, path := range glob(t, s.cfg.Dir, "days/*/*.block") { // whose filter would be built again
			remove(t, path[:len(path)-len(".block")]+filter.Suffix)
		}
	}
	if n := s.Stats().RebuiltFilters; n != 0 {
		t.Errorf("%d filters were looked for on the disk again, want none", n)
	}
}

func TestFilterCacheKeepsWhatWasUsedLastWithinItsBound(t *testing.T) {
	pageOf := func(n int) *filter.Page {
		var b filter.Builder
		for i := range n {
			b.Add(filter.Hash(fmt.Sprint(i)))
		}
		file := b.Build().AppendTo(nil)
		page, err := filter.ParsePage(file, 0, int64(len(file)))
		if err != nil {
			t.Fatal(err)
		}
		return page
	}
	page := pageOf(100)
	c := newFilterCache(3 * page.Bytes())
	blocks := make([]*storedBlock, 5)
	for i := range blocks {
		blocks[i] = &storedBlock{}
		c.put(blocks[i], 0, page)
		c.get(blocks[0], 0) // is used all the time
	}
	for i, want := range []bool{true, false, false, true, true} {
		if got := c.get(blocks[i], 0) != nil; got != want {
			t.Errorf("page %d is there: %v, want %v", i, got, want)
		}
	}
	if c.put(blocks[1], 0, pageOf(1000)); c.bytes > c.limit {
		t.Errorf("%d bytes, want at most %d", c.bytes, c.limit)
	}
}

// TestSearchForAnIDReadsAPageOfEachFilter damages all other pages, which nobody
// notices: the filters are not made again.
func TestSearchForAnIDReadsAPageOfEachFilter(t *testing.T) {
	const ids = 8000
	s := openStore(t, Config{Dir: t.TempDir(), HeadEntries: ids})
	texts := make([]string, ids)
	for i := range texts {
		texts[i] = fmt.Sprintf("id %07x%d", i*7919, i)
	}
	appendMessages(t, s, "a/b", texts...)
	sealAll(t, s)
	paths := glob(t, s.cfg.Dir, "days/*/*.filter")
	wanted := texts[10][len("id "):]
	damaged := 0
	for _, path := range paths {
		file, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		_, kept, _ := filter.PageOf(shape.Hash(wanted), int64(len(file)))
		for at := int64(0); at < int64(len(file)); at += 4096 {
			if at != kept {
				file[at+100] ^= 1
				damaged++
			}
		}
		if err := os.WriteFile(path, file, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if damaged == 0 {
		t.Fatal("no filter has more pages than one: the test says nothing")
	}
	if got := findAll(t, s, textQuery(wanted)); len(got) != 1 {
		t.Errorf("%d entries, want 1", len(got))
	}
	if n := s.Stats().RebuiltFilters; n != 0 {
		t.Errorf("%d filters were made again, want none", n)
	}
}
