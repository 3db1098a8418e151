package viewer

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/gorilla/websocket"

	"github.com/tagtail/tagtail/index"
)

func TestTailBeginsWithStatusAndHistory(t *testing.T) {
	ts := startTest(t, 300)
	tests := map[string]struct {
		query  string
		status uint64
		want   []uint64 // of the first entries frame, after ten more entries
	}{
		"live only":              {"", 300, span(301, 310)},
		"last":                   {"last=5", 300, span(296, 300)},
		"more than there is":     {"last=500", 300, span(1, 300)},
		"resumed":                {"after=295", 295, span(296, 310)},
		"resumed at the end":     {"after=300", 300, span(301, 310)},
		"resumed, last ignored":  {"after=290&last=1", 290, span(291, 310)},
		"from another store":     {"after=5000", 300, span(301, 310)},
		"resumed from the start": {"after=0", 0, span(1, 300)},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			ts := startTest(t, int(ts.logs.LastSeq()))
			c := ts.open(t, "/api/v1/tail?"+tt.query)
			if f := c.next(); f.Type != "status" || f.Seq != tt.status {
				t.Fatalf("first frame = %s %d, want status %d", f.Type, f.Seq, tt.status)
			}
			upTo := tt.want[len(tt.want)-1]
			if upTo > 300 {
				ts.logs.add(10)
			}
			if diff := cmp.Diff(tt.want, seqs(c.entries(upTo))); diff != "" {
				t.Errorf("entries (-want +got):\n%s", diff)
			}
		})
	}
}

func TestTailSendsAnEmptyFrameForEmptyHistory(t *testing.T) {
	ts := startTest(t, 0)
	c := ts.open(t, "/api/v1/tail?last=10")
	if f := c.next(); f.Type != "status" || f.Seq != 0 {
		t.Fatalf("first frame = %+v, want status 0", f)
	}
	if f := c.next(); f.Type != "entries" || len(f.Entries) != 0 {
		t.Fatalf("second frame = %+v, want no entries", f)
	}
	ts.logs.add(1)
	if f := c.next(); f.Type != "entries" || len(f.Entries) != 1 || f.Seq != 1 {
		t.Errorf("third frame = %+v, want the first entry there ever was", f)
	}
}

func TestTailDoesNotWaitForAllOfItsHistory(t *testing.T) {
	ts := startTest(t, 40)
	c := ts.open(t, "/api/v1/tail?q=/[05]$/&last=200&within_ms=20")
	c.next() // the status
	f := c.next()
	if diff := cmp.Diff([]uint64{35, 40}, seqs(f.Entries)); diff != "" || f.Next == "" || f.Reached.IsZero() {
		t.Fatalf("first frame = %+v; entries (-want +got):\n%s", f, diff)
	}
	ts.logs.add(5)
	if f := c.next(); f.Next != "" || len(f.Entries) != 1 {
		t.Errorf("what arrives = %+v, want one entry and nothing to search on for", f)
	}
	if a := ts.search(t, "q=/[05]$/&cursor="+f.Next); !slices.Equal(seqs(a.Entries), []uint64{30, 25, 20, 15, 10, 5}) {
		t.Errorf("the history goes on with %v", seqs(a.Entries))
	}
}

func TestTailHasNoSeamUnderConcurrentAppends(t *testing.T) {
	const total = 3000
	ts := startTest(t, 0)
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() {
		for n := uint64(0); n < total; n += 7 {
			ts.logs.add(int(min(7, total-n)))
		}
	})
	for _, query := range []string{"", "last=1", "last=50", "last=500", "last=0", "after=0", "last=200", "last=300"} {
		wg.Go(func() {
			c, _, err := ts.dial(t, "/api/v1/tail?"+query, "Authorization", "Bearer "+adminToken)
			if err != nil {
				t.Error(err)
				return
			}
			checkNoSeam(c, query, total)
		})
	}
}

func checkNoSeam(c *client, query string, total uint64) {
	var last uint64
	if err := c.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		c.t.Error(err)
		return
	}
	for last < total {
		_, data, err := c.ReadMessage()
		if err != nil {
			c.t.Errorf("%s: %v", query, err)
			return
		}
		f := parseFrame(c.t, data)
		if f.Type == "status" && last == 0 && (query == "last=0" || !strings.HasPrefix(query, "last=")) {
			last = f.Seq // without history, what follows begins behind it
			continue
		}
		for _, e := range f.Entries {
			if last > 0 && e.Seq != last+1 || last == 0 && query == "after=0" && e.Seq != 1 {
				c.t.Errorf("%s: entry %d follows %d", query, e.Seq, last)
				return
			}
			last = e.Seq
		}
		if f.Type == "entries" && f.Seq < last {
			c.t.Errorf("%s: frame says it reads up to %d, but holds %d", query, f.Seq, last)
		}
	}
}

func TestTailResumesWhereItWasCut(t *testing.T) {
	ts := startTest(t, 10)
	c := ts.open(t, "/api/v1/tail?last=10")
	c.next()
	read := c.next().Seq
	closeTest(t, c)
	ts.logs.add(1000)
	again := ts.open(t, fmt.Sprint("/api/v1/tail?after=", read))
	again.next()
	if diff := cmp.Diff(span(11, 1010), seqs(again.entries(1010))); diff != "" {
		t.Errorf("entries after the cut (-want +got):\n%s", diff)
	}
}

func TestTailTellsErrorsOnTheStream(t *testing.T) {
	tests := map[string]struct {
		query string
		fail  error
		want  string
		code  int
	}{
		"bad after":       {"after=x", nil, `The parameter after is "x"`, websocket.ClosePolicyViolation},
		"too much":        {"last=501", nil, `from 0 to 500`, websocket.ClosePolicyViolation},
		"long query":      {"q=" + strings.Repeat("x", 9000), nil, `has 9000 bytes`, websocket.ClosePolicyViolation},
		"broken store":    {"last=1", errors.New("/secret"), "broke off in the server", websocket.CloseInternalServerErr},
		"broken follower": {"", errors.New("/secret"), "broke off in the server", websocket.CloseInternalServerErr},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			ts := startTest(t, 1)
			ts.logs.setFail(tt.fail)
			c := ts.open(t, "/api/v1/tail?"+tt.query)
			f := c.next()
			if tt.fail != nil {
				f = c.next() // behind the first status
			}
			if f.Type != "error" || !strings.Contains(f.Detail, tt.want) {
				t.Errorf("frame = %+v, want an error with %q", f, tt.want)
			}
			if got := c.closeCode(); got != tt.code {
				t.Errorf("close code = %d, want %d", got, tt.code)
			}
		})
	}
}

func TestTailQueriesSayHowTheyWereRead(t *testing.T) {
	ts := startTest(t, 1)
	c := ts.open(t, "/api/v1/tail?q="+url.QueryEscape("entry"))
	want := index.ParseQuery("entry", index.ParseOptions{}).Terms()
	if got := c.next().Terms; len(got) != len(want) {
		t.Errorf("terms = %v, want %v", got, want)
	}
}
