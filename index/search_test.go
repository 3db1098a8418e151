package index

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tagtail/tagtail/index/internal/blockindex"
)

func textQuery(text string) Query { return ParseQuery(text, ParseOptions{}) }

func testQueries() []Query {
	queries := []Query{{}, InstanceQuery("s/1"), InstanceQuery(), InstanceQuery("s/2", "s/3").And(textQuery("timeout"))}
	for _, text := range []string{
		"timeout", "TIME", "meo", "read timeouts", `"(timeout)"`, `" a "`, "a", "ab", "abc", "1", "dev1", "ev1", "dev", "dev*", "uid=12",
		"uid=123", `"uid=123 "`, "uid=123*", "-timeout", `"-12-"`, "超时", "接超时了", "时", "ÄRGER", "ärg", "caf", "é", "9", "x9", "x",
		"k", "i", `"\xff"`, "none of this", "0a0", "abc1", "1abc", "b1c", `"dev1 uid=12"`, "*out", "t*t", "ab OR 超时", "NOT ab", "/ab[0-9]/",
		"/time(out)?/", "/TIME/", "severity:err", "severity<=crit timeout", "instance:s/2 timeout severity:debug",
		"(dev1 OR 超时) -instance:s/0", "(dev2 OR abc) timeout", "received>2026-11-22T23:59:55 ab", "message:ab", "seq>100 ab",
		"status:502", "status:5xx", "-status:2xx is:access", "client:10.1.2.3", "client:127.0.0.0/8", "client:2001:db8::/32", "client:127.0.*",
		"path:/up", "path:=/up", "path:/ab*", "path:up OR has:req", "file:err.lua", "file:err.lua:3", "file:main.py:12", "line:3..5", "line>60", "is:trace", "took>1s",
		"took:56ms", "is:slow", "bytes:157", "bytes>10k", "upstream:127.0.0.1:9", "server:local", "ua:*", "-ua:*", "ua:mozilla", "req:7f3a9c", "kind:lua",
		"kind:nginx-error timeout", "conn:2 OR pid:18331", "referer:/ex.mple/", "method:post", "http_host:1081", "has:file", "has:redis",
	} {
		queries = append(queries, textQuery(text))
	}
	return queries
}

func randomMessage(r *rand.Rand) string {
	pieces := []string{
		"timeout", "ReadTimeouts", "TIME", "dev1", "dev10", "dev2", "uid=12", "uid=123", "uid=1234", "超时", "连接超时了", "接", "时",
		"Ärger", "café1", "é", "a", "ab", "abc", "ab1", "1ab", "abc1", "1abc", "x9", "0a0", "\xff", "\x00", "\x1b[31m", "\n", "-", "(", ")", "=", " ", " ", " ", "İ", "K",
	}
	var b strings.Builder
	if r.IntN(4) == 0 {
		said := []string{nginxUp, luaTraceback, luaLatency, accessUp, accessSlow, accessIPv6, jsonAccess, pythonFailed, redisText, pairsText}
		b.WriteString(said[r.IntN(len(said))])
	}
	for range r.IntN(8) {
		if r.IntN(12) == 0 {
			fmt.Fprintf(&b, "%x", r.Uint64())
			continue
		}
		b.WriteString(pieces[r.IntN(len(pieces))])
		if r.IntN(2) == 0 {
			b.WriteByte(' ')
		}
	}
	return b.String()
}

