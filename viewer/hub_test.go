package viewer

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tagtail/tagtail/index"
)

// openTails runs tails of one server, in a bubble.
func openTails(t *testing.T, s *Server, requests []tailRequest, recorders []*recorder) (end func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, len(requests))
	for i, req := range requests {
		request := httptest.NewRequest(http.MethodGet, "/api/v1/tail", nil)
		request.Header.Set("Authorization", "Bearer "+adminToken)
		tl := &tail{s: s, sock: recorders[i], req: req, request: request, scope: admin().scope().key()}
		go func() { ended <- tl.run(ctx) }()
	}
	synctest.Wait()
	return func() {
		t.Helper()
		cancel()
		for range requests {
			if err := <-ended; !errors.Is(err, context.Canceled) {
				t.Errorf("a tail ends with %v, want that it was canceled", err)
			}
		}
	}
}

func TestTailsOfTheSameSearchShareOneFeed(t *testing.T) {
	for name, tt := range map[string]struct {
		texts []string
		feeds int
	}{
		"the same":                        {[]string{"entry", "entry", "entry"}, 1},
		"two searches":                    {[]string{"entry", "", "entry"}, 2},
		"time counts from when one asked": {[]string{"last:15m", "last:15m", "entry since:1h"}, 3},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				logs := newFakeLogs(1)
				s := listenTest(t, testConfig(t, logs))
				var requests []tailRequest
				var recorders []*recorder
				for _, text := range tt.texts {
					q := index.ParseQuery(text, index.ParseOptions{Now: someTime})
					requests = append(requests, tailRequest{key: newFeedKey(admin(), text, "", q.Terms()), query: q, terms: []index.Term{}})
					recorders = append(recorders, &recorder{t: t})
				}
				end := openTails(t, s, requests, recorders)
				if got := s.hub.count(); got != tt.feeds {
					t.Errorf("%d feeds, want %d", got, tt.feeds)
				}
				logs.add(3)
				time.Sleep(frameEvery)
				synctest.Wait()
				for i, rec := range recorders {
					if diff := cmp.Diff(span(2, 4), rec.entries()); diff != "" {
						t.Errorf("entries of %q (-want +got):\n%s", tt.texts[i], diff)
					}
				}
				end()
				if got := s.hub.count(); got != 0 {
					t.Errorf("%d feeds are left without a tail, want none", got)
				}
			})
		})
	}
}

func TestWhatAPersonSeesIsNotShared(t *testing.T) {
	if a, b := newFeedKey(admin(), "x", "", nil), newFeedKey(principal{}, "x", "", nil); a == b {
		t.Errorf("%+v is the key of two people who see different instances", a)
	}
}

// Tails come, stop reading and go on as they like: each gets every entry once
// and in order, whether it comes from the feed or the logs.
func TestEveryTailGetsEveryEntryOnce(t *testing.T) {
	for seed := range uint64(5) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := rand.New(rand.NewPCG(seed, 5))
				logs := newFakeLogs(500)
				s := listenTest(t, testConfig(t, logs))
				s.hub.maxLag, s.hub.feedBytes = 1<<40, 16<<10
				requests := make([]tailRequest, 6)
				recorders := make([]*recorder, len(requests))
				starts := make([]uint64, len(requests))
				for i := range requests {
					requests[i].terms = []index.Term{}
					recorders[i] = &recorder{t: t, block: make(chan struct{}, 1<<20)}
					starts[i] = 500
					if r.IntN(2) == 0 {
						starts[i] = uint64(r.IntN(501))
						requests[i].after, requests[i].resumed = starts[i], true
					}
				}
				end := openTails(t, s, requests, recorders)
				for range 30 {
					logs.add(r.IntN(200))
					for _, rec := range recorders {
						for range r.IntN(4) { // some read faster than others
							rec.block <- struct{}{}
						}
					}
					time.Sleep(time.Duration(r.IntN(40)) * time.Millisecond)
				}
				for _, rec := range recorders {
					close(rec.block)
				}
				time.Sleep(time.Minute)
				synctest.Wait()
				end()
				for i, rec := range recorders {
					if diff := cmp.Diff(span(starts[i]+1, logs.LastSeq()), rec.entries()); diff != "" {
						t.Errorf("tail %d from %d (-want +got):\n%s", i, starts[i], diff)
					}
				}
			})
		})
	}
}

func TestTailResumesInTheMiddleOfAFrame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		logs := newFakeLogs(1)
		s := listenTest(t, testConfig(t, logs))
		first, second := &recorder{t: t}, &recorder{t: t}
		end := openTails(t, s, []tailRequest{{terms: []index.Term{}}}, []*recorder{first})
		logs.add(1)
		synctest.Wait() // it is sent at once
		logs.add(6)
		synctest.Wait() // these wait for their frame
		if diff := cmp.Diff(span(2, 2), first.entries()); diff != "" {
			t.Fatalf("entries within a frame (-want +got):\n%s", diff)
		}
		endSecond := openTails(t, s, []tailRequest{{after: 5, resumed: true, terms: []index.Term{}}}, []*recorder{second})
		time.Sleep(frameEvery)
		synctest.Wait()
		if diff := cmp.Diff(span(6, 8), second.entries()); diff != "" {
			t.Errorf("entries behind 5 (-want +got):\n%s", diff)
		}
		endSecond()
		end()
	})
}

func TestTailEndsWithItsFeed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		logs, rec := newFakeLogs(1), &recorder{t: t}
		ended, cancel := runTail(t, logs, tailRequest{}, rec)
		defer cancel()
		broken := errors.New("the disk is gone")
		logs.setFail(broken)
		logs.add(1)
		if err := <-ended; !errors.Is(err, broken) {
			t.Errorf("the tail ends with %v, want %v", err, broken)
		}
	})
}
