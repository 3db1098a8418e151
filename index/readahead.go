package index

import (
	"context"
	"sync"
	"sync/atomic"
)

const (
	// readAheadChunks is how many chunks of filters are read when one is missing.
	// A page of hits may end before they are needed: they are small.
	readAheadChunks = 64
	// readAheadFiles is how many files are read at once: a disk that has to be
	// waited for answers several questions in the time of one.
	readAheadFiles = 8
	// readAheadSources is how far is looked for them: others need no filter.
	readAheadSources = 1024
)

// readAhead reads the chunks of filters that a search will ask for next about n,
// when the one it asks for is not in memory. Sources are asked for in their
// order, more or less.
func (p *pruner) readAhead(ctx context.Context, n *prunerNode) {
	p.aheadMu.Lock()
	defer p.aheadMu.Unlock()
	var wanted []*source
	files := make(map[*filterFile]bool)
	end := min(len(p.sources), n.ahead+readAheadSources)
	for ; n.ahead < end && len(wanted) < readAheadChunks; n.ahead++ {
		src := &p.sources[n.ahead]
		if src.block == nil || !p.bounds.hasAny(src) {
			continue
		}
		place := src.block.filter.Load()
		if place != nil && (files[place.file] || p.store.filters.get(place.file, n.hash) != nil) {
			continue
		}
		if p.eval(ctx, p.root, src, p.cachedMayContain) {
			wanted = append(wanted, src)
			if place != nil {
				files[place.file] = true
			}
		}
	}
	var next atomic.Int64
	var readers sync.WaitGroup
	for range min(readAheadFiles, len(wanted)) {
		readers.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= len(wanted) || p.store.stopped(ctx) != nil {
					return
				}
				p.store.filterChunk(wanted[i], n.hash)
			}
		})
	}
	readers.Wait()
}

// cachedMayContain asks only filters that are in memory.
func (p *pruner) cachedMayContain(_ context.Context, n *prunerNode, src *source) bool {
	chunk, slot := p.store.cachedChunk(src.block, n.hash)
	return chunk == nil || chunk.MayContain(slot, n.hash)
}
