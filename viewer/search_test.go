package viewer

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tagtail/tagtail/index"
)

type searchAnswer struct {
	Entries []index.Entry
	Next    string
	Reached time.Time
	Stats   map[string]float64
	Terms   []index.Term
}

func (ts *testServer) search(t *testing.T, query string) searchAnswer {
	t.Helper()
	got := ts.get(t, "/api/v1/search?"+query)
	if got.status != 200 {
		t.Fatalf("search %s = %d %s", query, got.status, got.body)
	}
	var a searchAnswer
	got.decode(t, &a)
	return a
}

func seqs(entries []index.Entry) []uint64 {
	list := []uint64{}
	for i := range entries {
		list = append(list, entries[i].Seq)
	}
	return list
}

func TestSearchAnswersWithEntries(t *testing.T) {
	ts := startTest(t, 5)
	tests := map[string]struct {
		query string
		want  []uint64
	}{
		"newest first":       {"q=entry", []uint64{5, 4, 3, 2, 1}},
		"no parameters":      {"", []uint64{5, 4, 3, 2, 1}},
		"oldest first":       {"order=asc", []uint64{1, 2, 3, 4, 5}},
		"limit":              {"limit=2", []uint64{5, 4}},
		"before":             {"before=3", []uint64{2, 1}},
		"after":              {"after=3", []uint64{5, 4}},
		"between":            {"after=1&before=4&order=asc", []uint64{2, 3}},
		"from and to":        {"from=2026-11-22T10:00:02Z&to=2026-11-22T18:00:04%2B08:00", []uint64{3, 2}},
		"to long ago":        {"to=52w", []uint64{}},
		"before the first":   {"before=1", []uint64{}},
		"unknown parameters": {"limit=1&frobnicate=1", []uint64{5}},
	}
	if time.Since(someTime) > 50*7*24*time.Hour {
		delete(tests, "to long ago")
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			a := ts.search(t, tt.query)
			if diff := cmp.Diff(tt.want, seqs(a.Entries)); diff != "" {
				t.Errorf("entries (-want +got):\n%s", diff)
			}
			want := map[string]float64{"matched": float64(len(tt.want)), "scanned_blocks": 1, "skipped_blocks": 2, "took_ms": 1.5}
			if diff := cmp.Diff(want, a.Stats); diff != "" {
				t.Errorf("stats (-want +got):\n%s", diff)
			}
		})
	}
}

