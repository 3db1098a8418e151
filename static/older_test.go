package static

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tagtail/tagtail/static/browsertest"
)

// haystack has a needle in each of the entries of these Seqs.
func haystack(total int, needles ...int) []entry {
	entries := numbered(1, total)
	for i := range entries {
		entries[i].Received = time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC).Add(time.Duration(i) * time.Minute)
	}
	for _, n := range needles {
		entries[n-1].Message = fmt.Sprintf("needle %d", n)
	}
	return entries
}

const startText = `document.querySelector('#start').textContent`

func TestLongSearchSaysHowFarItIs(t *testing.T) {
	for name, query := range map[string]string{"live": "?q=needle&tz=UTC", "range": "?q=needle&from=2026-11-01T00:00:00Z&to=2026-11-30T00:00:00Z&tz=UTC"} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t)
			s.slowly, s.hold = make(chan struct{}), make(chan struct{})
			t.Cleanup(func() { close(s.hold) })
			s.add(haystack(1000, 30, 31, 450, 680)...)
			step := func() {
				t.Helper()
				select {
				case s.slowly <- struct{}{}:
				case <-time.After(time.Minute):
					t.Fatal("the page does not search on")
				}
			}
			b := browsertest.Open(t, "en")
			b.Go(s.URL + "/" + query)
			if name == "range" {
				step()
			}
			b.Await(`document.querySelector('#notice').textContent.includes('Searching… back to 2026-11-21 22:59')`)
			b.Shoot("searching-" + name)
			step() // to 800
			b.Await(`document.querySelector('#notice').textContent.includes('back to 2026-11-21 21:19')`)
			step() // to 700
			step() // to 600
			b.AwaitLine("needle 680")
			b.Await(startText + `.includes('Searching… back to 2026-11-21 17:59')`)
			want := []string{"needle 30", "needle 31", "needle 450", "needle 680"}
			if name == "live" {
				// What arrives meanwhile is shown at once.
				s.add(entry{Received: time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC), Severity: "info", Instance: "socketserver/dev1", Message: "needle now"})
				b.AwaitLine("needle now")
				want = append(want, "needle now")
			}
			for range 6 { // to the first
				step()
			}
			b.Await(startText + ` === 'Nothing older matches'`)
			if got := strings.Split(b.Eval(rows), "\n"); !slices.Equal(got, want) {
				t.Errorf("rows are %q, want %q", got, want)
			}
			b.Shoot("searched-" + name)
		})
	}
}

func TestLongSearchEndsWhenItIsKnownThatNothingMatches(t *testing.T) {
	s := newServer(t)
	s.slowly = make(chan struct{})
	s.add(haystack(1000)...)
	b := browsertest.Open(t, "en")
	b.Go(s.URL + "/?q=needle")
	b.Await(`document.querySelector('#notice').textContent.includes('Nothing matches')`)
	s.add(haystack(1, 1)...)
	b.AwaitLine("needle 1")
	b.Await(startText + ` === 'Nothing older matches'`)
}
