package index

import (
	"context"
	"math/bits"
	"time"

	"github.com/tagtail/tagtail/index/internal/block"
)

// Count returns how many entries the query matches. It takes from a block's
// header and from the index of words what it can, without reading the block:
// entries of a block whose damage nothing has met yet are counted, though no
// search can show them.
func (s *Store) Count(ctx context.Context, req CountRequest) (uint64, error) {
	n, _, err := s.count(ctx, SearchRequest{Query: req.Query, From: req.From, To: req.To, Order: OldestFirst})
	return n, err
}

func (s *Store) count(ctx context.Context, req SearchRequest) (uint64, SearchStats, error) {
	total := uint64(0)
	stats, err := s.survey(ctx, req, nil, func(ctx context.Context, m *scan, src *source, left expr) (effort int) {
		n, known := m.knownSums(ctx, src, left, false)
		if !known {
			n.total, effort = m.countRows(src, left)
		}
		m.mu.Lock()
		defer m.mu.Unlock()
		total += n.total
		return effort
	})
	return total, stats, err
}

// countRows counts the matches in a source.
func (m *scan) countRows(src *source, left expr) (n uint64, effort int) {
	r, err := m.open(src, left, 0)
	if err != nil {
		return 0, crewBlock
	}
	defer r.close()
	if m.bounds.hasAll(src) {
		if n, known := r.known(); known {
			return n, crewBlock
		}
	}
	m.eachMatch(src, r, left, func(int) bool { n++; return true })
	return n, crewBlock
}

// visitor looks at a source that can hold a match, with what is left to ask of
// its entries, and returns what that took. Several goroutines call it at once.
type visitor func(ctx context.Context, m *scan, src *source, left expr) (effort int)

// survey visits every source that can hold a match, in any order, after
// prepare, if there is one.
func (s *Store) survey(ctx context.Context, req SearchRequest, prepare func(*scan), visit visitor) (SearchStats, error) {
	if err := s.begin(); err != nil {
		return SearchStats{}, err
	}
	defer s.inUse.Done()
	start := time.Now()
	if err := s.takeSlot(ctx); err != nil {
		return SearchStats{}, err
	}
	defer s.freeSlot()
	defer s.leases.give(s.leases.take())
	m := newScan(s, req)
	m.pruner.counts = true
	if prepare != nil {
		prepare(m)
	}
	m.pruner.openDays(ctx)
	err := m.each(ctx, func(*source) bool { return true }, func(src *source, left expr) int { return visit(ctx, m, src, left) })
	m.stats.Took = time.Since(start)
	return m.stats, err
}

// sums are how many entries there are, and of each severity.
type sums struct {
	total    uint64
	severity [block.Severities]uint64
}

// knownSums counts the matches in a block without reading it, if its header and
// the index of words know: all of the block has to be within the bounds, and
// what is left of the query may ask for severities or for one text.
func (m *scan) knownSums(ctx context.Context, src *source, left expr, severities bool) (n sums, known bool) {
	if src.block == nil || src.block.damaged.Load() || !m.bounds.hasAll(src) {
		return sums{}, false
	}
	h := &src.block.header
	switch x := left.(type) {
	case nil:
		return sums{uint64(h.Entries), h.Severity}, true
	case noneExpr:
		return sums{}, true
	case severityExpr:
		for s, count := range h.Severity {
			if x.mask>>s&1 != 0 {
				n.severity[s] = count
				n.total += count
			}
		}
		return n, true
	case textExpr:
		n.total, known = m.linesWith(ctx, src, x)
	case notExpr:
		if text, ok := x.kid.(textExpr); ok {
			n.total, known = m.linesWith(ctx, src, text)
			n.total = uint64(h.Entries) - n.total
		}
	}
	if !known || severities && !n.bySeverity(src) {
		return sums{}, false
	}
	return n, true
}

// bySeverity divides the total among the severities of a block, if that is
// possible without looking.
func (n *sums) bySeverity(src *source) bool {
	switch {
	case n.total == uint64(src.block.header.Entries):
		n.severity = src.block.header.Severity
	case bits.OnesCount8(src.severities) == 1:
		n.severity[bits.TrailingZeros8(src.severities)] = n.total
	default:
		return n.total == 0
	}
	return true
}
