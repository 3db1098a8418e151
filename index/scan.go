package index

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/tagtail/tagtail/index/internal/block"
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
	defer s.leases.give(s.leases.take())
	if req.Limit <= 0 {
		req.Limit = defaultLimit
	}
	var deadline time.Time
	if req.Within > 0 {
		deadline = start.Add(req.Within)
	}
	result, err := s.page(ctx, req, deadline)
	result.Stats.Took = time.Since(start)
	return result, err
}

// page looks through the stretches, one after the other, until the page is full
// and it is known whether there is one more.
func (s *Store) page(ctx context.Context, req SearchRequest, deadline time.Time) (SearchResult, error) {
	sources := s.sources()
	list := []stretch{wholeOrder}
	if !req.ByArrival {
		list = clipStretches(stretches(sources), req.After, req.Before)
		req.After, req.Before = 0, 0
		if req.Order == NewestFirst {
			slices.Reverse(list)
		}
	}
	var result SearchResult
	begun := false
	for i, st := range list {
		m := newScanIn(s, req, sources, st)
		m.deadline, m.first = deadline, !begun
		begun = begun || len(m.sources) > 0
		page, err := m.page(ctx, req.Limit-len(result.Entries))
		result.Stats.ScannedBlocks += m.stats.ScannedBlocks
		result.Stats.SkippedBlocks += m.stats.SkippedBlocks
		if err != nil {
			return result, err
		}
		result.Entries = append(result.Entries, page.Entries...)
		result.More, result.Reached = page.More, page.Reached
		// A Seq beside the stretch lies in another one than the last that was looked through.
		if next := result.Reached.Seq; i > 0 && m.late {
			if before := list[i-1]; m.newest && next == st.end {
				result.Reached.Seq = before.min
			} else if !m.newest && next < st.min && result.Reached != (Reached{}) {
				result.Reached.Seq = before.end - 1
			}
		}
		if result.More {
			break
		}
	}
	return result, nil
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
	// deadline is when to stop looking; zero is never.
	deadline time.Time
	first    bool // nothing was looked through before this

	mu      sync.Mutex // guards all below, and what the goroutines of the search find
	late    bool       // the deadline has ended the search
	undone  int        // then: the first of the sources that were not looked through
	stats   SearchStats
	trouble error // the first that kept a block from being read and may pass
}

