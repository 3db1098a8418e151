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
	fileOf := func(n int) (*filterFile, *filter.Chunk) {
		var b filter.Builder
		for i := range n {
			b.Add(filter.Hash(fmt.Sprint(i)))
		}
		data, head := b.Build().AppendTo(nil, "block")
		number, offset, length := head.Chunk(0)
		chunk, err := head.Parse(data[offset:offset+int64(length)], number)
		if err != nil {
			t.Fatal(err)
		}
		return newFilterFile(nil, "", head), chunk
	}
	_, chunk := fileOf(40)
	c := newFilterCache(3 * chunk.Bytes())
	cached := make([]*filterFile, 5)
	for i := range cached {
		cached[i], chunk = fileOf(40)
		c.put(cached[i], 0, chunk)
		c.get(cached[0], 0) // is used all the time
	}
	for i, want := range []bool{true, false, false, true, true} {
		if got := c.get(cached[i], 0) != nil; got != want {
			t.Errorf("chunk %d is there: %v, want %v", i, got, want)
		}
	}
	if f, chunk := fileOf(310); chunk.Bytes() <= c.limit {
		t.Error("the chunk is too small: the test says nothing")
	} else if c.put(f, 0, chunk); c.bytes > c.limit {
		t.Errorf("%d bytes, want at most %d", c.bytes, c.limit)
	}
}

// TestSearchForAnIDReadsAChunkOfEachFile damages all other chunks, which nobody
// notices: the filters are not made again.
func TestSearchForAnIDReadsAChunkOfEachFile(t *testing.T) {
	const ids, blocks = 8000, joinFanIn + 2
	s := openStore(t, Config{Dir: t.TempDir(), HeadEntries: ids})
	for k := range blocks {
		texts := make([]string, ids)
		for i := range texts {
			texts[i] = fmt.Sprintf("id %07x%d%d", i*7919, i, k)
		}
		appendMessages(t, s, "a/b", texts...)
		sealAll(t, s)
	}
	paths := append(glob(t, s.cfg.Dir, "days/*/*.filter"), glob(t, s.cfg.Dir, "days/*/*.filters")...)
	if len(paths) != 1+blocks-joinFanIn {
		t.Fatalf("files %v, want one of %d filters and %d of one", paths, joinFanIn, blocks-joinFanIn)
	}
	wanted := fmt.Sprintf("%07x%d%d", 10*7919, 10, 3)
	for _, path := range paths {
		damageOtherChunks(t, path, shape.Hash(wanted))
	}
	if got := findAll(t, s, textQuery(wanted)); len(got) != 1 {
		t.Errorf("%d entries, want 1", len(got))
	}
	if n := s.Stats().RebuiltFilters; n != 0 {
		t.Errorf("%d filters were made again, want none", n)
	}
}

// damageOtherChunks flips a bit in all chunks of a file that do not decide about
// the hash.
func damageOtherChunks(t *testing.T, path string, hash uint64) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	f, err := readFilterFile(nil, path)
	if err != nil {
		t.Fatal(err)
	}
	_, kept, n := f.head.Chunk(hash)
	if f.head.Chunks() < 2 {
		t.Fatalf("%s has one chunk: the test says nothing", path)
	}
	for at := len(data) - n; at > n; at -= n {
		if int64(at) != kept {
			data[at+n/2] ^= 1
		}
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}
