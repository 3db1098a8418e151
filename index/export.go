package index

import (
	"container/heap"
	"context"
	"time"
	"unsafe"

	"github.com/tagtail/tagtail/index/internal/block"
)

const (
	// exportBatch is how many entries yield gets at once.
	exportBatch = 256
	// exportBytes is about how much memory the entries of an export take that
	// wait for their turn, whatever the number of instances: with many of them a
	// block is read several times.
	exportBytes = 32 << 20
	// exportLeast is how much of it every block gets, so that each reading of a
	// block brings the export on.
	exportLeast = 16 << 10
)

// ExportRequest asks for every match.
type ExportRequest struct {
	Query    Query
	From, To time.Time
}

// Export calls yield, from the calling goroutine, with every match of the
// entries that there are when it is called, oldest first, each once, until ctx
// ends or the store is closed. An error from yield ends it and is returned.
// yield may keep the entries, but not the slice. It may take its time: no
// search waits for it.
func (s *Store) Export(ctx context.Context, req ExportRequest, yield func([]Entry) error) error {
	if err := s.begin(); err != nil {
		return err
	}
	defer s.leases.give(s.leases.takeLong())
	x := newExport(s, req)
	s.inUse.Done()
	batch := make([]Entry, 0, exportBatch)
	for {
		var err error
		if batch, err = x.next(ctx, batch[:0]); err != nil {
			return err
		}
		if len(batch) == 0 {
			return nil
		}
		if batch = s.leave(batch); len(batch) == 0 {
			continue
		}
		if err := yield(batch); err != nil {
			return err
		}
		clear(batch) // or it keeps their text
	}
}

// export merges the sources of a stretch by Seq. Of each it holds only matches, and of those
// a part, until they are written.
type export struct {
	scan *scan
	rest []*scan // of the stretches behind that one
	open runs    // those with a match, the one with the lowest Seq on top
	at   int     // the source that is opened next
	held int     // bytes of the entries in open
}

// run is a part of the matches of one source.
type run struct {
	src     *source
	left    expr
	entries []Entry // not yielded yet; never empty in the heap
	last    uint64  // the Seq up to which the source was read
	more    bool    // there may be further matches behind it
}

func newExport(s *Store, req ExportRequest) *export {
	search := SearchRequest{Query: req.Query, From: req.From, To: req.To, Order: OldestFirst}
	last := s.LastSeq()
	sources := s.sources()
	x := &export{}
	for _, st := range stretches(sources) {
		if Imported(st.min) {
			x.rest = append(x.rest, newScanIn(s, search, sources, st))
			continue
		}
		search.Before = last + 1
		x.rest = append(x.rest, newScanIn(s, search, sources, st))
		search.Before = 0
	}
	x.scan, x.rest = x.rest[0], x.rest[1:]
	return x
}

// next appends the next entries to batch; none if there are no more.
func (x *export) next(ctx context.Context, batch []Entry) ([]Entry, error) {
	s := x.scan.store
	if err := s.begin(); err != nil {
		return nil, err
	}
	defer s.inUse.Done()
	if err := s.takeSlot(ctx); err != nil {
		return nil, err
	}
	defer s.freeSlot()
	if err := s.stopped(ctx); err != nil {
		return nil, err
	}
	for len(batch) < cap(batch) {
		if err := x.openRuns(ctx); err != nil {
			return batch, err
		}
		if len(x.open) == 0 {
			if len(x.rest) == 0 {
				return batch, nil
			}
			x.scan, x.rest, x.at = x.rest[0], x.rest[1:], 0
			continue
		}
		top := x.open[0]
		batch = append(batch, top.entries[0])
		x.held -= top.entries[0].memory()
		top.entries[0] = Entry{} // or its text stays as long as the slice
		top.entries = top.entries[1:]
		if len(top.entries) == 0 && top.more {
			if err := s.stopped(ctx); err != nil {
				return nil, err
			}
			x.fill(top)
		}
		if len(top.entries) == 0 {
			heap.Pop(&x.open)
		} else {
			heap.Fix(&x.open, 0)
		}
	}
	return batch, nil
}

// openRuns opens the sources that may have an entry before the one on top.
func (x *export) openRuns(ctx context.Context) error {
	for x.at < len(x.scan.sources) {
		src := &x.scan.sources[x.at]
		if len(x.open) > 0 && x.open[0].entries[0].Seq < src.first {
			return nil
		}
		if err := x.scan.store.stopped(ctx); err != nil {
			return err
		}
		x.at++
		left, ok := x.scan.wants(ctx, src)
		if !ok {
			continue
		}
		r := &run{src: src, left: left}
		if x.fill(r); len(r.entries) > 0 {
			heap.Push(&x.open, r)
		}
	}
	return nil
}

// fill reads the next matches of a run, as many as half of the memory that is
// left holds: the other half is for those that come.
func (x *export) fill(r *run) {
	room := max(exportLeast, (exportBytes-x.held)/2)
	r.entries, r.more = nil, false
	x.scan.match(r.src, r.left, block.PartAll, func(e *Entry) bool {
		if e.Seq <= r.last {
			return true
		}
		if room <= 0 {
			r.more = true
			return false
		}
		r.last = e.Seq
		r.entries = append(r.entries, e.own(r.src.block != nil))
		room -= e.memory()
		x.held += e.memory()
		return true
	})
}

// memory is about what an entry of its own takes.
func (e *Entry) memory() int { return int(textBytes(e)) + int(unsafe.Sizeof(Entry{})) }

// runs is a heap.
type runs []*run

func (h runs) Len() int           { return len(h) }
func (h runs) Less(i, j int) bool { return h[i].entries[0].Seq < h[j].entries[0].Seq }
func (h runs) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }

// Push and Pop are for heap.Interface.
func (h *runs) Push(r any) { *h = append(*h, r.(*run)) }

// Pop is like Push.
func (h *runs) Pop() any {
	last := len(*h) - 1
	r := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	return r
}