func TestSearchPagesThroughEverythingOnce(t *testing.T) {
	ts := startTest(t, 25)
	for _, order := range []string{"desc", "asc"} {
		t.Run(order, func(t *testing.T) {
			var got []uint64
			cursor := ""
			for page := 1; ; page++ {
				a := ts.search(t, "limit=10&order="+order+"&cursor="+url.QueryEscape(cursor))
				got = append(got, seqs(a.Entries)...)
				if cursor = a.Next; cursor == "" {
					break
				}
				if page > 3 {
					t.Fatal("there is no last page")
				}
			}
			var want []uint64
			for i := range uint64(25) {
				if order == "asc" {
					want = append(want, i+1)
				} else {
					want = append(want, 25-i)
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("entries of all pages (-want +got):\n%s", diff)
			}
		})
	}
}

func TestCursorKeepsTheWindowOfTheFirstPage(t *testing.T) {
	ts := startTest(t, 5)
	// Durations back from now, wide enough to hold the fixed entries.
	a := ts.search(t, "limit=2&order=asc&from=5000w")
	first := ts.logs.lastAsked()
	ts.search(t, "limit=2&cursor="+a.Next)
	second := ts.logs.lastAsked()
	if !second.From.Equal(first.From) || !second.To.Equal(first.To) || second.Order != first.Order || second.After != 2 {
		t.Errorf("second page asks for %+v, want the window and order of %+v behind 2", second, first)
	}
}

func TestSearchSaysWhatIsWrong(t *testing.T) {
	ts := startTest(t, 1)
	long := strings.Repeat("x", maxQueryBytes+1)
	tests := map[string]string{
		"limit=0":                          `The parameter limit is "0": give a whole number from 1 to 1000.`,
		"limit=1001":                       `The parameter limit is "1001": give a whole number from 1 to 1000.`,
		"limit=-1":                         `The parameter limit is "-1": give a whole number from 1 to 1000.`,
		"limit=99999999999999999999":       `The parameter limit is "99999999999999999999": give a whole number from 1 to 1000.`,
		"order=up":                         `The parameter order is "up": give desc (newest first) or asc.`,
		"from=yesterday":                   `The parameter from is "yesterday": give a time such as 2026-11-22T10:42:31Z, or a duration back from now such as 15m, 2h, 7d or 1w.`,
		"to=15":                            `The parameter to is "15": give a time such as 2026-11-22T10:42:31Z, or a duration back from now such as 15m, 2h, 7d or 1w.`,
		"from=1h&to=2h":                    `The parameter from ("1h") is later than to ("2h"): swap them.`,
		"after=x":                          `The parameter after is "x": give the seq of an entry, a whole number.`,
		"before=0":                         `The parameter before is "0": give a whole number from 1 to 18446744073709551615.`,
		"cursor=%21":                       `The parameter cursor is "!": give the next of the page before, unchanged, or leave it out.`,
		"cursor=AAAA":                      `The parameter cursor is "AAAA": give the next of the page before, unchanged, or leave it out.`,
		"q=a&q=b":                          `The parameter q is given 2 times: give it once.`,
		"q=%zz":                            `The URL's parameters cannot be read (invalid URL escape "%zz"): escape them as percent-encoding asks.`,
		"q=" + long:                        `The parameter q has 8193 bytes: a search text may have up to 8192.`,
		"order=" + strings.Repeat("é", 50): `The parameter order is "` + strings.Repeat("é", 30) + `"…: give desc (newest first) or asc.`,
	}
	for query, want := range tests {
		t.Run(fmt.Sprintf("%.30s", query), func(t *testing.T) {
			got := ts.get(t, "/api/v1/search?"+query)
			if got.status != 400 {
				t.Fatalf("status = %d, want 400", got.status)
			}
			if diff := cmp.Diff(want, got.detail(t)); diff != "" {
				t.Errorf("detail (-want +got):\n%s", diff)
			}
		})
	}
	if got := ts.get(t, "/api/v1/search?q="+long[1:]); got.status != 200 {
		t.Errorf("status = %d for a query of the largest size", got.status)
	}
}

func TestSearchErrorsTellNothingOfTheServer(t *testing.T) {
	ts := startTest(t, 1)
	for _, path := range []string{"/api/v1/search", "/api/v1/count"} {
		ts.logs.setFail(errors.New("open /secret/path: broken"))
		got := ts.do(t, "GET", path, "", "Authorization", "Bearer "+adminToken)
		if got.status != 500 || strings.Contains(string(got.body), "secret") {
			t.Errorf("%s = %d %s, want 500 without the reason", path, got.status, got.body)
		}
		ts.logs.setFail(fmt.Errorf("scan: %w", context.DeadlineExceeded))
		got = ts.get(t, path)
		if got.status != 503 || !strings.Contains(got.detail(t), "narrow") {
			t.Errorf("%s = %d %s, want 503 with advice", path, got.status, got.body)
		}
	}
}

func TestLargeAnswersAreCompressedForWhoAccepts(t *testing.T) {
	ts := startTest(t, 1000)
	plain := ts.get(t, "/api/v1/search?limit=1000", "Accept-Encoding", "identity")
	packed := ts.get(t, "/api/v1/search?limit=1000", "Accept-Encoding", "gzip")
	if got := plain.header.Get("Content-Encoding"); got != "" {
		t.Errorf("encoding = %q, though only identity is accepted", got)
	}
	if got := packed.header.Get("Content-Encoding"); got != "gzip" {
		t.Errorf("encoding = %q, want gzip", got)
	}
	if diff := cmp.Diff(string(plain.body), gunzip(t, packed.body)); diff != "" {
		t.Errorf("answers differ (-plain +packed):\n%.500s", diff)
	}
	small := ts.get(t, "/api/v1/me", "Accept-Encoding", "gzip")
	if got := small.header.Get("Content-Encoding"); got != "" {
		t.Errorf("encoding of a small answer = %q, want none", got)
	}
	if got := plain.header.Get("Cache-Control"); got != "no-store" {
		t.Errorf("cache control = %q, want no-store", got)
	}
}

func TestCountAnswersWithANumber(t *testing.T) {
	ts := startTest(t, 7)
	for query, want := range map[string]float64{"": 7, "q=entry&from=2026-11-22T10:00:03Z": 5} {
		var got map[string]float64
		ts.get(t, "/api/v1/count?"+query).decode(t, &got)
		if got["count"] != want {
			t.Errorf("count?%s = %v, want %v", query, got["count"], want)
		}
	}
	if got := ts.get(t, "/api/v1/count?from=x"); got.status != 400 {
		t.Errorf("count?from=x = %d, want 400", got.status)
	}
}

func TestParseSpan(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"15m": 15 * time.Minute, "2h": 2 * time.Hour, "7d": 168 * time.Hour, "1w": 168 * time.Hour,
		"1h30m": 90 * time.Minute, "0s": 0, "90s": 90 * time.Second,
	} {
		if got, ok := parseSpan(text); !ok || got != want {
			t.Errorf("parseSpan(%q) = %v, %v, want %v", text, got, ok, want)
		}
	}
	for _, text := range []string{"", "m", "15", "-1h", "1.5h", "1M", "1y", "9999999w", "99999999999999999999h", "1h 2m", "５m"} {
		if got, ok := parseSpan(text); ok {
			t.Errorf("parseSpan(%q) = %v, want none", text, got)
		}
	}
}

