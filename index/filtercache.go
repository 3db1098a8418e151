package index

import (
	"container/list"
	"sync"

	"github.com/tagtail/tagtail/index/internal/filter"
)

// filterCache keeps the filters that searches have asked for last. Headers of
// blocks need no cache: they are in memory from Open on.
type filterCache struct {
	limit int // bytes; immutable

	mu    sync.Mutex
	bytes int
	known map[*storedBlock]*list.Element
	used  *list.List // of *cachedFilter, the one used last in front
}

type cachedFilter struct {
	block  *storedBlock
	filter *filter.Filter
}

func newFilterCache(limit int) *filterCache {
	return &filterCache{limit: limit, known: make(map[*storedBlock]*list.Element), used: list.New()}
}

// get returns the filter of a block, nil if it is not there.
func (c *filterCache) get(b *storedBlock) *filter.Filter {
	c.mu.Lock()
	defer c.mu.Unlock()
	at := c.known[b]
	if at == nil {
		return nil
	}
	c.used.MoveToFront(at)
	return at.Value.(*cachedFilter).filter
}

// put adds the filter of a block in the place of those that were not used for
// longest.
func (c *filterCache) put(b *storedBlock, f *filter.Filter) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.known[b] != nil || f.Bytes() > c.limit {
		return
	}
	c.known[b] = c.used.PushFront(&cachedFilter{b, f})
	c.bytes += f.Bytes()
	for c.bytes > c.limit {
		c.dropLocked(c.used.Back())
	}
}

// drop forgets the filter of a block that is no more.
func (c *filterCache) drop(b *storedBlock) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if at := c.known[b]; at != nil {
		c.dropLocked(at)
	}
}

func (c *filterCache) dropLocked(at *list.Element) {
	old := c.used.Remove(at).(*cachedFilter)
	delete(c.known, old.block)
	c.bytes -= old.filter.Bytes()
}