func TestSearchEqualsAScanOfEverything(t *testing.T) {
	for _, budget := range []int{0, 3} { // words past 3 a block go to the filter
		t.Run(fmt.Sprintf("budget %d", budget), func(t *testing.T) {
			r := rand.New(rand.NewPCG(1, uint64(budget)))
			cfg := Config{Dir: t.TempDir(), HeadEntries: 16, WordsPerBlock: budget, RingEntries: 8, sealWithin: unsealed}
			s := openStore(t, cfg)
			start := time.Date(2026, 11, 22, 23, 59, 50, 0, time.UTC)
			var model []Entry
			for round := range 60 {
				batch := make([]Entry, 1+r.IntN(20))
				for i := range batch {
					batch[i] = Entry{
						Received: start.Add(time.Duration(r.IntN(20_000)) * time.Millisecond),
						Severity: Severity(r.IntN(8)), Instance: fmt.Sprintf("s/%d", r.IntN(4)), Message: randomMessage(r),
					}
				}
				if err := s.Append(batch); err != nil {
					t.Fatal(err)
				}
				model = append(model, batch...)
				if round%3 == 0 {
					s.sealNext()
				}
				if round%20 == 19 {
					closeStore(t, s)
					s = openStore(t, cfg)
				}
			}
			if stats := s.Stats(); stats.Blocks < 10 || stats.Heads == 0 {
				t.Fatalf("stats = %+v, want blocks and heads", stats)
			}
			skipped, early := 0, 0
			for _, query := range testQueries() {
				for range 4 {
					req := randomRequest(r, query, start, len(model))
					want, blocks := checkSearch(t, s, model, req)
					skipped += blocks
					early += checkHurried(t, s, want, req)
				}
			}
			if skipped == 0 || early == 0 {
				t.Errorf("%d blocks were skipped, and %d searches ended early", skipped, early)
			}
		})
	}
}

func randomRequest(r *rand.Rand, query Query, start time.Time, entries int) SearchRequest {
	req := SearchRequest{Query: query, Order: Order(r.IntN(2)), Limit: 1 + r.IntN(50)}
	if r.IntN(3) == 0 {
		req.From = start.Add(time.Duration(r.IntN(20_000)) * time.Millisecond)
	}
	if r.IntN(3) == 0 {
		req.To = start.Add(time.Duration(r.IntN(20_000)) * time.Millisecond)
	}
	if r.IntN(4) == 0 {
		req.After = uint64(r.IntN(entries + 2))
	}
	if r.IntN(4) == 0 {
		req.Before = uint64(r.IntN(entries + 2))
	}
	return req
}

// checkHurried asks again and again for what can be found at once, and goes on
// from there. It returns how many of the answers were not to the end.
func checkHurried(t *testing.T, s *Store, want []Entry, req SearchRequest) (early int) {
	t.Helper()
	first := req
	req.Within = 1
	var got []Entry
	for {
		result, err := s.Search(t.Context(), req)
		if err != nil || len(result.Entries) > req.Limit {
			t.Fatalf("search %v %+v: %d entries, error %v", req.Query.Terms(), req, len(result.Entries), err)
		}
		got = append(got, result.Entries...)
		if !result.More {
			break
		}
		next := result.Reached.Seq
		if next == 0 {
			next = got[len(got)-1].Seq
		} else {
			early++
			at := result.Reached.Received
			if orderly := req.To.IsZero() || req.From.Before(req.To); orderly && (at.Before(req.From) || !req.To.IsZero() && at.After(req.To)) {
				t.Fatalf("search %v %+v: came to %v", req.Query.Terms(), req, result.Reached)
			}
		}
		if further := next < req.Before || req.Before == 0; req.Order == NewestFirst && further {
			req.Before = next
		} else if further = next > req.After; req.Order == OldestFirst && further {
			req.After = next
		} else {
			t.Fatalf("search %v %+v: goes on from %d", req.Query.Terms(), req, next)
		}
	}
	if diff := cmp.Diff(want, got, sameEntry); diff != "" {
		t.Fatalf("search %v %+v in a hurry (-want +got):\n%s", req.Query.Terms(), first, diff)
	}
	return early
}

// checkSearch returns all that should be found, not only the first page.
func checkSearch(t *testing.T, s *Store, model []Entry, req SearchRequest) (all []Entry, skipped int) {
	t.Helper()
	var want []Entry
	inTime := uint64(0)
	for i := range model {
		e := &model[i]
		if !req.Query.Match(e) || !req.From.IsZero() && e.Received.Before(req.From) || !req.To.IsZero() && !e.Received.Before(req.To) {
			continue
		}
		inTime++
		if e.Seq > req.After && (req.Before == 0 || e.Seq < req.Before) {
			want = append(want, *e)
		}
	}
	if req.Order == NewestFirst {
		slices.Reverse(want)
	}
	more := len(want) > req.Limit
	all = want
	want = want[:min(len(want), req.Limit)]
	got, err := s.Search(context.Background(), req)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got.Entries, sameEntry); diff != "" || got.More != more {
		t.Fatalf("search %v %+v: more = %v, want %v; entries (-want +got):\n%s", req.Query.Terms(), req, got.More, more, diff)
	}
	count, err := s.Count(context.Background(), CountRequest{Query: req.Query, From: req.From, To: req.To})
	if err != nil || count != inTime {
		t.Fatalf("count %+v = %d, %v, want %d", req, count, err, inTime)
	}
	return all, got.Stats.SkippedBlocks
}

