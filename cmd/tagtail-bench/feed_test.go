package main

import (
	"bytes"
	"context"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// counter is a peer that counts the lines it gets, from a number on.
type counter struct {
	peer
	address string
	lines   atomic.Int64
}

func (c *counter) name() string                        { return "counter" }
func (c *counter) syslog() string                      { return c.address }
func (c *counter) stored(context.Context) (int, error) { return int(c.lines.Load()), nil }

func startCounter(t *testing.T, before int) *counter {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &counter{address: l.Addr().String()}
	c.lines.Store(int64(before))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		for buffer := make([]byte, 4096); ; {
			n, err := conn.Read(buffer)
			c.lines.Add(int64(bytes.Count(buffer[:n], []byte{'\n'})))
			if err != nil {
				return
			}
		}
	}()
	t.Cleanup(func() { l.Close(); <-ended })
	return c
}

func writeLines(t *testing.T, n int) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "lines.log")
	if err := os.WriteFile(file, bytes.Repeat([]byte("<13>hello\n"), n), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestFeedReturnsWhenThePeerHasEverything(t *testing.T) {
	c := startCounter(t, 0)
	if err := feed(t.Context(), c, writeLines(t, 50_000), 50_000); err != nil {
		t.Fatal(err)
	}
	if got := c.lines.Load(); got != 50_000 {
		t.Errorf("the peer has %d lines, want 50000", got)
	}
}

func TestFeedFailsWhenThePeerHasTooMuch(t *testing.T) {
	c := startCounter(t, 200)
	err := feed(t.Context(), c, writeLines(t, 100), 100)
	if err == nil || !strings.Contains(err.Error(), "entries of 100") {
		t.Errorf("got %v, want that it has more than 100 entries", err)
	}
}

func TestFeedEndsWithItsContext(t *testing.T) {
	c := startCounter(t, 0)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := feed(ctx, c, writeLines(t, 10), 20); err == nil {
		t.Error("it waits for lines that never come")
	}
}

// Tagtail itself needs nothing but Go, so it is measured for real.
func TestTagtailIsFedAskedAndStopped(t *testing.T) {
	root, err := findRoot()
	if err != nil {
		t.Fatal(err)
	}
	o := options{lines: 1000, runs: 1, cold: 1, idle: time.Second, work: t.TempDir(), root: root}
	p, err := newTagtail(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"ids", "quiet"} {
		results, err := benchCorpus(t.Context(), o, name, []peer{p}, io.Discard)
		if err != nil {
			t.Fatal(err)
		}
		if err := compare(results); err != nil {
			t.Error(err)
		}
		r := results[0]
		if r.Disk == 0 || r.QueryPeak == 0 || (name == "ids") != (r.CPU > 0) {
			t.Errorf("%s: figures are missing: %+v", name, r)
		}
		for _, q := range r.Queries {
			if q.FirstCold == 0 || q.FirstWarm == 0 || q.CountCold == 0 || q.CountWarm == 0 {
				t.Errorf("%s: a latency is missing: %+v", name, q)
			}
		}
	}
	if p.running() != nil {
		t.Error("it still runs")
	}
}

func TestGrowthAsksAfterEachSize(t *testing.T) {
	root, err := findRoot()
	if err != nil {
		t.Fatal(err)
	}
	o := options{runs: 1, idle: time.Second, work: t.TempDir(), root: root, corpora: []string{"mixed"}, growth: []int{1000, 3000}, markdown: true}
	p, err := newTagtail(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := benchGrowth(t.Context(), o, []peer{p}, &out, io.Discard); err != nil {
		t.Error(err)
	}
	for _, want := range []string{"1,000 lines", "3,000 lines", "| a rare id", "| bytes on disk, MB"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the table lacks %q:\n%s", want, &out)
		}
	}
}
