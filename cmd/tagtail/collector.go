package main

import (
	"context"
	"runtime/debug"
	"time"
)

// How much of the live memory may be garbage, in percent. What lives is small,
// some 50 MB under a flood: 50 MB more of it save an eighth of the processor
// time. Who only asks has the memory back.
const (
	calmPercent  = 100
	floodPercent = 200
	// floodEntries is how many within lookInterval make the time count for more.
	floodEntries = 500
	lookInterval = 250 * time.Millisecond
)

// collector sets how much garbage may gather by what arrives. One goroutine uses
// it.
type collector struct {
	appended func() uint64 // entries since the start
	set      func(percent int)

	last    uint64
	percent int
}

// newCollector is nil if the administrator has set GOGC.
func newCollector(appended func() uint64, lookup func(string) (string, bool)) *collector {
	if _, set := lookup("GOGC"); set {
		return nil
	}
	return &collector{appended: appended, set: func(percent int) { debug.SetGCPercent(percent) }}
}

// run looks until ctx ends.
func (c *collector) run(ctx context.Context) error {
	if c == nil {
		return nil
	}
	c.last = c.appended()
	tick := time.NewTicker(lookInterval)
	defer tick.Stop()
	for {
		c.look()
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// look sets the percentage for what has arrived since it was called last.
func (c *collector) look() {
	now := c.appended()
	percent := calmPercent
	if now-c.last >= floodEntries {
		percent = floodPercent
	}
	c.last = now
	if percent != c.percent {
		c.set(percent)
		c.percent = percent
	}
}
