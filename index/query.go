package index

import "time"

// Query is a parsed search text. The zero Query matches every entry.
type Query struct {
	expr expr
}

// ParseOptions are what the meaning of a search text depends on beside itself.
type ParseOptions struct {
	// Now is the moment that "last:15m" counts back from.
	Now time.Time
	// Location is the zone of times without an offset; nil means UTC.
	Location *time.Location
}

// ParseQuery reads a search text. Every text is a query: what is not valid as
// a field or an operator is plain text.
func ParseQuery(text string, opts ParseOptions) Query { return Query{} }

// Match tells whether the query finds e.
func (q Query) Match(e *Entry) bool { return true }

// And returns the query that matches what both match.
func (q Query) And(other Query) Query { return q }

// InstanceQuery matches the entries of any of the named instances, and
// nothing if there are none.
func InstanceQuery(names ...string) Query { return Query{} }

// Term is how one part of a search text was read, for the chips below the
// search box.
type Term struct {
	// Text is the part as typed.
	Text string `json:"text"`
	// Kind is "text", "phrase", "regex", "field", "time", "operator" or "group".
	Kind string `json:"kind"`
	// Field is the canonical name of a field, such as "severity"; else empty.
	Field string `json:"field,omitempty"`
	// Not tells that the part excludes what it matches.
	Not bool `json:"not,omitempty"`
	// Hint is a suggestion in words, such as "did you mean severity:error?".
	Hint string `json:"hint,omitempty"`
}

// Terms lists how the parts of the search text were read, in its order.
func (q Query) Terms() []Term { return nil }

type expr interface{ match(e *Entry) bool }
