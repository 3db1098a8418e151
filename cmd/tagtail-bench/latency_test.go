package main

import (
	"bufio"
	"context"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// echo is a peer whose tails get each line that it receives, some of them twice.
type echo struct {
	counter
	mu    sync.Mutex
	takes []func([]byte)
}

func (e *echo) kinds() []string { return []string{"echo"} }

func (e *echo) tail(ctx context.Context, _, _ string, ready func(), take func([]byte)) error {
	e.mu.Lock()
	e.takes = append(e.takes, take)
	e.mu.Unlock()
	ready()
	<-ctx.Done()
	return ctx.Err()
}

// serve hands the lines of all connections to the tails.
func (e *echo) serve(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	e.address = l.Addr().String()
	var ended sync.WaitGroup
	ended.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			ended.Go(func() {
				defer conn.Close()
				for lines := bufio.NewScanner(conn); lines.Scan(); {
					e.mu.Lock()
					for _, take := range e.takes {
						take(lines.Bytes())
						take(lines.Bytes())
					}
					e.mu.Unlock()
				}
			})
		}
	})
	t.Cleanup(func() { l.Close(); ended.Wait() })
}

func TestEveryProbeIsMeasuredOnceAtEveryTail(t *testing.T) {
	const probes, many = 5, 3
	e := new(echo)
	e.serve(t)
	clock := newProbeClock(probes)
	all, err := openTails(t.Context(), e, lagTrial{kind: "echo", tails: many, probes: probes}, clock)
	if err != nil {
		t.Fatal(err)
	}
	if err := sendProbes(t.Context(), e.syslog(), clock); err != nil {
		t.Fatal(err)
	}
	all.await(t.Context(), probes, time.Minute)
	if err := all.close(); err != nil {
		t.Fatal(err)
	}
	lags := all.lags()
	if len(lags) != probes*many || !slices.IsSorted(lags) || lags[0] <= 0 {
		t.Errorf("%d tails measured %v, want %d lags each", many, lags, probes)
	}
}

func TestPercentilesAreOfTheValuesThemselves(t *testing.T) {
	lags := make([]time.Duration, 200)
	for i := range lags {
		lags[len(lags)-1-i] = time.Duration(i+1) * time.Millisecond
	}
	got := summarize(lags)
	if got.P50 != 100*time.Millisecond || got.P99 != 198*time.Millisecond || got.Worst != 200*time.Millisecond {
		t.Errorf("p50 %v, p99 %v, worst %v of 1 to 200 ms", got.P50, got.P99, got.Worst)
	}
	if got := summarize(nil); got != (lag{}) {
		t.Errorf("of nothing %+v", got)
	}
}

func TestTheLoadKeepsItsRateAndNoTailLooksForIt(t *testing.T) {
	e := new(echo)
	e.serve(t)
	var lines []string
	seen := make(chan struct{})
	e.takes = append(e.takes, func(line []byte) {
		if lines = append(lines, string(line)); len(lines) == 200 {
			close(seen)
		}
	})
	l := startLoad(t.Context(), e.syslog(), 10_000)
	select {
	case <-seen:
	case <-time.After(time.Minute):
		t.Fatal("no load arrives")
	}
	if err := l.stop(); err != nil {
		t.Fatal(err)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, line := range lines {
		if !strings.HasPrefix(line, "<190>1 2") || strings.Contains(line, "probe") {
			t.Fatalf("the load has the line %q", line)
		}
	}
}
