package main

import (
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"testing"
)

// hammer is a wrk that runs.
type hammer struct {
	ended chan struct{}
	out   []byte
	err   error
}

const wrkConnections = 4

func startWrk(page string, header ...string) *hammer {
	argv := []string{"-t1", "-c" + strconv.Itoa(wrkConnections), "-d4"}
	for _, h := range header {
		argv = append(argv, "-H", h)
	}
	h := &hammer{ended: make(chan struct{})}
	go func() {
		defer close(h.ended)
		h.out, h.err = exec.Command("wrk", append(argv, page)...).CombinedOutput()
	}()
	return h
}

func (h *hammer) running() bool {
	select {
	case <-h.ended:
		return false
	default:
		return true
	}
}

var (
	wrkRequests = regexp.MustCompile(`(\d+) requests in`)
	wrkSockets  = regexp.MustCompile(`Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)`)
	wrkStatus   = regexp.MustCompile(`Non-2xx or 3xx responses: (\d+)`)
)

// end gives how many requests were answered and how many failed.
func (h *hammer) end(t *testing.T) (answered, failed int) {
	t.Helper()
	<-h.ended
	sum := func(words []string) (total int) {
		for _, word := range words {
			n, err := strconv.Atoi(word)
			if err != nil {
				t.Fatal(err)
			}
			total += n
		}
		return total
	}
	requests := wrkRequests.FindStringSubmatch(string(h.out))
	if h.err != nil || requests == nil {
		t.Fatalf("wrk: %v\n%s", h.err, h.out)
	}
	failed = sum(wrkSockets.FindStringSubmatch(string(h.out) + "Socket errors: connect 0, read 0, write 0, timeout 0")[1:])
	if status := wrkStatus.FindStringSubmatch(string(h.out)); status != nil {
		failed += sum(status[1:])
	}
	return sum(requests[1:]), failed
}

func TestNoRequestOfARunningWrkFails(t *testing.T) {
	need(t, "wrk")
	s := newStudio(t, "dev1")
	control := s.clone(t, "dev1", "serverctrl", "dev1")
	control.commit(t, "start")
	control.mustPush(t, "dev1", "socketserver/dev1: done", "httpserver/dev1: done")
	round := 0
	deploy := func(service string, w *worktree, sentence string) {
		round++
		w.write(t, "src/main.lua", fmt.Sprintf(says, strconv.Itoa(round)))
		w.commit(t, "UP")
		w.mustPush(t, "dev1", sentence, service+"/dev1: done")
	}
	code, pages := s.clone(t, "dev1", "socketserver", "dev1"), s.clone(t, "dev1", "httpserver", "dev1")
	const live, reloaded = "lua_code_cache off: live now", "reloaded: workers"
	deploy("socketserver", code, live)
	deploy("httpserver", pages, reloaded)
	during := func(wrk *hammer, what func()) (times int) {
		for ; wrk.running(); times++ {
			what()
		}
		return times
	}
	judge := func(what string, times int, wrk *hammer, allowed int) {
		t.Helper()
		answered, failed := wrk.end(t)
		t.Logf("%s, %d times: %d requests answered, %d failed", what, times, answered, failed)
		if times < 2 || answered < 100 || failed > allowed {
			t.Errorf("%s, %d times: %d requests answered, %d failed, want at most %d\n%s", what, times, answered, failed, allowed, wrk.out)
		}
	}

	wrk := startWrk(s.url("socketserver/dev1", "/hhl"))
	judge("deploy", during(wrk, func() { deploy("socketserver", code, live) }), wrk, 0)
	wrk = startWrk(s.url("httpserver/dev1", "/"), "Connection: close")
	judge("deploy with reload, a connection for each request", during(wrk, func() { deploy("httpserver", pages, reloaded) }), wrk, 0)
	// nginx closes a kept connection when its worker ends, whatever is on its way
	// there; clients that keep connections ask again, and wrk counts it.
	wrk = startWrk(s.url("httpserver/dev1", "/"))
	times := during(wrk, func() { deploy("httpserver", pages, reloaded) })
	judge("deploy with reload, kept connections", times, wrk, times*wrkConnections)
}
