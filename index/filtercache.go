package index

import (
	"container/list"
	"sync"

	"github.com/tagtail/tagtail/index/internal/filter"
)

// filterCache keeps the chunks of filters that searches have asked for last.
// Headers of blocks need no cache: they are in memory from Open on.
type filterCache struct {
	limit int // bytes; immutable

	mu    sync.Mutex
	bytes int
	known map[cachedAt]*list.Element
	used  *list.List // of *cachedChunk, the one used last in front
}

// cachedAt is a chunk of a file of filters. Nobody asks for those of a file that
// is no more: they go when others come.
type cachedAt struct {
	file   *filterFile
	number int
}

type cachedChunk struct {
	at    cachedAt
	chunk *filter.Chunk
}

func newFilterCache(limit int) *filterCache {
	return &filterCache{limit: limit, known: make(map[cachedAt]*list.Element), used: list.New()}
}

func chunkAt(f *filterFile, hash uint64) cachedAt {
	number, _, _ := f.head.Chunk(hash)
	return cachedAt{f, number}
}

// get returns the chunk that decides about a hash, nil if it is not there.
func (c *filterCache) get(f *filterFile, hash uint64) *filter.Chunk {
	key := chunkAt(f, hash)
	c.mu.Lock()
	defer c.mu.Unlock()
	at := c.known[key]
	if at == nil {
		return nil
	}
	c.used.MoveToFront(at)
	return at.Value.(*cachedChunk).chunk
}

// clear forgets everything.
func (c *filterCache) clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.known)
	c.used.Init()
	c.bytes = 0
}

// put adds a chunk in the place of those that were not used for longest.
func (c *filterCache) put(f *filterFile, hash uint64, chunk *filter.Chunk) {
	key := chunkAt(f, hash)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.known[key] != nil || chunk.Bytes() > c.limit {
		return
	}
	c.known[key] = c.used.PushFront(&cachedChunk{key, chunk})
	c.bytes += chunk.Bytes()
	for c.bytes > c.limit {
		old := c.used.Remove(c.used.Back()).(*cachedChunk)
		delete(c.known, old.at)
		c.bytes -= old.chunk.Bytes()
	}
}
