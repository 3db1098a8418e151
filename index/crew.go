package index

import (
	"context"
	"sync"
	"sync/atomic"
)

const (
	// crewFrom is the work after which a search asks for help: most end sooner,
	// and what a helper reads ahead of the last page is for nothing.
	crewFrom = 2 * crewBlock
	// crewBlock is the work of reading a block, if that of skipping one is 1.
	crewBlock = 64
	// crewShift is how many sources a helper looks through before it gives its
	// slot to whoever waits for one.
	crewShift = 16
)

// crew is one search at work on numbered pieces: its own goroutine, and later
// helpers in slots that no other search needs.
type crew struct {
	store *Store
	count int
	// work does piece i, in several goroutines at once. It returns what it took,
	// and whether pieces behind i are wanted too.
	work func(ctx context.Context, i int) (effort int, more bool)

	next atomic.Int64
	over atomic.Bool

	mu  sync.Mutex
	err error
}

// run returns when all pieces up to the last that is wanted are done. Pieces
// are begun in their order.
func (c *crew) run(ctx context.Context) error {
	var helpers sync.WaitGroup
	for effort := 0; ; {
		spent, more := c.step(ctx)
		if !more {
			break
		}
		if effort += spent; effort >= crewFrom {
			c.recruit(ctx, &helpers)
		}
	}
	helpers.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// recruit starts a helper if there is a slot and work for it.
func (c *crew) recruit(ctx context.Context, helpers *sync.WaitGroup) {
	if int(c.next.Load()) >= c.count {
		return
	}
	select {
	case c.store.slots <- struct{}{}:
	default:
		return
	}
	helpers.Go(func() {
		defer c.store.freeSlot()
		for range crewShift {
			if _, more := c.step(ctx); !more {
				return
			}
		}
	})
}

// step does the next piece.
func (c *crew) step(ctx context.Context) (effort int, more bool) {
	if c.over.Load() {
		return 0, false
	}
	i := int(c.next.Add(1) - 1)
	if i >= c.count {
		return 0, false
	}
	if err := c.store.stopped(ctx); err != nil {
		c.mu.Lock()
		c.err = err
		c.mu.Unlock()
		more = false
	} else {
		effort, more = c.work(ctx, i)
	}
	if !more {
		c.over.Store(true)
	}
	return effort, more
}
