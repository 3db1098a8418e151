package index

import (
	"cmp"
	"container/heap"
	"context"
	"math"
	"slices"
	"strings"
	"time"
)

const defaultLimit = 100

// Search returns a page of the entries that the query matches: exactly those
// that a look at every entry would find.
func (s *Store) Search(ctx context.Context, req SearchRequest) (SearchResult, error) {
	if err := s.begin(); err != nil {
		return SearchResult{}, err
	}
	defer s.inUse.Done()
	start := time.Now()
	if err := s.takeSlot(ctx); err != nil {
		return SearchResult{}, err
	}
	defer s.freeSlot()
	if req.Limit <= 0 {
		req.Limit = defaultLimit
	}
	m := newScan(s, req)
	result, err := m.page(ctx, req.Limit)
	result.Stats = m.stats
	result.Stats.Took = time.Since(start)
	return result, err
}

// takeSlot waits until there is room for one more search: each may hold a
// block, and more of them than processors are no faster.
func (s *Store) takeSlot(ctx context.Context) error {
	select {
	case s.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-s.done:
		return ErrClosed
	}
}

func (s *Store) freeSlot() { <-s.slots }

// stopped is why a search should end early, or nil.
func (s *Store) stopped(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case <-s.done:
		return ErrClosed
	default:
		return nil
	}
}

// Count returns how many entries the query matches. It takes from a block's
// header what it can, without reading the rest: entries of a block whose damage
// nothing has met yet are counted, though no search can show them.
func (s *Store) Count(ctx context.Context, req CountRequest) (uint64, error) {
	return s.count(ctx, SearchRequest{Query: req.Query, From: req.From, To: req.To, Order: OldestFirst})
}

func (s *Store) count(ctx context.Context, req SearchRequest) (uint64, error) {
	if err := s.begin(); err != nil {
		return 0, err
	}
	defer s.inUse.Done()
	if err := s.takeSlot(ctx); err != nil {
		return 0, err
	}
	defer s.freeSlot()
	m := newScan(s, req)
	total := uint64(0)
	for i := range m.sources {
		src := &m.sources[i]
		if err := s.stopped(ctx); err != nil {
			return total, err
		}
		if !m.wants(ctx, src) {
			continue
		}
		if src.block != nil && !src.block.damaged.Load() && req.Query.Empty() && m.bounds.hasAll(src) {
			total += uint64(src.block.header.Entries)
			continue
		}
		m.match(src, func(*Entry) bool { total++; return true })
	}
	return total, nil
}

// bounds are a request's limits of Seq and Received: the lower one is in, the
// upper one is not.
type bounds struct {
	minSeq, endSeq   uint64
	minTime, endTime int64
}

func newBounds(req SearchRequest) bounds {
	b := bounds{minSeq: req.After + 1, endSeq: math.MaxUint64, minTime: math.MinInt64, endTime: math.MaxInt64}
	if req.Before > 0 {
		b.endSeq = req.Before
	}
	// What the query says of time it checks itself: here it only skips blocks.
	from, to := req.Query.Bounds()
	for _, t := range []time.Time{req.From, from} {
		if !t.IsZero() {
			b.minTime = max(b.minTime, nanoseconds(t))
		}
	}
	for _, t := range []time.Time{req.To, to} {
		if !t.IsZero() {
			b.endTime = min(b.endTime, nanoseconds(t))
		}
	}
	return b
}

// nanoseconds is t.UnixNano, with the moments that it cannot tell moved to the
// nearest that it can.
func nanoseconds(t time.Time) int64 {
	switch sec := t.Unix(); {
	case sec >= math.MaxInt64/1_000_000_000:
		return math.MaxInt64
	case sec <= math.MinInt64/1_000_000_000:
		return math.MinInt64
	default:
		return t.UnixNano()
	}
}

func (b bounds) has(seq uint64, received int64) bool {
	return seq >= b.minSeq && seq < b.endSeq && received >= b.minTime && received < b.endTime
}

func (b bounds) hasAny(src *source) bool {
	return src.last >= b.minSeq && src.first < b.endSeq && src.maxTime >= b.minTime && src.minTime < b.endTime
}

func (b bounds) hasAll(src *source) bool {
	return b.has(src.first, src.minTime) && b.has(src.last, src.maxTime)
}

// scan is one search. It looks through sources one by one, in the order in
// which their entries can come, and keeps the best matches: of a block that it
// has left nothing else stays in memory, however many instances there are.
type scan struct {
	store   *Store
	query   Query
	bounds  bounds
	newest  bool // the order
	sources []source
	pruner  *pruner
	stats   SearchStats
}

