package index

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// countStore has six blocks of ten minutes each of two instances, ten entries a
// block, and knows what was appended.
func countStore(t testing.TB) (s *Store, all []Entry) {
	t.Helper()
	s = openStore(t, Config{Dir: t.TempDir(), RingEntries: 1})
	start := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	for part := range 6 {
		for _, instance := range []string{"s/1", "s/2"} {
			batch := make([]Entry, 10)
			for i := range batch {
				batch[i] = Entry{
					Instance: instance, Severity: Severity(i % 8), Received: start.Add(time.Duration(part*10+i) * time.Minute),
					AppName: fmt.Sprintf("app%d", i%3), Message: fmt.Sprintf("request %d of part %c done", i, 'a'+part),
				}
				switch {
				case i%2 == 0 && instance == "s/1":
					batch[i].Message += ", ReadTimeouts 连接超时"
				case i == 3:
					batch[i].Message += " refused by dev1"
				}
			}
			if err := s.Append(batch); err != nil {
				t.Fatal(err)
			}
			all = append(all, batch...)
		}
		sealAll(t, s)
	}
	return s, all
}

// matching counts by looking at every entry.
func matching(all []Entry, req CountRequest) uint64 {
	n := uint64(0)
	for i := range all {
		e := &all[i]
		if req.Query.Match(e) && (req.From.IsZero() || !e.Received.Before(req.From)) && (req.To.IsZero() || e.Received.Before(req.To)) {
			n++
		}
	}
	return n
}

func TestCountReadsNoBlockThatHeaderOrWordsAnswerFor(t *testing.T) {
	s, all := countStore(t)
	at := func(minute int) time.Time { return all[0].Received.Add(time.Duration(minute) * time.Minute) }
	tests := []struct {
		name     string
		text     string
		from, to time.Time
		read     int
	}{
		{name: "all", text: ""},
		{name: "an instance", text: "instance:s/1"},
		{name: "other instances", text: "-instance:s/1"},
		{name: "a severity", text: "severity:err"},
		{name: "severities of an instance", text: "instance:s/1 severity>=err severity<=warning"},
		{name: "either severity", text: "severity:err OR severity:debug"},
		{name: "an instance or nothing of another", text: "instance:s/1 OR (instance:s/2 severity:>emerg)"},
		{name: "a word", text: "refused"},
		{name: "a word of all entries", text: "request"},
		{name: "letters inside of one word", text: "adtimeo"},
		{name: "letters inside of an id", text: "dev"},
		{name: "not a word", text: "-refused"},
		{name: "two Chinese letters", text: "超时"},
		{name: "one Chinese letter at the end of a sentence", text: "时"},
		{name: "a word of an instance", text: "instance:s/2 refused"},
		{name: "whole blocks", text: "severity:err", from: at(10), to: at(30)},
		{name: "from inside of a block", text: "", from: at(15), read: 2},
		{name: "both ends inside of blocks", text: "timeouts", from: at(15), to: at(45), read: 2},
		{name: "all inside of a block", text: "instance:s/1", from: at(12), to: at(15), read: 1},
		{name: "time words", text: fmt.Sprintf("severity:err after:%s", at(25).Format(time.RFC3339)), read: 2},
		{name: "inside of two words", text: "e", read: 12},
		{name: "a letter inside of two pairs", text: "接", read: 6},
		{name: "two words", text: "request done", read: 12},
		{name: "a word and a severity", text: "refused severity:err", read: 12},
		{name: "an id", text: "dev1", read: 12},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			req := CountRequest{Query: textQuery(tt.text), From: tt.from, To: tt.to}
			got, stats, err := s.count(t.Context(), SearchRequest{Query: req.Query, From: req.From, To: req.To})
			if want := matching(all, req); err != nil || got != want {
				t.Errorf("count = %d, error %v, want %d", got, err, want)
			}
			if stats.ScannedBlocks != tt.read {
				t.Errorf("%d blocks were read, want %d", stats.ScannedBlocks, tt.read)
			}
		})
	}
}

func TestCountOfAWordIsExactThoughTheBlockHasMoreWordsThanItsIndex(t *testing.T) {
	s := openStore(t, Config{Dir: t.TempDir(), WordsPerBlock: 2})
	oneBlockEach(t, s, "alpha beta gamma timeout readtimeouts", "timeout")
	for text, want := range map[string]uint64{"timeout": 2, "alpha": 1, "-timeout": 0, "gamma": 1} {
		if got, err := s.Count(t.Context(), CountRequest{Query: textQuery(text)}); err != nil || got != want {
			t.Errorf("count of %s = %d, error %v, want %d", text, got, err, want)
		}
	}
}

// combinedQuery puts the test's queries together.
func combinedQuery(r *rand.Rand, queries []Query, depth int) Query {
	q := queries[r.IntN(len(queries))]
	if depth == 0 || q.expr == nil {
		return q
	}
	other := combinedQuery(r, queries, depth-1)
	switch r.IntN(4) {
	case 0:
		return Query{expr: anyOf(q.expr, other.expr)}
	case 1:
		return Query{expr: negate(q.expr)}
	case 2:
		return q.And(other)
	}
	return q
}

