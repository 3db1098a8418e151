package index

import (
	"fmt"
	"testing"

	"github.com/tagtail/tagtail/index/internal/filter"
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
	build := func(n int) *filter.Filter {
		var b filter.Builder
		for i := range n {
			b.Add(filter.Hash(fmt.Sprint(i)))
		}
		return b.Build(false)
	}
	f := build(1000)
	c := newFilterCache(3 * f.Bytes())
	blocks := make([]*storedBlock, 5)
	for i := range blocks {
		blocks[i] = &storedBlock{}
		c.put(blocks[i], f)
		c.get(blocks[0]) // is used all the time
	}
	for i, want := range []bool{true, false, false, true, true} {
		if got := c.get(blocks[i]) != nil; got != want {
			t.Errorf("filter %d is there: %v, want %v", i, got, want)
		}
	}
	c.drop(blocks[3])
	c.drop(blocks[3])
	if c.bytes != 2*f.Bytes() || c.get(blocks[3]) != nil {
		t.Errorf("%d bytes after a filter was dropped, want those of 2", c.bytes)
	}
	if c.put(blocks[1], build(100_000)); c.bytes > c.limit {
		t.Errorf("%d bytes, want at most %d", c.bytes, c.limit)
	}
}
