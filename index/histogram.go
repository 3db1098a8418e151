package index

import (
	"context"
	"math"
	"time"

	"github.com/tagtail/tagtail/index/internal/block"
)

const (
	defaultBuckets = 60
	maxBuckets     = 2000
)

// HistogramRequest asks how many entries match, over time.
type HistogramRequest struct {
	Query Query
	// From and To bound Received: From ≤ Received < To. Zero is where the
	// entries that are kept begin and end. What the query says of time bounds
	// it too.
	From, To time.Time
	// Buckets is the most buckets that are wanted; 0 means 60. There are no more
	// than 2,000.
	Buckets int
	// Offset is how far the clock of the reader's zone is ahead of UTC: buckets
	// of hours and days begin with its hours and days. It is one for the whole
	// range, summer time or not.
	Offset time.Duration
}

// Histogram counts all matches of a range of time in buckets of one length.
type Histogram struct {
	// From and To are the range that was counted, in UTC. Both are zero if there
	// is nothing to count.
	From, To time.Time
	// Step is how long a bucket is: one of a few round lengths.
	Step time.Duration
	// Buckets follow each other without a hole. The first and the last may begin
	// before From and end after To; they count only what is in between.
	Buckets []HistogramBucket
	Stats   SearchStats
}

// HistogramBucket counts the matches from Time on, which is a multiple of the
// step since 1970 in UTC, less the Offset that was asked for.
type HistogramBucket struct {
	Time  time.Time
	Total uint64
	// BySeverity has the count of severity n at n.
	BySeverity [8]uint64
}

// Histogram counts the matches over time, whatever their number. Like Count it
// reads only blocks of which it must: those that lie in several buckets, or of
// which neither header nor index tell how many matches of which severity there
// are.
func (s *Store) Histogram(ctx context.Context, req HistogramRequest) (Histogram, error) {
	search := SearchRequest{Query: req.Query, From: req.From, To: req.To, Order: OldestFirst}
	var grid *grid
	stats, err := s.survey(ctx, search, func(m *scan) {
		grid = newGrid(m, req)
	}, func(ctx context.Context, m *scan, src *source, left expr) (effort int) {
		return grid.count(ctx, m, src, left)
	})
	if err != nil {
		return Histogram{}, err
	}
	h := grid.histogram()
	h.Stats = stats
	return h, nil
}

// grid divides a range of time into buckets. scan.mu guards their counts.
type grid struct {
	from, to int64 // nanoseconds since 1970
	step     int64 // seconds
	offset   int64 // seconds
	first    int64 // steps since 1970 of the first bucket, in the offset's zone
	buckets  []sums
}

// newGrid divides the range that the scan is bound to.
func newGrid(m *scan, req HistogramRequest) *grid {
	g := &grid{from: m.bounds.minTime, to: m.bounds.endTime, offset: int64(req.Offset / time.Second)}
	if g.from == math.MinInt64 || g.to == math.MaxInt64 {
		g.shrink(m)
	}
	if g.from >= g.to {
		return g
	}
	wanted := req.Buckets
	if wanted <= 0 {
		wanted = defaultBuckets
	}
	first, last := g.second(g.from), g.second(g.to-1)
	g.step = roundStep(first, last, int64(min(wanted, maxBuckets)))
	g.first = floorDiv(first, g.step)
	g.buckets = make([]sums, floorDiv(last, g.step)-g.first+1)
	return g
}

// shrink replaces an open end by that of the sources whose header says that
// they may hold a match.
func (g *grid) shrink(m *scan) {
	lowest, highest := int64(math.MaxInt64), int64(math.MinInt64)
	for i := range m.sources {
		src := &m.sources[i]
		if _, none := reduce(m.query.expr, src).(noneExpr); !none && m.bounds.hasAny(src) {
			lowest, highest = min(lowest, src.minTime), max(highest, src.maxTime)
		}
	}
	if g.from == math.MinInt64 {
		g.from = lowest
	}
	if g.to == math.MaxInt64 && highest != math.MaxInt64 {
		g.to = highest + 1
	}
}

// roundSteps are the lengths of buckets up to a week, in seconds. Longer ones
// are a power of two of four weeks.
var roundSteps = []int64{
	1, 5, 15, 30, 60, 5 * 60, 15 * 60, 30 * 60, 3600, 3 * 3600, 6 * 3600, 12 * 3600, 24 * 3600, 7 * 24 * 3600,
}

// roundStep is the shortest length with which so many buckets hold the seconds
// from first to last.
func roundStep(first, last, buckets int64) int64 {
	fits := func(step int64) bool { return floorDiv(last, step)-floorDiv(first, step) < buckets }
	for _, step := range roundSteps {
		if fits(step) {
			return step
		}
	}
	step := 4 * roundSteps[len(roundSteps)-1]
	// Two buckets may be needed however long they are, because one ends in 1970,
	// and a few more for centuries.
	for !fits(step) && step < math.MaxInt64/4/int64(time.Second) {
		step *= 2
	}
	return step
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// second is a moment in the offset's zone.
func (g *grid) second(ns int64) int64 { return floorDiv(ns, int64(time.Second)) + g.offset }

// bucket is the number of the bucket of a moment within the range.
func (g *grid) bucket(ns int64) int {
	return int(floorDiv(g.second(ns), g.step) - g.first)
}

// count adds the matches of a source.
func (g *grid) count(ctx context.Context, m *scan, src *source, left expr) (effort int) {
	if len(g.buckets) == 0 {
		return 0
	}
	first, last := g.bucket(max(src.minTime, g.from)), g.bucket(min(src.maxTime, g.to-1))
	found := make([]sums, last-first+1)
	known := false
	if first == last {
		found[0], known = m.knownSums(ctx, src, left, true)
	}
	if !known {
		effort = m.matchRows(src, left, block.PartReceived|block.PartSeverity, func(r *partRows, at int) bool {
			found[g.bucket(r.received(at))-first].add(r.severity(at))
			return true
		})
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range found {
		g.buckets[first+i].addAll(&found[i])
	}
	return effort
}

func (n *sums) add(s Severity) {
	n.total++
	n.severity[s%block.Severities]++
}

func (n *sums) addAll(other *sums) {
	n.total += other.total
	for i, count := range other.severity {
		n.severity[i] += count
	}
}

func (g *grid) histogram() Histogram {
	if len(g.buckets) == 0 {
		return Histogram{}
	}
	h := Histogram{
		From: time.Unix(0, g.from).UTC(), To: time.Unix(0, g.to).UTC(),
		Step: time.Duration(g.step) * time.Second, Buckets: make([]HistogramBucket, len(g.buckets)),
	}
	for i, n := range g.buckets {
		at := time.Unix((g.first+int64(i))*g.step-g.offset, 0).UTC()
		h.Buckets[i] = HistogramBucket{Time: at, Total: n.total, BySeverity: n.severity}
	}
	return h
}