// checkReduction compares what is left of a query for a block with the query.
func checkReduction(t *testing.T, q Query, entries []Entry, src *source) {
	t.Helper()
	left := reduce(q.expr, src)
	for i := range entries {
		e := &entries[i]
		if got, want := left == nil || left.match(e), q.Match(e); got != want {
			t.Fatalf("%s is reduced to %v, which matches %+v: %v, want %v", q, left, e, got, want)
		}
	}
}

func TestWhatIsLeftOfAQueryMatchesTheSameEntriesOfABlock(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	queries := testQueries()
	for _, text := range []string{"severity:err", "severity<=notice", "severity:debug..info", "-severity:info", "instance:s/1", "-owner:2", "service:s",
		"after:2026-11-22T10:00:05Z", "before:2026-11-22T10:00:05Z", "-before:2026-11-22T10:00:05Z"} {
		queries = append(queries, textQuery(text))
	}
	start := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	for range 2000 {
		entries := make([]Entry, 1+r.IntN(4))
		src := source{instance: fmt.Sprintf("s/%d", r.IntN(3)), minTime: 1 << 62}
		for i := range entries {
			e := Entry{
				Instance: src.instance, Severity: Severity(r.IntN(8)), Message: randomMessage(r),
				Received: start.Add(time.Duration(r.IntN(10)) * time.Second),
			}
			src.severities |= 1 << e.Severity
			src.minTime = min(src.minTime, e.Received.UnixNano())
			src.maxTime = max(src.maxTime, e.Received.UnixNano())
			entries[i] = e
		}
		checkReduction(t, combinedQuery(r, queries, 3), entries, &src)
	}
}

func TestCountEqualsAScanForRandomQueriesAndRanges(t *testing.T) {
	s, all := countStore(t)
	appendMessages(t, s, "s/1", "one timeout in a head") // some of it is not sealed
	head := findAll(t, s, textQuery("head"))
	all = append(all, head...)
	r := rand.New(rand.NewPCG(5, 6))
	queries := testQueries()
	for _, text := range []string{"timeouts", "refused", "request", "dev", "e", "req", "done", "severity:err", "severity>=err", "part", "tag:app1", "超时", "超", "status:5xx"} {
		queries = append(queries, textQuery(text))
	}
	span := int64(70 * time.Minute)
	for range 600 {
		req := CountRequest{Query: combinedQuery(r, queries, 2)}
		if r.IntN(2) == 0 {
			req.From = all[0].Received.Add(time.Duration(r.Int64N(span)) - 5*time.Minute)
		}
		if r.IntN(2) == 0 {
			req.To = all[0].Received.Add(time.Duration(r.Int64N(span)))
		}
		got, err := s.Count(t.Context(), req)
		if want := matching(all, req); err != nil || got != want {
			t.Fatalf("count of %s from %v to %v = %d, error %v, want %d", req.Query, req.From, req.To, got, err, want)
		}
	}
}

func TestHelpersOfASearchTakeOnlySlotsThatAreFree(t *testing.T) {
	s := openStore(t, Config{Dir: t.TempDir()})
	for range cap(s.slots) {
		s.slots <- struct{}{}
	}
	done := 0 // by one goroutine, or the race detector speaks up
	c := crew{store: s, count: 100, work: func(context.Context, int) (int, bool) { done++; return crewFrom, true }}
	if err := c.run(t.Context()); err != nil || done != 100 {
		t.Errorf("%d pieces are done, error %v, want 100", done, err)
	}
	for range cap(s.slots) {
		s.freeSlot()
	}
}

func TestASearchUsesFreeSlotsAndGivesThemBack(t *testing.T) {
	s := openStore(t, Config{Dir: t.TempDir()})
	s.slots <- struct{}{} // as a search does
	meet := make(chan struct{})
	c := crew{store: s, count: 100, work: func(ctx context.Context, i int) (int, bool) {
		switch i {
		case 0:
			return crewFrom, true
		case 1, 2: // two goroutines, each waiting for the other
			select {
			case meet <- struct{}{}:
			case <-meet:
			case <-ctx.Done():
			}
		}
		return 1, true
	}}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	if err := c.run(ctx); err != nil {
		t.Fatal(err)
	}
	if n := len(s.slots); n != 1 {
		t.Errorf("%d slots are taken afterwards, want that of the search", n)
	}
	s.freeSlot()
}

func TestACrewEndsWithItsContext(t *testing.T) {
	s := openStore(t, Config{Dir: t.TempDir()})
	ctx, cancel := context.WithCancel(t.Context())
	c := crew{store: s, count: 1 << 30, work: func(_ context.Context, i int) (int, bool) {
		if i == 1000 {
			cancel()
		}
		return crewFrom, true
	}}
	if err := c.run(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("error = %v, want %v", err, context.Canceled)
	}
}
