package index

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// scanned makes the histogram of a range by looking at every entry.
func scanned(all []Entry, h Histogram, q Query) []HistogramBucket {
	var buckets []HistogramBucket
	for i := range h.Buckets {
		buckets = append(buckets, HistogramBucket{Time: h.Buckets[i].Time})
		from, to := buckets[i].Time, buckets[i].Time.Add(h.Step)
		for k := range all {
			e := &all[k]
			if e.Received.Before(from) || !e.Received.Before(to) || e.Received.Before(h.From) || !e.Received.Before(h.To) || !q.Match(e) {
				continue
			}
			buckets[i].Total++
			buckets[i].BySeverity[e.Severity]++
		}
	}
	return buckets
}

// checkHistogram holds a histogram to its contract.
func checkHistogram(t *testing.T, all []Entry, req HistogramRequest, h Histogram) {
	t.Helper()
	if diff := cmp.Diff(scanned(all, h, req.Query), h.Buckets); diff != "" {
		t.Fatalf("%s, %+v: buckets (-want +got):\n%s", req.Query, req, diff)
	}
	total := uint64(0)
	for i, b := range h.Buckets {
		total += b.Total
		if (b.Time.UnixNano()+int64(req.Offset))%int64(h.Step) != 0 || i > 0 && b.Time.Sub(h.Buckets[i-1].Time) != h.Step {
			t.Fatalf("%+v: bucket %d begins at %v, want multiples of %v", req, i, b.Time, h.Step)
		}
	}
	if want := matching(all, CountRequest{Query: req.Query, From: req.From, To: req.To}); total != want {
		t.Fatalf("%s, %+v: %d entries in all, want %d", req.Query, req, total, want)
	}
	n := len(h.Buckets)
	if n == 0 {
		return
	}
	if req.Buckets > 0 && n > req.Buckets {
		t.Fatalf("%+v: %d buckets", req, n)
	}
	if first, end := h.Buckets[0].Time, h.Buckets[n-1].Time.Add(h.Step); first.After(h.From) || end.Before(h.To) {
		t.Fatalf("%+v: buckets from %v to %v, want all from %v to %v", req, first, end, h.From, h.To)
	}
}

func TestHistogramEqualsAScanForRandomQueriesAndRanges(t *testing.T) {
	s, all := countStore(t)
	appendMessages(t, s, "s/1", "one timeout in a head")
	all = append(all, findAll(t, s, textQuery("head"))...)
	r := rand.New(rand.NewPCG(7, 8))
	queries := testQueries()
	for _, text := range []string{"timeouts", "refused", "request", "e", "severity:err", "severity>=err", "-refused", "超时", "instance:s/1", "instance:s/2 refused"} {
		queries = append(queries, textQuery(text))
	}
	span := int64(70 * time.Minute)
	offsets := []time.Duration{0, 8 * time.Hour, -5 * time.Hour, 5*time.Hour + 45*time.Minute, -210 * time.Minute}
	for range 500 {
		req := HistogramRequest{Query: combinedQuery(r, queries, 1), Buckets: 2 + r.IntN(100), Offset: offsets[r.IntN(len(offsets))]}
		if r.IntN(2) == 0 {
			req.From = all[0].Received.Add(time.Duration(r.Int64N(span)) - 5*time.Minute)
		}
		if r.IntN(2) == 0 {
			req.To = all[0].Received.Add(time.Duration(r.Int64N(span)))
		}
		h, err := s.Histogram(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		checkHistogram(t, all, req, h)
	}
}

func TestHistogramReadsNoBlockThatLiesInOneBucket(t *testing.T) {
	s, all := countStore(t)
	start := all[0].Received
	tests := []struct {
		name    string
		text    string
		buckets int
		step    time.Duration
		read    int
	}{
		{"all by the half hour", "", 2, 30 * time.Minute, 0},
		{"an instance", "instance:s/1", 2, 30 * time.Minute, 0},
		{"a severity", "severity<=err", 2, 30 * time.Minute, 0},
		{"a word of all entries", "request", 2, 30 * time.Minute, 0},
		{"a word, of which the severities are asked", "refused", 2, 30 * time.Minute, 12},
		{"blocks in two buckets", "", 4, 15 * time.Minute, 4},
		{"by the minute", "instance:s/2", 60, time.Minute, 6},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			req := HistogramRequest{Query: textQuery(tt.text), From: start, To: start.Add(time.Hour), Buckets: tt.buckets}
			h, err := s.Histogram(t.Context(), req)
			if err != nil {
				t.Fatal(err)
			}
			checkHistogram(t, all, req, h)
			if h.Step != tt.step || len(h.Buckets) != tt.buckets || h.Stats.ScannedBlocks != tt.read {
				t.Errorf("%d buckets of %v, %d blocks read, want %d of %v, %d read",
					len(h.Buckets), h.Step, h.Stats.ScannedBlocks, tt.buckets, tt.step, tt.read)
			}
		})
	}
}

