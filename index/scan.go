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
	if req.Limit <= 0 {
		req.Limit = defaultLimit
	}
	m := newScan(s, req)
	result, err := m.page(ctx, req.Limit)
	result.Stats = m.stats
	result.Stats.Took = time.Since(start)
	return result, err
}

// Count returns how many entries the query matches.
func (s *Store) Count(ctx context.Context, req CountRequest) (uint64, error) {
	return s.count(ctx, SearchRequest{Query: req.Query, From: req.From, To: req.To, Order: OldestFirst})
}

func (s *Store) count(ctx context.Context, req SearchRequest) (uint64, error) {
	if err := s.begin(); err != nil {
		return 0, err
	}
	defer s.inUse.Done()
	m := newScan(s, req)
	total := uint64(0)
	for i := range m.sources {
		src := &m.sources[i]
		if err := ctx.Err(); err != nil {
			return total, err
		}
		if !m.wants(ctx, src) {
			continue
		}
		if src.block != nil && req.Query.Empty() && m.bounds.hasAll(src) {
			total += uint64(src.block.header.Entries)
			continue
		}
		c, ok := m.open(src)
		if !ok {
			continue
		}
		for c.next(m) {
			total++
		}
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

// scan is one search. It opens sources one by one, in the order in which their
// entries can come, and merges what they hold.
type scan struct {
	store   *Store
	query   Query
	bounds  bounds
	newest  bool // the order
	sources []source
	pruner  *pruner
	cursors cursorHeap
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
	m.cursors.newest = m.newest
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

// page merges until there are limit entries and it is known whether there is
// one more.
func (m *scan) page(ctx context.Context, limit int) (SearchResult, error) {
	var result SearchResult
	rest := m.sources
	for {
		for len(rest) > 0 && m.cursors.mayComeBefore(&rest[0]) {
			if err := ctx.Err(); err != nil {
				return result, err
			}
			src := &rest[0]
			rest = rest[1:]
			if !m.wants(ctx, src) {
				continue
			}
			if c, ok := m.open(src); ok && c.next(m) {
				heap.Push(&m.cursors, c)
			}
		}
		if m.cursors.Len() == 0 {
			return result, nil
		}
		if len(result.Entries) == limit {
			result.More = true
			return result, nil
		}
		c := m.cursors.list[0]
		result.Entries = append(result.Entries, c.take())
		if c.next(m) {
			heap.Fix(&m.cursors, 0)
		} else {
			heap.Pop(&m.cursors)
		}
	}
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

// open makes a cursor. A block that cannot be read has nothing to find.
func (m *scan) open(src *source) (*cursor, bool) {
	c := &cursor{rows: rows{entries: src.entries}, step: 1}
	if src.block != nil {
		columns, err := m.store.load(src.block)
		if err != nil {
			return nil, false // load has reported it
		}
		m.stats.ScannedBlocks++
		c.rows.columns = columns
	}
	c.at = -1
	if m.newest {
		c.at, c.step = c.rows.len(), -1
	}
	return c, true
}

// cursor stands on a match in a source.
type cursor struct {
	rows  rows
	at    int
	step  int
	seq   uint64
	entry *Entry // the match; valid until next
}

// next moves to the next match.
func (c *cursor) next(m *scan) bool {
	for c.at += c.step; c.at >= 0 && c.at < c.rows.len(); c.at += c.step {
		if !m.bounds.has(c.rows.seq(c.at), c.rows.received(c.at)) {
			continue
		}
		e := c.rows.at(c.at)
		if m.query.Match(e) {
			c.seq, c.entry = e.Seq, e
			return true
		}
	}
	return false
}

// take copies the match. Of a block's text it takes only its own part, so that
// the page does not keep all of it in memory.
func (c *cursor) take() Entry {
	e := *c.entry
	if c.rows.columns != nil {
		e.Message = strings.Clone(e.Message)
	}
	return e
}

// cursorHeap has the cursor whose match comes next on top.
type cursorHeap struct {
	newest bool
	list   []*cursor
}

// mayComeBefore tells whether the source, not yet opened, can hold an entry
// that comes before the one on top.
func (h *cursorHeap) mayComeBefore(src *source) bool {
	if len(h.list) == 0 {
		return true
	}
	if h.newest {
		return src.last > h.list[0].seq
	}
	return src.first < h.list[0].seq
}

func (h *cursorHeap) Len() int { return len(h.list) }

func (h *cursorHeap) Less(i, j int) bool {
	if h.newest {
		return h.list[i].seq > h.list[j].seq
	}
	return h.list[i].seq < h.list[j].seq
}

func (h *cursorHeap) Swap(i, j int) { h.list[i], h.list[j] = h.list[j], h.list[i] }

func (h *cursorHeap) Push(c any) { h.list = append(h.list, c.(*cursor)) }

func (h *cursorHeap) Pop() any {
	last := len(h.list) - 1
	c := h.list[last]
	h.list = h.list[:last]
	return c
}