// meet notes why a block was not read: a damaged one has nothing to find, but an
// answer without a whole one would be wrong.
func (m *scan) meet(err error) {
	if !passes(err) {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.trouble == nil {
		m.trouble = fmt.Errorf("read a block of the search: %w", err)
	}
}

// newScan looks through everything, by Seq alone.
func newScan(s *Store, req SearchRequest) *scan { return newScanIn(s, req, s.sources(), wholeOrder) }

// newScanIn looks through a stretch.
func newScanIn(s *Store, req SearchRequest, sources []source, st stretch) *scan {
	m := &scan{store: s, query: req.Query, bounds: newBounds(req).within(st), newest: req.Order == NewestFirst}
	m.sources = st.within(sources)
	slices.SortFunc(m.sources, func(a, b source) int {
		if m.newest {
			return cmp.Compare(b.last, a.last)
		}
		return cmp.Compare(a.first, b.first)
	})
	m.pruner = newPruner(s, req.Query.plan(), m.sources, m.bounds)
	return m
}

// sources lists everything that is there now.
func (s *Store) sources() []source {
	s.mu.Lock()
	defer s.mu.Unlock()
	count := len(s.heads) + len(s.pending)
	for _, d := range s.days {
		count += len(d.blocks)
	}
	all := make([]source, 0, count)
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
	wants := func(seq uint64) bool {
		m.mu.Lock()
		defer m.mu.Unlock()
		return best.wants(seq)
	}
	err := m.each(ctx, func(src *source) bool { return wants(m.nearest(src)) }, func(src *source, left expr) (effort int) {
		return m.match(src, left, block.PartAll, func(e *Entry) bool {
			m.mu.Lock()
			defer m.mu.Unlock()
			if !best.wants(e.Seq) {
				return false // nor what comes behind it in this source
			}
			best.add(e, src.block != nil)
			return true
		})
	})
	if err != nil {
		return SearchResult{}, err
	}
	if m.late {
		return m.cut(best.page()), nil
	}
	return best.page(), nil
}

// isLate tells whether the search ends before source i. It does not before it
// has come further than where it began: who goes on from there would never end.
func (m *scan) isLate(i int) bool {
	if m.deadline.IsZero() || time.Now().Before(m.deadline) {
		return false
	}
	begin, reached := m.bounds.clip(m.nearest(&m.sources[0])), m.bounds.clip(m.nearest(&m.sources[i]))
	if begin == reached && m.first {
		return false
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.late || i < m.undone {
		m.late, m.undone = true, i
	}
	return true
}

// cut takes from a page what is behind the first source that was not looked
// through, whose entries may lie between.
func (m *scan) cut(page SearchResult) SearchResult {
	src := &m.sources[m.undone]
	seq, received := m.bounds.clip(m.nearest(src)), src.maxTime
	behind := func(e Entry) bool { return e.Seq <= seq }
	if !m.newest {
		behind, received = func(e Entry) bool { return e.Seq >= seq }, src.minTime
	}
	at := slices.IndexFunc(page.Entries, behind)
	if at < 0 && page.More {
		return page // it was full before that
	}
	if at >= 0 {
		clear(page.Entries[at:])
		page.Entries = page.Entries[:at]
	}
	page.More = true
	page.Reached = Reached{Seq: seq + 1, Received: time.Unix(0, min(max(received, m.bounds.minTime), m.bounds.endTime)).UTC()}
	if !m.newest {
		page.Reached.Seq = seq - 1
	}
	return page
}

// each calls visit, in several goroutines at once, for every source that can
// hold a match, up to the first that is not wanted. left is what is to be asked
// of its entries. visit returns what it took.
func (m *scan) each(ctx context.Context, wanted func(*source) bool, visit func(src *source, left expr) (effort int)) error {
	c := crew{store: m.store, count: len(m.sources), work: func(ctx context.Context, i int) (int, bool) {
		src := &m.sources[i]
		if !wanted(src) || m.isLate(i) {
			return 0, false
		}
		left, ok := m.wants(ctx, src)
		if !ok {
			return 1, true
		}
		return visit(src, left), true
	}}
	err := c.run(ctx)
	m.mu.Lock()
	defer m.mu.Unlock()
	return cmp.Or(err, m.trouble)
}

// nearest is the Seq of the source's entry that comes first.
func (m *scan) nearest(src *source) uint64 {
	if m.newest {
		return src.last
	}
	return src.first
}

// wants tells whether the source can hold a match, and counts it if not. left
// is what is to be asked of its entries.
func (m *scan) wants(ctx context.Context, src *source) (left expr, ok bool) {
	left = m.query.expr
	if ok = m.bounds.hasAny(src); ok && src.block != nil {
		left = reduce(left, src)
		_, none := left.(noneExpr)
		ok = !none
	}
	if ok && m.pruner.keeps(ctx, src) {
		return left, true
	}
	if src.block != nil {
		m.mu.Lock()
		m.stats.SkippedBlocks++
		m.mu.Unlock()
	}
	return nil, false
}

// match calls yield with every match in the source, in order, until it says
// no. The entry is valid until yield returns; of its fields that the query does
// not need only those of the part are there. A block that cannot be read has
// nothing to find. It returns what it took.
func (m *scan) match(src *source, left expr, part block.Part, yield func(*Entry) bool) (effort int) {
	if part == block.PartAll {
		return m.matchWhole(src, left, yield)
	}
	return m.matchRows(src, left, part, func(r *partRows, at int) bool { return yield(r.at(at)) })
}

// wholeRows is how many matches of a source are read whole at first: a page has
// not many more. The others are read together.
const wholeRows = 128

// matchWhole is match for all fields. It looks for matches before it reads the
// rest of them.
func (m *scan) matchWhole(src *source, left expr, yield func(*Entry) bool) (effort int) {
	r, err := m.open(src, left, 0)
	if err != nil {
		return crewBlock
	}
	defer r.close()
	defer func() { m.meet(r.err) }()
	var rows []int
	most, more := wholeRows, true
	flush := func() {
		if len(rows) > 0 {
			more = r.eachWhole(rows, yield)
			rows, most = rows[:0], r.len()
		}
	}
	m.eachMatch(src, r, left, func(at int) bool {
		if rows = append(rows, at); len(rows) >= most {
			flush()
		}
		return more
	})
	if more {
		flush()
	}
	return crewBlock
}

// matchRows is match for who needs no entry: yield is told which of the rows
// matches.
func (m *scan) matchRows(src *source, left expr, part block.Part, yield func(r *partRows, at int) bool) (effort int) {
	r, err := m.open(src, left, part)
	if err != nil {
		return crewBlock
	}
	defer r.close()
	m.eachMatch(src, r, left, func(at int) bool { return yield(r, at) })
	return crewBlock
}

// open reads what is needed to look for matches. An error is reported.
func (m *scan) open(src *source, left expr, part block.Part) (*partRows, error) {
	if !m.bounds.hasAll(src) {
		part |= block.PartSeq | block.PartReceived
	}
	r, err := m.store.openRows(src, part, left)
	m.meet(err)
	if err == nil && src.block != nil {
		m.mu.Lock()
		m.stats.ScannedBlocks++
		m.mu.Unlock()
	}
	return r, err
}

// eachMatch calls yield with every row that matches, in order, until it says no.
func (m *scan) eachMatch(src *source, r *partRows, left expr, yield func(at int) bool) {
	at, step := 0, 1
	if m.newest {
		at, step = r.len()-1, -1
	}
	cut := !m.bounds.hasAll(src)
	for at = r.next(at, step); at >= 0 && at < r.len(); at = r.next(at+step, step) {
		if (!cut || m.bounds.has(r.seq(at), r.received(at))) && r.matches(at, left) && !yield(at) {
			break
		}
	}
}
