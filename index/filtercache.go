package index

import (
	"container/list"
	"sync"

	"github.com/tagtail/tagtail/index/internal/filter"
)

// filterCache keeps the pages of filters that searches have asked for last.
// Headers of blocks need no cache: they are in memory from Open on.
type filterCache struct {
	limit int // bytes; immutable

	mu    sync.Mutex
	bytes int
	known map[cachedAt]*list.Element
	used  *list.List // of *cachedPage, the one used last in front
}

// cachedAt is a page of the filter of a block. A block that is no more asks for
// none: its pages go when others come.
type cachedAt struct {
	block  *storedBlock
	number int
}

type cachedPage struct {
	at   cachedAt
	page *filter.Page
}

func newFilterCache(limit int) *filterCache {
	return &filterCache{limit: limit, known: make(map[cachedAt]*list.Element), used: list.New()}
}

func pageAt(b *storedBlock, hash uint64) cachedAt {
	number, _, _ := filter.PageOf(hash, b.filterBytes.Load())
	return cachedAt{b, number}
}

// get returns the page that decides about a hash, nil if it is not there.
func (c *filterCache) get(b *storedBlock, hash uint64) *filter.Page {
	key := pageAt(b, hash)
	c.mu.Lock()
	defer c.mu.Unlock()
	at := c.known[key]
	if at == nil {
		return nil
	}
	c.used.MoveToFront(at)
	return at.Value.(*cachedPage).page
}

// put adds a page in the place of those that were not used for longest.
func (c *filterCache) put(b *storedBlock, hash uint64, page *filter.Page) {
	key := pageAt(b, hash)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.known[key] != nil || page.Bytes() > c.limit {
		return
	}
	c.known[key] = c.used.PushFront(&cachedPage{key, page})
	c.bytes += page.Bytes()
	for c.bytes > c.limit {
		old := c.used.Remove(c.used.Back()).(*cachedPage)
		delete(c.known, old.at)
		c.bytes -= old.page.Bytes()
	}
}
