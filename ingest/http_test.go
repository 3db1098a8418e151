package ingest

import (
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"testing"

	"github.com/tagtail/tagtail/index"
)

const httpURL = "http://127.0.0.1:8514/api/v1/ingest"

var phone = netip.MustParseAddr("192.0.2.7")

func jsonEntry(app, message string) index.Entry {
	return index.Entry{Format: index.FormatJSON, Severity: index.Notice, AppName: app, Message: message}
}

func TestEntriesByHTTPAreIdentifiedByTokenOrContent(t *testing.T) {
	tests := map[string]struct {
		instance, app, structured string
		want                      string
		by                        index.InstanceBy
		flags                     index.Flags
	}{
		"by token":            {"game/dev1", "", "", "game/dev1", index.ByToken, 0},
		"token and content":   {"game/dev1", "game_dev1", "", "game/dev1", index.ByToken, 0},
		"token over content":  {"game/dev1", "web_dev2", "", "game/dev1", index.ByToken, index.FlagContradicts},
		"by content":          {"", "web_dev2", "", "web/dev2", index.ByContent, 0},
		"by nothing":          {"", "other", "", index.Unassigned, index.ByNothing, 0},
		"content is bounded":  {"", "web_dev9", "", index.Unassigned, index.ByNothing, 0},
		"token in the fields": {"", "", `[tagtail@32473 key="0123456789abcdef"]`, "web/dev2", index.ByToken, 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			sink := newFakeSink()
			r := start(t, Config{Inputs: []string{"udp://127.0.0.1:0"}, HTTP: httpURL, Instances: []Instance{
				{Name: "game/dev1"}, {Name: "web/dev2", Tokens: []Token{"0123456789abcdef"}},
			}}, sink)
			e := jsonEntry(tt.app, "hello")
			e.StructuredData = tt.structured
			given := []index.Entry{e}
			if err := r.Ingest(phone, tt.instance, given); err != nil {
				t.Fatal(err)
			}
			got := sink.wait(t, 1)[0]
			if got.Instance != tt.want || got.InstanceBy != tt.by || got.Flags != tt.flags {
				t.Errorf("got %q by %v, flags %v; want %q by %v, flags %v", got.Instance, got.InstanceBy, got.Flags.Names(), tt.want, tt.by, tt.flags.Names())
			}
			if got.Input != httpURL || got.Source != "192.0.2.7" || got.Received.IsZero() || got.Format != index.FormatJSON {
				t.Errorf("entry = %+v", got)
			}
			if got.StructuredData != "" {
				t.Errorf("structured data = %q, want the token cut out", got.StructuredData)
			}
			if given[0].Seq != 1 {
				t.Errorf("seq = %d, want the caller to see 1", given[0].Seq)
			}
		})
	}
}

func TestInstancesOfHTTPAreAdmitted(t *testing.T) {
	known := start(t, Config{Inputs: []string{"udp://127.0.0.1:0"}, Instances: []Instance{{Name: "game/dev1"}}}, newFakeSink())
	learning := start(t, Config{Inputs: []string{"udp://127.0.0.1:0"}}, newFakeSink())
	for name, want := range map[string][2]bool{
		"game/dev1": {true, true}, "game/dev2": {false, true}, "game": {false, false}, "../etc/x": {false, false}, "": {false, false},
	} {
		if got := [2]bool{known.Admits(name), learning.Admits(name)}; got != want {
			t.Errorf("%q is admitted %v, want %v", name, got, want)
		}
	}
	for i := range 2 * maxLearned {
		learning.Admits(fmt.Sprintf("game/dev%d", i))
	}
	if n := len(learning.identify.known.Load().learned); n != maxLearned {
		t.Errorf("%d instances are learned, want at most %d", n, maxLearned)
	}
	if !learning.Admits("game/dev1") || learning.Admits("game/another") {
		t.Error("a full list does not hold exactly what it learned")
	}
}

func TestEntriesByHTTPOverTheLimitHaveNoSeq(t *testing.T) {
	sink := newFakeSink()
	r := start(t, Config{Inputs: []string{"udp://127.0.0.1:0"}, HTTP: httpURL, RateLimit: RateLimit{PerSecond: 1, Burst: 2}}, sink)
	given := []index.Entry{jsonEntry("", "a"), jsonEntry("", "b"), jsonEntry("", "c")}
	if err := r.Ingest(phone, "game/dev1", given); err != nil {
		t.Fatal(err)
	}
	if given[0].Seq != 1 || given[1].Seq != 2 || given[2].Seq != 0 {
		t.Errorf("seqs = %d, %d, %d; want 1, 2, 0", given[0].Seq, given[1].Seq, given[2].Seq)
	}
	stats := r.Stats()
	if s := stats[len(stats)-1]; s.Input != httpURL || s.Received != 3 || s.Suppressed != 1 || s.Dropped != 0 {
		t.Errorf("stats = %+v", s)
	}
	if n := r.Suppressed()["game/dev1"]; n != 1 {
		t.Errorf("%d suppressed, want 1", n)
	}
}

func TestEntriesByHTTPThatAreNotStoredAreNotLost(t *testing.T) {
	sink := newFakeSink()
	r := start(t, Config{Inputs: []string{"udp://127.0.0.1:0"}, HTTP: httpURL}, sink)
	full := errors.New("disk full")
	sink.setErr(full)
	if err := r.Ingest(phone, "", []index.Entry{jsonEntry("", "a")}); !errors.Is(err, full) {
		t.Errorf("error = %v, want %v", err, full)
	}
	stats := r.Stats()
	if s := stats[len(stats)-1]; s.Received != 0 || s.Dropped != 0 {
		t.Errorf("stats = %+v, want nothing: the sender has it still", s)
	}
	sink.setErr(nil)
	if err := r.Ingest(phone, "", nil); err != nil {
		t.Errorf("nothing at all: %v", err)
	}
}

func TestAReceiverWithoutHTTPTakesNothingByIt(t *testing.T) {
	r := start(t, Config{Inputs: []string{"udp://127.0.0.1:0"}}, newFakeSink())
	if err := r.Ingest(phone, "", []index.Entry{jsonEntry("", "a")}); !errors.Is(err, errNoHTTP) {
		t.Errorf("error = %v, want %v", err, errNoHTTP)
	}
	if n := len(r.Stats()); n != 1 {
		t.Errorf("%d inputs, want 1", n)
	}
}

func TestConcurrentEntriesByHTTPAreAllStored(t *testing.T) {
	sink := newFakeSink()
	r := start(t, Config{Inputs: []string{"udp://127.0.0.1:0"}, HTTP: httpURL}, sink)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			name := fmt.Sprintf("game/dev%d", i)
			for range 50 {
				if !r.Admits(name) {
					t.Errorf("%s is not admitted", name)
				}
				if err := r.Ingest(phone, name, []index.Entry{jsonEntry("", "a"), jsonEntry("", "b")}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if n := len(sink.wait(t, 800)); n != 800 {
		t.Errorf("%d entries, want 800", n)
	}
}
