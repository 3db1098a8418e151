package ingest

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tagtail/tagtail/index"
)

func TestARateLimitAllowsABurstAndThenItsRate(t *testing.T) {
	l := newLimiter(RateLimit{PerSecond: 10, Burst: 5})
	start := time.Unix(1e9, 0)
	for _, step := range []struct {
		after       time.Duration
		tries, want int
	}{
		{0, 8, 5},
		{50 * time.Millisecond, 1, 0},
		{100 * time.Millisecond, 3, 1},
		{90 * time.Millisecond, 1, 0}, // another input's clock
		{400 * time.Millisecond, 9, 3},
		{time.Hour, 9, 5},
	} {
		allowed := 0
		for range step.tries {
			if l.allow(&index.Entry{Instance: "a/b", Received: start.Add(step.after)}) {
				allowed++
			}
		}
		if allowed != step.want {
			t.Errorf("after %v: got %d of %d, want %d", step.after, allowed, step.tries, step.want)
		}
	}
	if diff := cmp.Diff(map[string]uint64{"a/b": 31 - 14}, l.suppressed()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestALimitIsNotUsedUpByOthersWhoWriteItsTag(t *testing.T) {
	l := newLimiter(RateLimit{PerSecond: 3})
	now := time.Unix(1e9, 0)
	for range 100 {
		l.allow(&index.Entry{Instance: "a/b", InstanceBy: index.ByContent, Received: now})
		l.allow(&index.Entry{Instance: "c/d", InstanceBy: index.BySocket, Received: now})
	}
	for range 3 {
		if !l.allow(&index.Entry{Instance: "a/b", InstanceBy: index.ByCreds, Received: now}) {
			t.Error("an entry with proof is suppressed for those without")
		}
	}
	if l.allow(&index.Entry{Instance: "a/b", InstanceBy: index.ByCreds, Received: now}) {
		t.Error("entries with proof have no limit")
	}
}

func TestNoRateLimitAllowsEverything(t *testing.T) {
	l := newLimiter(RateLimit{})
	for range 1000 {
		if !l.allow(&index.Entry{Instance: "a/b"}) {
			t.Fatal("an entry is suppressed")
		}
	}
	if len(l.suppressed()) != 0 || l.due(0, time.Now()) != nil {
		t.Error("something is counted")
	}
}

func TestALimitAllocatesNothing(t *testing.T) {
	l := newLimiter(RateLimit{PerSecond: 3})
	e := index.Entry{Instance: "a/b", Received: time.Unix(1e9, 0)}
	if n := testing.AllocsPerRun(100, func() { l.allow(&e) }); n != 0 {
		t.Errorf("got %v allocations", n)
	}
}

func TestSuppressedMessagesAreCountedAndAnnouncedInTheirInstance(t *testing.T) {
	now := time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)
	sink := newFakeSink()
	r := start(t, Config{
		Inputs:    []string{"tcp://127.0.0.1:0"},
		RateLimit: RateLimit{PerSecond: 7, Burst: 10},
		Now:       func() time.Time { return now },
	}, sink)
	conn := dial(t, r.Addrs()[0])
	for i := range 100 {
		send(t, conn, fmt.Sprintf("<15>loud_dev1: %d\n", i))
	}
	send(t, conn, "<11>quiet_dev2: hello\n")
	sink.wait(t, 11)
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	got := sink.wait(t, 12)
	if len(got) != 12 || got[9].Message != "9" || got[10].Message != "hello" {
		t.Errorf("got %d entries, the eleventh %+v", len(got), got[10])
	}
	want := index.Entry{
		Seq: 12, Received: now, Time: now, Facility: index.Syslog, Severity: index.Warning, Format: index.FormatOwn,
		InstanceBy: index.ByItself, Flags: index.FlagLost, Hostname: "collector", AppName: "tagtail", Instance: "loud/dev1",
		Message: "90 messages suppressed between 2026-11-22T08:00:00Z and 2026-11-22T08:00:00Z (limit 7/s)",
	}
	if diff := cmp.Diff(want, got[len(got)-1]); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if s := r.Stats()[0]; s.Suppressed != 90 || s.Received != 101 || s.Dropped != 0 {
		t.Errorf("got stats %+v", s)
	}
	if diff := cmp.Diff(map[string]uint64{"loud/dev1": 90}, r.Suppressed()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
