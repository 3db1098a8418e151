package index

import (
	"context"
	"sync"
	"sync/atomic"
)

const (
	// readAheadBlocks is how many blocks' filters are read when one is missing.
	// A page of hits may end before they are needed: they are small.
	readAheadBlocks = 64
	// readAheadFiles is how many files are read at once: a disk that has to be
	// waited for answers several questions in the time of one.
	readAheadFiles = 8
)

// readAhead reads the filters that a search will ask for next, when the one it
// asks for is not in memory. Sources are asked for in their order, more or less.
func (p *pruner) readAhead(ctx context.Context) {
	p.aheadMu.Lock()
	defer p.aheadMu.Unlock()
	var blocks []*storedBlock
	for ; p.ahead < len(p.sources) && len(blocks) < readAheadBlocks; p.ahead++ {
		src := &p.sources[p.ahead]
		if src.block != nil && p.bounds.hasAny(src) && p.store.filters.get(src.block) == nil && p.eval(ctx, p.root, src, anyFilter) {
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
				p.store.filter(blocks[i])
			}
		})
	}
	readers.Wait()
}

// anyFilter stands for filters that have everything.
func anyFilter(context.Context, *prunerNode, *source) bool { return true }