func newScan(s *Store, req SearchRequest) *scan {
	m := &scan{store: s, query: req.Query, bounds: newBounds(req), newest: req.Order == NewestFirst}
	m.sources = s.sources()
	slices.SortFunc(m.sources, func(a, b source) int {
		if m.newest {
			return cmp.Compare(b.last, a.last)
		}
		return cmp.Compare(a.first, b.first)
	})
	m.pruner = newPruner(s, req.Query.plan(), m.sources)
	return m
}

// sources lists everything that is there now.
func (s *Store) sources() []source {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []source
	for _, h := range s.heads {
		all = append(all, h.source())
	}
	for _, h := range s.pending {
		all = append(all, h.source())
	}
	for _, d := range s.days {
		for _, b := range d.blocks {
			all = append(all, b.source(d))
		}
	}
	return all
}

// page looks until there are limit entries that nothing can come before, and
// it is known whether there is one more.
func (m *scan) page(ctx context.Context, limit int) (SearchResult, error) {
	best := matches{newest: m.newest, limit: limit}
	for i := range m.sources {
		src := &m.sources[i]
		if !best.wants(m.nearest(src)) {
			break
		}
		if err := m.store.stopped(ctx); err != nil {
			return SearchResult{}, err
		}
		if !m.wants(ctx, src) {
			continue
		}
		m.match(src, func(e *Entry) bool {
			if !best.wants(e.Seq) {
				return false // nor what comes behind it in this source
			}
			best.add(e, src.block != nil)
			return true
		})
	}
	return best.page(), nil
}

// nearest is the Seq of the source's entry that comes first.
func (m *scan) nearest(src *source) uint64 {
	if m.newest {
		return src.last
	}
	return src.first
}

// wants tells whether the source can hold a match, and counts it if not.
func (m *scan) wants(ctx context.Context, src *source) bool {
	if m.bounds.hasAny(src) && m.pruner.keeps(ctx, src) {
		return true
	}
	if src.block != nil {
		m.stats.SkippedBlocks++
	}
	return false
}

// match calls yield with every match in the source, in order, until it says
// no. The entry is valid until yield returns. A block that cannot be read has
// nothing to find.
func (m *scan) match(src *source, yield func(*Entry) bool) {
	r := rows{entries: src.entries}
	if src.block != nil {
		columns, err := m.store.load(src.block)
		if err != nil {
			return // load has reported it
		}
		m.stats.ScannedBlocks++
		r.columns = columns
	}
	at, step := 0, 1
	if m.newest {
		at, step = r.len()-1, -1
	}
	for ; at >= 0 && at < r.len(); at += step {
		if !m.bounds.has(r.seq(at), r.received(at)) {
			continue
		}
		if e := r.at(at); m.query.Match(e) && !yield(e) {
			return
		}
	}
}

// matches are the entries that come first, one more than the page has. Once
// there are so many it is a heap with the one that comes last on top.
type matches struct {
	newest bool
	limit  int
	list   []Entry
}

// wants tells whether an entry of this Seq would be one of them.
func (b *matches) wants(seq uint64) bool {
	if len(b.list) <= b.limit {
		return true
	}
	if b.newest {
		return seq > b.list[0].Seq
	}
	return seq < b.list[0].Seq
}

// add copies e, and takes the place of the last one if there are enough. Of a
// block's text it copies its own part only: the message of an entry would keep
// those of all.
func (b *matches) add(e *Entry, ofBlock bool) {
	kept := *e
	if ofBlock {
		kept.Message = strings.Clone(kept.Message)
	}
	if len(b.list) <= b.limit {
		if b.list = append(b.list, kept); len(b.list) > b.limit {
			heap.Init(b)
		}
		return
	}
	b.list[0] = kept
	heap.Fix(b, 0)
}

// page is the result, in order.
func (b *matches) page() SearchResult {
	slices.SortFunc(b.list, func(a, c Entry) int {
		if b.newest {
			return cmp.Compare(c.Seq, a.Seq)
		}
		return cmp.Compare(a.Seq, c.Seq)
	})
	more := len(b.list) > b.limit
	return SearchResult{Entries: b.list[:min(len(b.list), b.limit)], More: more}
}

func (b *matches) Len() int { return len(b.list) }

func (b *matches) Less(i, j int) bool {
	if b.newest {
		return b.list[i].Seq < b.list[j].Seq
	}
	return b.list[i].Seq > b.list[j].Seq
}

func (b *matches) Swap(i, j int) { b.list[i], b.list[j] = b.list[j], b.list[i] }

// Push and Pop are there for heap.Interface: the list only grows until it is a
// heap, and then keeps its length.
func (b *matches) Push(e any) { b.list = append(b.list, e.(Entry)) }

// Pop is like Push.
func (b *matches) Pop() any {
	last := len(b.list) - 1
	e := b.list[last]
	b.list = b.list[:last]
	return e
}
