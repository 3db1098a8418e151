package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

const (
	// tailQueries is how many different searches the tails of one trial have,
	// if there are so many tails.
	tailQueries = 20
	// A probe is sent every probeEvery, and up to as much later again, so that
	// none meets a peer's own rhythm.
	probeEvery = 20 * time.Millisecond
	// warmUp is how long a load runs before the first probe.
	warmUp = 2 * time.Second
	// lateAfter is how long after the last probe a tail is given up.
	lateAfter = 15 * time.Second
)

// tailer is a peer whose new entries can be followed.
type tailer interface {
	peer
	// kinds are the ways to follow it that are measured.
	kinds() []string
	// tail follows a search in one of those ways until ctx ends, which is no
	// error. It calls ready once when it is connected, then take with whatever
	// arrives, which may not be kept.
	tail(ctx context.Context, kind, search string, ready func(), take func([]byte)) error
}

// lag is how long probes took to reach the tails of one trial.
type lag struct {
	Peer   string        `json:"peer"`
	Tails  int           `json:"tails"`
	Load   int           `json:"load_per_s"` // as it was
	Probes int           `json:"probes"`
	Missed int           `json:"missed"` // of Probes times Tails
	P50    time.Duration `json:"p50_ns"`
	P99    time.Duration `json:"p99_ns"`
	Worst  time.Duration `json:"worst_ns"`
	CPU    float64       `json:"cpu_of_one"` // of one processor, the peer's alone
}

// benchTails measures from a sender's write to what a tail receives: idle and
// under load, with few tails and with many.
func benchTails(ctx context.Context, o options, peers []peer, stdout, stderr io.Writer) error {
	var all []lag
	var trouble error
	for _, p := range peers {
		t, ok := p.(tailer)
		if !ok {
			fmt.Fprintf(stderr, "%s has no tail\n", p.name())
			continue
		}
		for _, load := range o.loads {
			for _, tails := range o.tails {
				for _, kind := range t.kinds() {
					fmt.Fprintf(stderr, "measuring %s with %s tails at %s entries/s\n", kind, thousands(tails), thousands(load))
					one, err := measureTails(ctx, o, t, lagTrial{kind: kind, tails: tails, load: load, probes: o.probes})
					if err != nil {
						trouble = errors.Join(trouble, fmt.Errorf("%s, %d tails, %d/s: %w", kind, tails, load, err))
						continue
					}
					all = append(all, one)
				}
			}
		}
	}
	if ctx.Err() == nil && len(all) > 0 {
		lagTable(all).print(stdout, true)
	}
	return errors.Join(trouble, writeJSON(o.json, all))
}

// lagTrial is one row of the table.
type lagTrial struct {
	kind   string
	tails  int
	load   int // entries a second
	probes int
}

func measureTails(ctx context.Context, o options, p tailer, trial lagTrial) (one lag, err error) {
	dir, err := freshDir(o, p, "tails")
	if err != nil {
		return one, err
	}
	if err := p.start(ctx, dir); err != nil {
		return one, err
	}
	defer func() { err = errors.Join(err, p.stop(), os.RemoveAll(dir)) }()

	clock := newProbeClock(trial.probes)
	tails, err := openTails(ctx, p, trial, clock)
	if err != nil {
		return one, err
	}
	defer func() { _ = tails.close() }() // told below
	load := startLoad(ctx, p.syslog(), trial.load)
	defer func() { _ = load.stop() }()
	if trial.load > 0 {
		wait(ctx, warmUp)
	}
	before, err := p.running().cpu()
	if err != nil {
		return one, err
	}
	began, lines := time.Now(), load.lines.Load()
	if err := sendProbes(ctx, p.syslog(), clock); err != nil {
		return one, err
	}
	took := time.Since(began)
	after, err := p.running().cpu()
	if err != nil {
		return one, err
	}
	rate := float64(load.lines.Load()-lines) / took.Seconds()
	tails.await(ctx, trial.probes, lateAfter)
	if err := errors.Join(load.stop(), tails.close()); err != nil {
		return one, err
	}
	one = summarize(tails.lags())
	one.Peer, one.Tails, one.Probes, one.Load = trial.kind, trial.tails, trial.probes, int(rate)
	one.Missed = trial.probes*trial.tails - len(tails.lags())
	one.CPU = (after - before).Seconds() / took.Seconds()
	return one, ctx.Err()
}

// summarize reads the percentiles of all lags, each of one probe at one tail.
func summarize(lags []time.Duration) lag {
	if len(lags) == 0 {
		return lag{}
	}
	slices.Sort(lags)
	at := func(part float64) time.Duration {
		return lags[max(0, int(math.Ceil(part*float64(len(lags))))-1)]
	}
	return lag{P50: at(0.5), P99: at(0.99), Worst: lags[len(lags)-1]}
}

func lagTable(all []lag) table {
	t := table{
		title: "Live tail: from a sender's write to what a tail receives",
		head:  []string{"tail", "tails", "entries/s beside", "p50", "p99", "worst", "missed", "processors"},
	}
	for _, one := range all {
		t.rows = append(t.rows, []string{
			one.Peer, thousands(one.Tails), thousands(one.Load), milliseconds(one.P50), milliseconds(one.P99), milliseconds(one.Worst),
			thousands(one.Missed), fmt.Sprintf("%.2f", one.CPU),
		})
	}
	return t
}

// probeClock says when each probe was written.
type probeClock struct {
	base time.Time
	sent []atomic.Int64 // after base, in ns; 0 is not yet
}

func newProbeClock(probes int) *probeClock {
	return &probeClock{base: time.Now(), sent: make([]atomic.Int64, probes)}
}

// arrived finds the probes in what a tail has received, and tells how long each
// took. A probe that it does not know is left out.
func (c *probeClock) arrived(data []byte, tell func(number int, took time.Duration)) {
	now := time.Since(c.base)
	text := string(data)
	for {
		_, rest, ok := strings.Cut(text, probeMark)
		if !ok {
			return
		}
		digits := rest[:min(len(rest), probeDigits)]
		if n, err := strconv.Atoi(digits); err == nil && n < len(c.sent) {
			if sent := c.sent[n].Load(); sent > 0 {
				tell(n, now-time.Duration(sent))
			}
		}
		text = rest
	}
}

const (
	probeMark   = "number="
	probeDigits = 6
)

// probeSearch is the search of the tail of that number. All find every probe
// and nothing else.
func probeSearch(tail int) string { return "probe " + probeWord(tail%tailQueries) }

func probeWord(n int) string { return "w" + string(rune('a'+n)) }

// sendProbes writes the probes one by one over a connection of their own.
func sendProbes(ctx context.Context, address string, clock *probeClock) error {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	words := make([]string, tailQueries)
	for i := range words {
		words[i] = probeWord(i)
	}
	for n := range clock.sent {
		wait(ctx, probeEvery+rand.N(probeEvery))
		if ctx.Err() != nil {
			return ctx.Err()
		}
		line := fmt.Appendf(nil, "%s probe %s %s%0*d\n", header(time.Now(), "probe_dev1"), strings.Join(words, " "), probeMark, probeDigits, n)
		clock.sent[n].Store(max(1, int64(time.Since(clock.base))))
		if _, err := conn.Write(line); err != nil {
			return fmt.Errorf("send probe: %w", err)
		}
	}
	return nil
}

// header is that of RFC 5424 up to the message.
func header(now time.Time, app string) []byte {
	return fmt.Appendf(nil, "<190>1 %s bench %s 1 - -", now.UTC().Format("2006-01-02T15:04:05.000000Z07:00"), app)
}

func wait(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
