package main

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"slices"
	"sync"
	"testing"
	"time"
)

// TestPushTimes tells how long it takes until pushed code answers. It measures
// and judges nothing: set TAGTAIL_PUSH_TIMES to run it.
func TestPushTimes(t *testing.T) {
	if os.Getenv("TAGTAIL_PUSH_TIMES") == "" {
		t.Skip("it measures: set TAGTAIL_PUSH_TIMES to run it")
	}
	const pushes = 50
	s := newStudio(t, "dev1")
	control := s.clone(t, "dev1", "serverctrl", "dev1")
	control.commit(t, "start")
	control.mustPush(t, "dev1", "socketserver/dev1: done", "httpserver/dev1: done")
	for service, page := range map[string]string{"socketserver": "/hhl", "httpserver": "/"} {
		w := s.clone(t, "dev1", service, "dev1")
		var toAnswer, whole []time.Duration
		for i := range pushes {
			word := fmt.Sprintf("push %d", i)
			w.write(t, "src/main.lua", fmt.Sprintf(says, word))
			w.commit(t, "UP")
			a, b := pushTime(t, w, s.url(service+"/dev1", page), "200 "+word)
			toAnswer, whole = append(toAnswer, a), append(whole, b)
		}
		for what, times := range map[string][]time.Duration{"from stored to answering": toAnswer, "git push as a whole": whole} {
			slices.Sort(times)
			t.Logf("lua_code_cache %-3s  %-25s p50 %6.1f ms  p99 %6.1f ms  (%d pushes)", studioServices[service], what,
				times[len(times)/2].Seconds()*1000, times[len(times)*99/100].Seconds()*1000, len(times))
		}
	}
}

// pushTime pushes and asks all the while. The commit is stored when the server
// says its first word.
func pushTime(t *testing.T, w *worktree, page, want string) (toAnswer, whole time.Duration) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	words := new(stampedWords)
	cmd := gitCommand(w.dir, "push", "-q", "origin", "dev1")
	cmd.Stderr = words
	begin := time.Now()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var answered time.Time
	eventually(t, func() bool {
		answer, err := ask(client, page)
		answered = time.Now()
		return err == nil && answer == want
	}, func() string { return "the new code never answers:\n" + words.text.String() })
	if err := cmd.Wait(); err != nil {
		t.Fatalf("push: %v\n%s", err, words.text.String())
	}
	return answered.Sub(words.stored()), time.Since(begin)
}

// stampedWords is what git has shown, and when the server's first word came.
type stampedWords struct {
	mu    sync.Mutex
	text  bytes.Buffer
	first time.Time
}

func (w *stampedWords) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.first.IsZero() && bytes.Contains(p, []byte("deploy of")) {
		w.first = time.Now()
	}
	return w.text.Write(p)
}

func (w *stampedWords) stored() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.first
}
