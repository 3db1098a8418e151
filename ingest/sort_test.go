package ingest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tagtail/tagtail/index"
	"github.com/tagtail/tagtail/ingest/rules"
	"github.com/tagtail/tagtail/ingest/rules/script"
)

// engineOf makes an Engine of rules.
func engineOf(tb testing.TB, text string) *rules.Engine {
	tb.Helper()
	s := script.Parse("test.conf", text)
	if len(s.Notes) > 0 {
		tb.Fatalf("notes: %v", s.Notes)
	}
	e, err := rules.Open(rules.Config{Script: s, Hostname: "vm", Dir: tb.TempDir()})
	if err != nil {
		tb.Fatal(err)
	}
	return e
}

// Whatever rules do, messages are stored; what is suppressed is not written,
// and secrets of a message are not.
func TestRulesAreBesideTheStore(t *testing.T) {
	file := filepath.Join(t.TempDir(), "log")
	sink := newFakeSink()
	r, err := Listen(Config{Inputs: []string{"udp://127.0.0.1:0"}, RateLimit: RateLimit{PerSecond: 1, Burst: 3}}, sink)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	engine := engineOf(t, "$template t,\"%programname%:%structured-data%:%msg%\\n\"\n:msg, contains, \"dull\" stop\n*.* "+file+";t\n:msg, contains, \"theirs\" tag=\"web/dev2\"\n")
	r.SetRules(engine)
	f := newFeed(r.inputs[0])
	now := time.Now()
	for _, m := range []string{
		"<13>Oct 11 22:14:15 h web_dev1: one", "<13>Oct 11 22:14:15 h web_dev1: dull", "<13>Oct 11 22:14:15 h web_dev1: three", "<13>Oct 11 22:14:15 h web_dev1: suppressed",
		"<13>Oct 11 22:14:15 h other: theirs", `<13>1 - h app - ID7 [lv@32473 key="secret"] four`, `<13>1 - h app - ID7 [lv@32473 key="secret"][a b="c"] five`, "<13>Oct 11 22:14:15 h other: [lv@32473 key=\"secret\"] six", "<13>Oct 11 22:14:15 h other: theirs again",
	} {
		f.add([]byte(m), now, new(peer), 0)
	}
	f.flush()
	done, end := context.WithCancel(t.Context())
	end()
	engine.Run(done)
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff("web_dev1:-: one\nweb_dev1:-: three\nother:-: theirs\napp:-:four\napp:[a b=\"c\"]:five\nother:-:  six\nother:-: theirs again\n", string(text)); diff != "" {
		t.Errorf("the file (-want +got):\n%s", diff)
	}
	var got []string
	for i := range sink.entries {
		e := &sink.entries[i]
		got = append(got, fmt.Sprintf("%s by %s: %s", e.Instance, e.InstanceBy, e.Message))
	}
	want := []string{
		"web/dev1 by content: one", "web/dev1 by content: dull", "web/dev1 by content: three",
		"web/dev2 by content: theirs", "unassigned by : four", "unassigned by : five", "unassigned by : six", "web/dev2 by content: theirs again",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the store (-want +got):\n%s", diff)
	}
}

// discardSink takes everything.
type discardSink struct{}

func (discardSink) Append([]index.Entry) error { return nil }

// benchRules are 50 of all kinds, of which one writes the message.
func benchRules(file string) string {
	var b strings.Builder
	for i := range 12 {
		fmt.Fprintf(&b, "local%d.err;mail.none %s\n:programname, isequal, \"hhl-git-%d\" %s\n:msg, contains, \"needle %d\" %s\n", i%5, file, i, file, i, file)
		fmt.Fprintf(&b, "if $syslogseverity <= 2 and $hostname startswith 'db%d' then %s\n", i, file)
	}
	fmt.Fprintf(&b, ":syslogtag, startswith, \"team\" %s\nlocal5.* %[1]s;RSYSLOG_SyslogProtocol23Format\n", file)
	return b.String()
}

// BenchmarkFeed is the way of a datagram from the queue to the Sink: without
// rules, with none that fits, and with 50 of which one writes to a file.
func BenchmarkFeed(b *testing.B) {
	for _, test := range []struct{ name, rules string }{
		{"no rules", ""}, {"one that fits nothing", "local6.* /tmp/none\n"}, {"50", benchRules(filepath.Join(b.TempDir(), "log"))},
	} {
		b.Run(test.name, func(b *testing.B) {
			r, err := Listen(Config{Inputs: []string{"udp://127.0.0.1:0"}}, discardSink{})
			if err != nil {
				b.Fatal(err)
			}
			defer func() { _ = r.Close() }()
			if test.rules != "" {
				engine := engineOf(b, test.rules)
				r.SetRules(engine)
				ctx, end := context.WithCancel(b.Context())
				done := make(chan struct{})
				go func() { engine.Run(ctx); close(done) }()
				defer func() { end(); <-done }()
			}
			f := newFeed(r.inputs[0])
			line, now, from := []byte(benchLine), time.Now(), new(peer)
			for range batchEntries {
				f.add(line, now, from, 0)
			}
			b.ReportAllocs()
			for b.Loop() {
				f.add(line, now, from, 0)
			}
		})
	}
}
