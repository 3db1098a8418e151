package rules

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tagtail/tagtail/ingest/rules/script"
)

func openRules(t *testing.T, text, dir string) *Engine {
	t.Helper()
	s := script.Parse("t", text)
	if len(s.Notes) > 0 {
		t.Fatalf("notes: %v", s.Notes)
	}
	e, err := Open(Config{Script: s, Dir: dir, Hostname: "vm"})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestAnInputsMessagesGoThroughItsRuleset(t *testing.T) {
	out := t.TempDir()
	e := openRules(t, strings.ReplaceAll(`$template t,"%inputname%:%msg%\n"
$ActionFileDefaultTemplate t
input(type="imudp" address="127.0.0.1" port="514" ruleset="udp" name="mine")
input(type="imtcp" address="127.0.0.1" port="515")
ruleset(name="udp") {
	$OUT/udp
	call common
	$OUT/behind
}
ruleset(name="common") {
	$OUT/common
	:msg, contains, "two" stop
}
$RuleSet other
$OUT/other
$DefaultRuleset other
`, "$OUT", out), "")
	for url, text := range map[string]string{"udp://127.0.0.1:514": "one", "tcp://127.0.0.1:515": "three", "unixgram:///x": "four"} {
		s := e.NewSorter(Input{URL: url, Local: strings.HasPrefix(url, "unix")})
		s.Sort([]byte("<13>Oct 11 22:14:15 h t: "+text), "127.0.0.1", time.Now())
		s.Flush()
	}
	s := e.NewSorter(Input{URL: "udp://127.0.0.1:514"})
	s.Sort([]byte("<13>Oct 11 22:14:15 h t: two"), "127.0.0.1", time.Now())
	s.Flush()
	s.Sort([]byte("<13>Oct 11 22:14:15 h t: taken back"), "127.0.0.1", time.Now())
	s.Undo()
	s.Sort([]byte("<13>Oct 11 22:14:15 h t: discarded"), "127.0.0.1", time.Now())
	s.Discard()
	s.Flush()
	runUntilWritten(e)
	got := readFolder(t, out)
	other := strings.SplitAfter(got["other"], "\n")
	if len(other) != 3 || !strings.Contains(got["other"], "imtcp: three\n") || !strings.Contains(got["other"], "imuxsock: t: four\n") {
		t.Errorf("the default ruleset has written %q", got["other"])
	}
	delete(got, "other")
	want := map[string]string{"udp": "mine: one\nmine: two\n", "common": "mine: one\nmine: two\n", "behind": "mine: one\n"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, a := range e.Stats() {
		if a.Kind != "file" || a.Dropped != 0 || a.Waiting != 0 || a.Wrong != "" {
			t.Errorf("got %+v", a)
		}
	}
}

// Each action that forwards has a queue of its own, the same after a restart,
// and its messages only.
func TestQueuesBelongToTheirActions(t *testing.T) {
	dir := t.TempDir()
	const text = `$ActionForwardDefaultTemplate RSYSLOG_ForwardFormat
local1.* @@127.0.0.1:1
local2.* @@127.0.0.1:1
local3.* action(type="omrelp" target="::1" port="1")
`
	for range 2 {
		e := openRules(t, text, dir)
		s := e.NewSorter(Input{URL: "udp://127.0.0.1:514"})
		for _, m := range []string{"<137>Oct 11 22:14:15 h t: one", "<145>Oct 11 22:14:15 h t: two", "<145>Oct 11 22:14:15 h t: two", "<153>Oct 11 22:14:15 h t: three"} {
			s.Sort([]byte(m), "127.0.0.1", time.Now())
		}
		s.Flush()
		runUntilWritten(e)
	}
	e := openRules(t, text, dir)
	var waiting []int
	for _, a := range e.Stats() {
		waiting = append(waiting, a.Waiting)
	}
	if diff := cmp.Diff([]int{2, 4, 2}, waiting); diff != "" {
		t.Errorf("waiting (-want +got):\n%s", diff)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	folders, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range folders {
		names = append(names, f.Name())
	}
	if diff := cmp.Diff([]string{"relp-___1__1", "tcp-127.0.0.1_1", "tcp-127.0.0.1_1-2"}, names); diff != "" {
		t.Errorf("folders (-want +got):\n%s", diff)
	}
	var words bytes.Buffer
	if e, err = Open(Config{Script: script.Parse("t", "*.* @@127.0.0.1:1"), Dir: dir, Logger: slog.New(slog.NewTextHandler(&words, nil))}); err != nil {
		t.Fatal(err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	for i, name := range names {
		if got, want := strings.Contains(words.String(), filepath.Join(dir, name)+"\n"), i != 1; got != want {
			t.Errorf("the log names %s: %v, want %v: %s", name, got, want, &words)
		}
	}
	if info, err := os.Stat(filepath.Join(dir, names[0])); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the folder is %v, %v: the messages are nobody else's to read", info.Mode(), err)
	}
}