// oneBlockEach seals every message as a block of its own.
func oneBlockEach(t testing.TB, s *Store, messages ...string) {
	t.Helper()
	for _, message := range messages {
		appendMessages(t, s, "a/b", message)
		sealAll(t, s)
	}
}

func TestSearchReadsOnlyBlocksThatCanMatch(t *testing.T) {
	s := openStore(t, Config{Dir: t.TempDir()})
	oneBlockEach(t, s, "connection refused", "read timeouts", "id 7f3a9c", "连接超时", "dev10 up", accessUp, luaTraceback)
	tests := []struct {
		query Query
		want  int
	}{
		{textQuery("refused"), 1},
		{textQuery("fuse"), 1},
		{textQuery("timeout"), 1},
		{textQuery("超时"), 1},
		{textQuery("7f3a9c"), 1},
		{textQuery("nothing"), 0},
		{textQuery("status:502"), 1},
		{textQuery("path:/err -status:2xx"), 1},
		{textQuery("file:err.lua:5"), 1},
		{textQuery("file:err.lua:7"), 0},
		{textQuery("client:10.0.0.0/8"), 0},
		{textQuery("client:2001:db8::/32"), 0},
		{InstanceQuery("other"), 0},
		{textQuery("severity:err"), 0},
		{Query{}, 7},
	}
	for _, test := range tests {
		result, err := s.Search(context.Background(), SearchRequest{Query: test.query})
		if err != nil {
			t.Fatal(err)
		}
		if got := result.Stats.ScannedBlocks; got != test.want {
			t.Errorf("%v: %d blocks were read, want %d", test.query.Terms(), got, test.want)
		}
		if len(result.Entries) != test.want {
			t.Errorf("%v: %d entries, want %d", test.query.Terms(), len(result.Entries), test.want)
		}
	}
}

func TestNewestFirstSearchStopsAtItsLimit(t *testing.T) {
	s := openStore(t, Config{Dir: t.TempDir()})
	for i := range 10 {
		oneBlockEach(t, s, fmt.Sprintf("message %d", i))
	}
	for range cap(s.slots) - 1 {
		s.slots <- struct{}{} // others search: nobody helps, and reads ahead
	}
	result, err := s.Search(context.Background(), SearchRequest{Limit: 3})
	if err != nil {
		t.Fatal(err)
	}
	if len(result.Entries) != 3 || !result.More || result.Stats.ScannedBlocks > 4 {
		t.Errorf("%d entries, more %v, %d blocks read, want 3, true, at most 4", len(result.Entries), result.More, result.Stats.ScannedBlocks)
	}
}

func TestMemoryOfASearchDoesNotGrowWithTheInstances(t *testing.T) {
	const instances, perBatch, perBlock = 12, 64, 8192
	s := openStore(t, Config{Dir: t.TempDir(), RingEntries: 1, HeadEntries: perBlock})
	for n := 0; n < perBlock; n += perBatch {
		for instance := range instances {
			batch := make([]Entry, perBatch)
			for i := range batch {
				batch[i] = Entry{Instance: fmt.Sprintf("s/%d", instance), Message: fmt.Sprintf("uid=%d entered room %d, %50d", n+i, instance, i)}
			}
			if err := s.Append(batch); err != nil {
				t.Fatal(err)
			}
		}
	}
	sealAll(t, s)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	m := newScan(s, SearchRequest{})
	result, err := m.page(t.Context(), 5000)
	runtime.GC()
	runtime.ReadMemStats(&after)
	if err != nil || len(result.Entries) != 5000 || m.stats.ScannedBlocks != instances {
		t.Fatalf("%d entries of %d blocks, error %v, want 5000 of %d", len(result.Entries), m.stats.ScannedBlocks, err, instances)
	}
	// A block takes about 2 MB, and a page of 5000 as much.
	if held := int64(after.HeapAlloc) - int64(before.HeapAlloc); held > 8<<20 {
		t.Errorf("%d bytes are held for %d entries, want less than 8 MiB", held, len(result.Entries))
	}
	runtime.KeepAlive(m)
	runtime.KeepAlive(result)
}

