// Package filter decides which messages a rule is for, as rsyslogd 8.2302 does.
//
//	selector, property filter or expression → Filter → Match(message)
//
// Invariants: matching allocates nothing and takes time in proportion to the
// message; a filter that cannot be understood is an error, never one that
// matches more. Start reading at Filter.
package filter

import (
	"strings"

	"github.com/tagtail/tagtail/ingest/rules/message"
)

// Filter chooses messages. It is never changed after it was made, and may be
// used by several goroutines with a Message each.
type Filter interface {
	Match(m *message.Message) bool
	// String says in words which messages match.
	String() string
}

// All matches every message.
type All struct{}

// Match is true.
func (All) Match(*message.Message) bool { return true }

func (All) String() string { return "every message" }

// And matches what both match.
type And struct{ Left, Right Filter }

// Match asks both.
func (f And) Match(m *message.Message) bool { return f.Left.Match(m) && f.Right.Match(m) }

func (f And) String() string { return grouped(f.Left) + " and " + grouped(f.Right) }

// Or matches what one of the two matches.
type Or struct{ Left, Right Filter }

// Match asks until one does.
func (f Or) Match(m *message.Message) bool { return f.Left.Match(m) || f.Right.Match(m) }

func (f Or) String() string { return grouped(f.Left) + " or " + grouped(f.Right) }

// Not matches what the other does not.
type Not struct{ Filter Filter }

// Match is the opposite.
func (f Not) Match(m *message.Message) bool { return !f.Filter.Match(m) }

func (f Not) String() string { return "not " + grouped(f.Filter) }

// grouped is the text of f, in parentheses if it has several parts.
func grouped(f Filter) string {
	switch f.(type) {
	case And, Or:
		return "(" + f.String() + ")"
	}
	return f.String()
}

// quoted is a value as it is shown.
func quoted(value string) string {
	return `"` + strings.NewReplacer("\n", `\n`, "\r", `\r`, "\x1b", `\e`, `"`, `\"`).Replace(value) + `"`
}