func TestAcceptsGzip(t *testing.T) {
	for header, want := range map[string]bool{
		"": false, "gzip": true, "br, gzip;q=0.5": true, "GZIP": true, "gzip;q=0": false,
		"gzip; q=0.0": false, "br": false, "x-gzip": false, "gzip;q=1": true,
	} {
		r := mustRequest(t, "GET", "/")
		r.Header.Set("Accept-Encoding", header)
		if got := acceptsGzip(r); got != want {
			t.Errorf("acceptsGzip(%q) = %v, want %v", header, got, want)
		}
	}
}

func TestSearchThatEndsEarlyNeitherSkipsNorRepeats(t *testing.T) {
	ts := startTest(t, 60)
	for _, order := range []string{"desc", "asc"} {
		t.Run(order, func(t *testing.T) {
			got := []uint64{}
			cursor, empty := "", 0
			for {
				// Every tenth entry.
				a := ts.search(t, "q=/0$/&limit=2&within_ms=20&order="+order+"&cursor="+url.QueryEscape(cursor))
				got = append(got, seqs(a.Entries)...)
				if len(a.Entries) == 0 {
					empty++
				}
				if cursor = a.Next; cursor == "" {
					break
				}
				if a.Reached.IsZero() {
					t.Errorf("a page with a next has no time that it has reached")
				}
			}
			want := []uint64{10, 20, 30, 40, 50, 60}
			if order == "desc" {
				slices.Reverse(want)
			}
			if diff := cmp.Diff(want, got); diff != "" || empty == 0 {
				t.Errorf("%d pages were empty; entries (-want +got):\n%s", empty, diff)
			}
		})
	}
	if a := ts.search(t, "limit=5"); !a.Reached.IsZero() {
		t.Errorf("a full page has reached %v", a.Reached)
	}
}