func TestSearchWaitsForASlotUntilItsContextOrTheStoreEnds(t *testing.T) {
	s := openStore(t, Config{Dir: t.TempDir()})
	appendMessages(t, s, "a/b", "one")
	for range cap(s.slots) {
		s.slots <- struct{}{}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := s.Search(ctx, SearchRequest{}); !errors.Is(err, context.Canceled) {
		t.Errorf("search error = %v, want %v", err, context.Canceled)
	}
	if _, err := s.Count(ctx, CountRequest{}); !errors.Is(err, context.Canceled) {
		t.Errorf("count error = %v, want %v", err, context.Canceled)
	}
	ended := make(chan error, 1)
	go func() {
		_, err := s.Search(context.Background(), SearchRequest{})
		ended <- err
	}()
	closeStore(t, s)
	if err := <-ended; !errors.Is(err, ErrClosed) {
		t.Errorf("search error = %v, want %v", err, ErrClosed)
	}
}

func TestSearchWaitsForTheWordIndexUntilItsContextOrTheStoreEnds(t *testing.T) {
	s := openStore(t, Config{Dir: t.TempDir()})
	oneBlockEach(t, s, "one timeout", "other")
	s.mu.Lock()
	var d *day
	for _, known := range s.days {
		d = known
	}
	s.mu.Unlock()
	d.completing <- struct{}{} // another search builds it
	search := func(ctx context.Context) <-chan error {
		ended := make(chan error, 1)
		go func() {
			_, err := s.Search(ctx, SearchRequest{Query: textQuery("timeout")})
			ended <- err
		}()
		waitFor(t, func() bool { return len(s.slots) > 0 })
		return ended
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := search(ctx)
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("error = %v, want %v", err, context.Canceled)
	}
	ended = search(context.Background())
	closeStore(t, s)
	if err := <-ended; !errors.Is(err, ErrClosed) {
		t.Errorf("error = %v, want %v", err, ErrClosed)
	}
}

func TestSearchEndsWithItsContext(t *testing.T) {
	s := openStore(t, Config{Dir: t.TempDir()})
	oneBlockEach(t, s, "one", "two")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := s.Search(ctx, SearchRequest{}); !errors.Is(err, context.Canceled) {
		t.Errorf("error = %v, want %v", err, context.Canceled)
	}
	if _, err := s.Count(ctx, CountRequest{}); !errors.Is(err, context.Canceled) {
		t.Errorf("count error = %v, want %v", err, context.Canceled)
	}
}

func TestDerivedDataIsBuiltAgain(t *testing.T) {
	tests := map[string]func(t *testing.T, day string){
		"all is gone": func(t *testing.T, day string) {
			for _, path := range glob(t, day, "*.filter") {
				remove(t, path)
			}
			remove(t, filepath.Join(day, blockindex.Folder))
		},
		"filters are damaged": func(t *testing.T, day string) {
			for _, path := range glob(t, day, "*.filter") {
				flip(t, path, -1)
			}
		},
		"word index is damaged": func(t *testing.T, day string) {
			for _, path := range glob(t, day, blockindex.Folder+"/*") {
				flip(t, path, 10)
			}
		},
		"word index is no folder": func(t *testing.T, day string) {
			remove(t, filepath.Join(day, blockindex.Folder))
			if err := os.WriteFile(filepath.Join(day, blockindex.Folder), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		},
	}
	for name, damage := range tests {
		t.Run(name, func(t *testing.T) {
			cfg := Config{Dir: t.TempDir()}
			s := openStore(t, cfg)
			oneBlockEach(t, s, "one timeout", "id 7f3a9c", "other")
			closeStore(t, s)
			damage(t, glob(t, cfg.Dir, "days/*")[0])

			s = openStore(t, cfg)
			for _, text := range []string{"timeout", "7f3a9c"} {
				if got := findAll(t, s, textQuery(text)); len(got) != 1 {
					t.Errorf("%q finds %d entries, want 1", text, len(got))
				}
			}
			stats := s.Stats()
			if stats.RebuiltFilters+stats.RebuiltDocuments == 0 {
				t.Errorf("stats = %+v, want something built again", stats)
			}
			result, err := s.Search(context.Background(), SearchRequest{Query: textQuery("timeout")})
			if err != nil || result.Stats.ScannedBlocks != 1 {
				t.Errorf("%d blocks were read, error %v, want 1", result.Stats.ScannedBlocks, err)
			}
		})
	}
}

func TestDamagedBlockIsReportedAndTheRestServed(t *testing.T) {
	for name, damage := range map[string]func(t *testing.T, path string){
		"flipped body":   func(t *testing.T, path string) { flip(t, path, -1) },
		"flipped header": func(t *testing.T, path string) { flip(t, path, 20) },
		"flipped magic":  func(t *testing.T, path string) { flip(t, path, 0) },
		"cut":            func(t *testing.T, path string) { truncate(t, path, 30) },
		"empty":          func(t *testing.T, path string) { truncate(t, path, 0) },
	} {
		t.Run(name, func(t *testing.T) {
			var log logBuffer
			cfg := Config{Dir: t.TempDir(), Logger: log.logger()}
			s := openStore(t, cfg)
			oneBlockEach(t, s, "one", "two", "three")
			closeStore(t, s)
			remove(t, filepath.Join(cfg.Dir, "journal")) // it still has them
			path := glob(t, cfg.Dir, "days/*/*.block")[1]
			damage(t, path)

			s = openStore(t, cfg)
			var got []string
			for _, e := range findAll(t, s, Query{}) {
				got = append(got, e.Message)
			}
			if diff := cmp.Diff([]string{"one", "three"}, got); diff != "" {
				t.Errorf("messages (-want +got):\n%s", diff)
			}
			if n := s.Stats().DamagedBlocks; n != 1 || !strings.Contains(log.String(), filepath.Base(path)) {
				t.Errorf("%d damaged blocks, log %s, want 1 and its name", n, log.String())
			}
			if got := appendMessages(t, s, "a/b", "four")[0].Seq; got != 4 {
				t.Errorf("seq = %d, want 4", got)
			}
		})
	}
}

func TestCountLeavesOutABlockThatIsKnownToBeDamaged(t *testing.T) {
	s := openStore(t, Config{Dir: t.TempDir()})
	appendMessages(t, s, "a/b", "m1", "m2")
	sealAll(t, s)
	appendMessages(t, s, "a/b", "m3")
	flip(t, glob(t, s.cfg.Dir, "days/*/*.block")[0], -3)
	for _, want := range []uint64{3, 1} { // a search meets the damage in between
		if got, err := s.Count(t.Context(), CountRequest{}); err != nil || got != want {
			t.Errorf("count = %d, error %v, want %d", got, err, want)
		}
		if got := messages(findAll(t, s, Query{})); !slices.Equal(got, []string{"m3"}) {
			t.Errorf("messages = %q, want the one that is not in the block", got)
		}
	}
}

func glob(t testing.TB, dir, pattern string) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, pattern))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no %s: %v", pattern, err)
	}
	return paths
}

func remove(t testing.TB, path string) {
	t.Helper()
	if err := os.RemoveAll(path); err != nil {
		t.Fatal(err)
	}
}

// flip turns a byte around; a negative offset counts from the end.
func flip(t testing.TB, path string, at int) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if at < 0 {
		at += len(data)
	}
	data[at] ^= 0xff
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func truncate(t testing.TB, path string, size int64) {
	t.Helper()
	if err := os.Truncate(path, size); err != nil {
		t.Fatal(err)
	}
}
