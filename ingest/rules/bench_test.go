package rules

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tagtail/tagtail/ingest/rules/script"
)

// fiftyRules are of every kind, and one of them matches the messages below.
func fiftyRules() string {
	var b strings.Builder
	for i := range 10 {
		fmt.Fprintf(&b, "local%d.err;mail.none /tmp/none/selector%d\n", i%5, i)
		fmt.Fprintf(&b, ":programname, isequal, \"hhl-git-%d\" /tmp/none/program%d\n", i, i)
		fmt.Fprintf(&b, ":msg, contains, \"needle %d\" /tmp/none/contains%d\n", i, i)
		fmt.Fprintf(&b, "if $syslogseverity <= 2 and $hostname startswith 'db%d' then /tmp/none/if%d\n", i, i)
	}
	for i := range 9 {
		fmt.Fprintf(&b, ":syslogtag, startswith, \"team%d\" /tmp/none/tag%d\n", i, i)
	}
	b.WriteString("local5.* /tmp/none/all;RSYSLOG_SyslogProtocol23Format\n")
	return b.String()
}

const benchMessage = "<174>Nov 22 08:51:43 vm socketserver_dev1[77]: 2026/11/22 08:51:43 [info] 16876#16876: *1 client closed connection while waiting for request, client: 127.0.0.1, server: 0.0.0.0:1081\n"

func benchSorter(tb testing.TB) *Sorter {
	tb.Helper()
	s := script.Parse("bench.conf", fiftyRules())
	if len(s.Actions) != 50 || len(s.Notes) > 0 {
		tb.Fatalf("got %d rules, notes %v", len(s.Actions), s.Notes)
	}
	e, err := Open(Config{Script: s, Hostname: "vm"})
	if err != nil {
		tb.Fatal(err)
	}
	return e.NewSorter(Input{URL: "udp://127.0.0.1:514"})
}

// BenchmarkSort puts one message through 50 rules, of which one writes it.
func BenchmarkSort(b *testing.B) {
	sorter := benchSorter(b)
	frame, now := []byte(benchMessage), time.Now()
	b.ReportAllocs()
	for b.Loop() {
		sorter.Sort(frame, "127.0.0.1", now)
		sorter.Undo()
	}
}

func TestSortingAllocatesNothing(t *testing.T) {
	sorter := benchSorter(t)
	messages := [][]byte{[]byte(benchMessage), []byte("<13>app: with a\ttab and more"), []byte("<14>1 2026-10-11T22:14:15Z web1 game 12 ID7 [a b=\"c\"] text")}
	now := time.Now()
	run := func() {
		for _, m := range messages {
			sorter.Sort(m, "127.0.0.1", now)
			sorter.Undo()
		}
	}
	run()
	if n := testing.AllocsPerRun(100, run); n > 0 {
		t.Errorf("got %v allocations for three messages, want none", n)
	}
}
