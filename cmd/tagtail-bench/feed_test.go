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
	results, err := benchCorpus(t.Context(), o, "ids", []peer{p}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if err := compare(results); err != nil {
		t.Error(err)
	}
	r := results[0]
	if r.Disk == 0 || r.QueryPeak == 0 || r.CPU == 0 || r.Peak == 0 {
		t.Errorf("figures are missing: %+v", r)
	}
	for _, q := range r.Queries {
		if q.FirstCold == 0 || q.FirstWarm == 0 || q.CountCold == 0 || q.CountWarm == 0 {
			t.Errorf("a latency is missing: %+v", q)
		}
	}
	if p.running() != nil {
		t.Error("it still runs")
	}
}

func TestTagtailIsFilledWithOldLinesAsIfTheyHadComeThen(t *testing.T) {
	root, err := findRoot()
	if err != nil {
		t.Fatal(err)
	}
	p, err := newTagtail(t.Context(), options{work: t.TempDir(), root: root})
	if err != nil {
		t.Fatal(err)
	}
	c := testCorpus(t, "quiet", 1000)
	c.begin, c.step = time.Now().Add(-30*time.Hour), time.Hour/1000
	file, dir := filepath.Join(t.TempDir(), "quiet.log"), filepath.Join(t.TempDir(), "store")
	if err := c.write(t.Context(), file, 0, c.lines); err != nil {
		t.Fatal(err)
	}
	if err := p.fill(t.Context(), dir, c, file); err != nil {
		t.Fatal(err)
	}
	if err := p.start(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := p.stop(); err != nil {
			t.Error(err)
		}
	}()
	for question, want := range map[string]int{"": 1000, "older_than:28h": 1000, "newer_than:28h": 0} {
		if got, err := p.count(t.Context(), query{tagtail: question}); err != nil || got != want {
			t.Errorf("%q: got %d, %v, want %d", question, got, err, want)
		}
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
