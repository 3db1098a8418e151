package main

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// ask gives a page's status and text.
func ask(client *http.Client, address string) (string, error) {
	response, err := client.Get(address)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return fmt.Sprintf("%d %s", response.StatusCode, strings.TrimSpace(string(text))), err
}

// load asks pages without a pause, over connections that are kept and over new
// ones.
type load struct {
	asked   atomic.Int64
	stop    chan struct{}
	running sync.WaitGroup

	mu   sync.Mutex
	bad  []string // what was not answered as it should be
	seen map[string]bool
}

// startLoad asks the pages until ended; an answer is right if its status is 200.
func startLoad(pages ...string) *load {
	l := &load{stop: make(chan struct{}), seen: map[string]bool{}}
	for _, page := range pages {
		for _, fresh := range []bool{false, true} {
			client := &http.Client{Transport: &http.Transport{DisableKeepAlives: fresh}}
			l.running.Go(func() {
				defer client.CloseIdleConnections()
				for {
					select {
					case <-l.stop:
						return
					default:
						l.note(ask(client, page))
					}
				}
			})
		}
	}
	return l
}

func (l *load) note(answer string, err error) {
	l.asked.Add(1)
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case err != nil:
		l.bad = append(l.bad, err.Error())
	case !strings.HasPrefix(answer, "200 "):
		l.bad = append(l.bad, answer)
	default:
		l.seen[answer] = true
	}
}

// end stops it and tells of every request that has failed, and of answers that
// nobody got.
func (l *load) end(t *testing.T, answers ...string) {
	t.Helper()
	close(l.stop)
	l.running.Wait()
	if len(l.bad) > 0 {
		t.Errorf("%d of %d requests failed, the first with %s", len(l.bad), l.asked.Load(), l.bad[0])
	}
	for _, answer := range answers {
		if !l.seen["200 "+answer] {
			t.Errorf("nobody was answered %q, only %v", answer, l.seen)
		}
	}
	t.Logf("%d requests", l.asked.Load())
}
