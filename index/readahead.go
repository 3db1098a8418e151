package index

import (
	"context"
	"sync"
	"sync/atomic"
)

const (
	// readAheadBlocks is of how many blocks' filters a page is read when one is
	// missing. A page of hits may end before they are needed: they are small.
	readAheadBlocks = 64
	// readAheadFiles is how many files are read at once: a disk that has to be
	// waited for answers several questions in the time of one.
	readAheadFiles = 8
	// readAheadSources is how far is looked for them: others need no filter.
	readAheadSources = 1024
)

// readAhead reads the pages of filters that a search will ask for next about n,
// when the one it asks for is not in memory. Sources are asked for in their
// order, more or less.
func (p *pruner) readAhead(ctx context.Context, n *prunerNode) {
	p.aheadMu.Lock()
	defer p.aheadMu.Unlock()
	var blocks []*storedBlock
	end := min(len(p.sources), n.ahead+readAheadSources)
	for ; n.ahead < end && len(blocks) < readAheadBlocks; n.ahead++ {
		src := &p.sources[n.ahead]
		if src.block != nil && p.bounds.hasAny(src) && p.store.filters.get(src.block, n.hash) == nil && p.eval(ctx, p.root, src, p.cachedMayContain) {
			blocks = append(blocks, src.block)
		}
	}
	var next atomic.Int64
	var readers sync.WaitGroup
	for range min(readAheadFiles, len(blocks)) {
		readers.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= len(blocks) || p.store.stopped(ctx) != nil {
					return
				}
				p.store.filterPage(blocks[i], n.hash)
			}
		})
	}
	readers.Wait()
}

// cachedMayContain asks only filters that are in memory.
func (p *pruner) cachedMayContain(_ context.Context, n *prunerNode, src *source) bool {
	page := p.store.filters.get(src.block, n.hash)
	return page == nil || page.MayContain(n.hash)
}