func TestHistogramCoversItsRangeAlsoWhereNothingIs(t *testing.T) {
	s, all := countStore(t)
	day := all[0].Received.Truncate(24 * time.Hour)
	h, err := s.Histogram(t.Context(), HistogramRequest{From: day, To: day.Add(24 * time.Hour), Buckets: 24})
	if err != nil || len(h.Buckets) != 24 || h.Step != time.Hour || !h.From.Equal(day) || !h.To.Equal(day.Add(24*time.Hour)) {
		t.Errorf("%d buckets of %v from %v to %v, error %v, want the 24 hours of the day", len(h.Buckets), h.Step, h.From, h.To, err)
	}
	h, err = s.Histogram(t.Context(), HistogramRequest{})
	if err != nil || h.Step != time.Minute || !h.From.Equal(all[0].Received) || !h.To.Equal(all[len(all)-1].Received.Add(1)) {
		t.Errorf("step %v from %v to %v, error %v, want minutes of what is kept", h.Step, h.From, h.To, err)
	}
	empty := openStore(t, Config{Dir: t.TempDir()})
	if h, err := empty.Histogram(t.Context(), HistogramRequest{From: day}); err != nil || len(h.Buckets) != 0 {
		t.Errorf("%d buckets of nothing up to nowhere, error %v, want none", len(h.Buckets), err)
	}
}

func TestHistogramStepsAreRound(t *testing.T) {
	const day = 24 * 3600
	for _, tt := range []struct{ first, last, buckets, want int64 }{
		{0, 59, 60, 1},
		{0, 60, 60, 5},
		{-30, 29, 60, 1},
		{1, 300, 60, 15},
		{0, 3599, 60, 60},
		{0, 24*3600 - 1, 24, 3600},
		{0, 24*3600 - 1, 23, 3 * 3600},
		{0, 365 * day, 60, 7 * day},
		{0, 365 * day, 20, 28 * day},
		{0, 365 * day, 10, 56 * day},
		{-1, 0, 1, 1 << 31}, // no length is enough
		{-(1 << 33), 1 << 33, 60, 28 * 128 * day},
	} {
		got := roundStep(tt.first, tt.last, tt.buckets)
		if tt.want == 1<<31 {
			if got < tt.want/4 {
				t.Errorf("roundStep(%d, %d, %d) = %d, want a very long one", tt.first, tt.last, tt.buckets, got)
			}
			continue
		}
		if got != tt.want {
			t.Errorf("roundStep(%d, %d, %d) = %d, want %d", tt.first, tt.last, tt.buckets, got, tt.want)
		}
	}
}

func TestHistogramOfTheWholeOfTimeIsBounded(t *testing.T) {
	s := openStore(t, Config{Dir: t.TempDir()})
	if err := s.Append([]Entry{{Instance: "a/b", Received: time.Unix(0, -1<<62)}, {Instance: "a/b", Received: time.Unix(0, 1<<62)}}); err != nil {
		t.Fatal(err)
	}
	for _, buckets := range []int{-1, 1, 1 << 40} {
		h, err := s.Histogram(t.Context(), HistogramRequest{Buckets: buckets})
		total := uint64(0)
		for _, b := range h.Buckets {
			total += b.Total
		}
		if err != nil || total != 2 || len(h.Buckets) > maxBuckets {
			t.Errorf("%d entries in %d buckets, error %v, want 2 in at most %d", total, len(h.Buckets), err, maxBuckets)
		}
	}
}
