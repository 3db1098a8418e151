package rules

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tagtail/tagtail/ingest/rules/script"
)

// selectorCase is a rule and the messages that a real rsyslogd 8.2302 has found
// to match it.
type selectorCase struct {
	Rule             string
	Matches, Rejects []string
}

func selectorCases(t testing.TB) (list []selectorCase) {
	t.Helper()
	eachLine(t, "testdata/selector_cases.jsonl", func(line []byte) {
		var c selectorCase
		if err := json.Unmarshal(line, &c); err != nil {
			t.Fatal(err)
		}
		list = append(list, c)
	})
	if len(list) != 25 {
		t.Fatalf("got %d cases, want 25", len(list))
	}
	return list
}

func TestRulesMatchWhatTheyMatchInRsyslogd(t *testing.T) {
	for _, c := range selectorCases(t) {
		t.Run(c.Rule, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "out")
			s := script.Parse("test.conf", "$template raw,\"%rawmsg%\\n\"\n"+c.Rule+" "+file+";raw\n")
			for _, n := range s.Notes {
				if n.Refused {
					t.Fatalf("note: %s", n)
				}
			}
			e, err := Open(Config{Script: s})
			if err != nil {
				t.Fatal(err)
			}
			sorter := e.NewSorter(Input{URL: "udp://127.0.0.1:514"})
			check := func(message string, want bool) {
				sorter.Sort([]byte(message), "127.0.0.1", time.Now())
				if got := len(sorter.items) > 0; got != want {
					t.Errorf("%q matches: %v, want %v", message, got, want)
				}
				sorter.Undo()
			}
			for _, m := range c.Matches {
				check(m, true)
			}
			for _, m := range c.Rejects {
				check(m, false)
			}
		})
	}
}

// selectorMessages are the different messages of the cases.
func selectorMessages(t testing.TB) (messages [][]byte) {
	t.Helper()
	c := selectorCases(t)[0]
	for _, m := range append(c.Matches, c.Rejects...) {
		messages = append(messages, []byte(m))
	}
	return messages
}

// ruleName makes a file's name of a rule.
func ruleName(rule string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune("abcdefghijklmnopqrstuvwxyz0123456789", r) {
			return r
		}
		return '_'
	}, strings.ToLower(rule))
}
