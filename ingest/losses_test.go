package ingest

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/tagtail/tagtail/index"
)

// announced adds up the numbers in announcements, by their kind and place.
func announced(t *testing.T, entries []index.Entry) map[string]uint64 {
	t.Helper()
	sums := map[string]uint64{}
	for _, e := range entries {
		var n uint64
		var kind, from, to string
		if _, err := fmt.Sscanf(e.Message, "%d messages %s between %s and %s", &n, &kind, &from, &to); err != nil {
			t.Fatalf("%q: %v", e.Message, err)
		}
		if first, err := time.Parse(time.RFC3339, from); err != nil || first.After(e.Received) {
			t.Errorf("%q: received %v, %v", e.Message, e.Received, err)
		}
		if !e.Flags.Has(index.FlagLost) || e.Format != index.FormatOwn || n == 0 {
			t.Errorf("got %+v", e)
		}
		sums[kind+" "+e.Instance+e.Input] += n
	}
	return sums
}

func TestWhatIsAnnouncedAddsUpToWhatWasCounted(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	now := time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)
	sink := newFakeSink()
	cfg := Config{Now: func() time.Time { return now }}
	inputs := []*input{{name: "udp://a", now: cfg.Now, log: slog.New(slog.DiscardHandler)}, {name: "udp://b", now: cfg.Now, log: slog.New(slog.DiscardHandler)}}
	r := &Receiver{sink: sink, inputs: inputs, rates: newLimiter(RateLimit{PerSecond: 1})}
	l := newLosses(r, &cfg)
	for range 600 { // seconds
		now = now.Add(sampleEvery)
		for _, in := range inputs {
			if random.IntN(3) == 0 {
				in.dropped.Add(random.Uint64N(100))
				in.kernelDropped.Add(random.Uint64N(100))
			}
		}
		for range random.IntN(5) {
			r.rates.allow(&index.Entry{Instance: "web/dev1", Received: now})
		}
		sink.setErr(nil)
		if random.IntN(4) == 0 {
			sink.setErr(errors.New("disk full"))
		}
		l.check(reportEvery)
	}
	sink.setErr(nil)
	l.announce()
	l.announce() // nothing is left
	got := announced(t, sink.entries)
	want := map[string]uint64{
		"lost unassignedudp://a": inputs[0].lost(),
		"lost unassignedudp://b": inputs[1].lost(),
		"suppressed web/dev1":    r.Suppressed()["web/dev1"],
	}
	for place, n := range want {
		if got[place] != n || n == 0 {
			t.Errorf("%s: %d were announced, %d counted", place, got[place], n)
		}
	}
	if most := 3 * (600/10 + 1); len(got) != len(want) || len(sink.entries) > most {
		t.Errorf("got %d announcements of %v, want at most %d", len(sink.entries), got, most)
	}
}

func TestAReceiveBufferThatTheKernelCutsIsShown(t *testing.T) {
	var logged bytes.Buffer
	r, err := Listen(Config{
		Inputs:             []string{"udp://127.0.0.1:0"},
		ReceiveBufferBytes: math.MaxInt32, // of which no kernel gives more than half
		Logger:             slog.New(slog.NewTextHandler(&logged, nil)),
	}, newFakeSink())
	if err != nil {
		t.Fatal(err)
	}
	detail := r.Stats()[0].Detail
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{detail, logged.String()} {
		if !strings.Contains(text, "raise net.core.rmem_max") {
			t.Errorf("got %q", text)
		}
	}
}
