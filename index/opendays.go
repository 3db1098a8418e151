package index

import (
	"context"
	"sync"
	"sync/atomic"
)

// openDaysAtOnce hides some of the time that the disk takes.
const openDaysAtOnce = 4

// openDays opens the word indexes that a count will ask, several at once: it
// would open one after the other, and wait for the disk each time. What they say
// is asked for again.
func (p *pruner) openDays(ctx context.Context) {
	asked := p.root.countable(nil)
	if len(asked) == 0 {
		return
	}
	closed := p.closedDays()
	if len(closed) < 2 {
		return
	}
	var openers sync.WaitGroup
	var next atomic.Int64
	for range openDaysAtOnce {
		openers.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(closed)) && p.store.stopped(ctx) == nil; i = next.Add(1) - 1 {
				words := p.store.openWords(closed[i])
				if words == nil {
					continue
				}
				for _, key := range asked {
					_, _ = words.Lines(key.text, key.whole) // an error is met again
				}
			}
		})
	}
	openers.Wait()
}

// closedDays are the days of the sources whose word index is not open.
func (p *pruner) closedDays() (closed []*day) {
	seen := make(map[*day]bool)
	var last *day
	for i := range p.sources {
		d := p.sources[i].day
		if d == nil || d == last || seen[d] {
			continue
		}
		last, seen[d] = d, true
		d.mu.Lock()
		if d.words == nil && !d.closed {
			closed = append(closed, d)
		}
		d.mu.Unlock()
	}
	return closed
}

// countable adds what the node will ask the lines of.
func (n *prunerNode) countable(keys []linesKey) []linesKey {
	if whole := n.anchor == anchorStart|anchorEnd; n.op == planWord && (whole || n.anchor == 0) {
		keys = append(keys, linesKey{n.text, whole})
	}
	for _, kid := range n.kids {
		keys = kid.countable(keys)
	}
	return keys
}
