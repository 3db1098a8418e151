package script

import (
	"os"
	"strings"
	"testing"
)

// The rules that the document shows are understood, all of them.
func TestTheDocumentsExampleIsUnderstood(t *testing.T) {
	text, err := os.ReadFile("../../../docs/rules.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "```rsyslog\n")
	example, _, found := strings.Cut(rest, "```\n")
	if !found {
		t.Fatal("there is no example")
	}
	s := Parse("rules.md", example)
	if len(s.Notes) > 0 || len(s.Actions) != 5 {
		t.Errorf("got %d actions, notes %q", len(s.Actions), notes(s))
	}
}
