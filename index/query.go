package index

import (
	"slices"
	"strings"
	"time"
	"unicode"
)

// Query is a parsed search text. The zero Query matches every entry. It is
// immutable: any number of goroutines may use one.
type Query struct {
	expr  expr // nil matches every entry
	terms []Term
	limit int
}

// ParseOptions are what the meaning of a search text depends on beside itself.
type ParseOptions struct {
	// Now is the moment that "last:15m" counts back from.
	Now time.Time
	// Location is the zone of times without an offset; nil means UTC.
	Location *time.Location
	// Deploys are the releases that since:deploy and deploy:43 mean, in any
	// order.
	Deploys []Deploy
}

// ParseQuery reads a search text. Every text is a query: what is not valid as
// a field or an operator is plain text.
func ParseQuery(text string, opts ParseOptions) Query {
	typed := strings.TrimLeftFunc(text, unicode.IsSpace)
	base := len(text) - len(typed)
	text = strings.TrimSpace(typed)
	if text == "" {
		return Query{}
	}
	p := parser{scanner: scanner{s: text}, opts: opts, base: base}
	if len(text) > maxQueryBytes || strings.ContainsAny(text, "\n") {
		p.i = len(text)
		return Query{expr: p.lines(text), terms: p.terms}
	}
	return Query{expr: p.query(), terms: p.terms, limit: p.limit}
}

// Match tells whether the query finds e.
func (q Query) Match(e *Entry) bool { return q.expr == nil || q.expr.match(e) }

// And returns the query that matches what both match.
func (q Query) And(other Query) Query {
	limit := q.limit
	if limit == 0 || other.limit != 0 && other.limit < limit {
		limit = other.limit
	}
	return Query{expr: all(q.expr, other.expr), terms: slices.Concat(q.terms, other.terms), limit: limit}
}

// InstanceQuery matches the entries of any of the named instances, and
// nothing if there are none.
func InstanceQuery(names ...string) Query { return ScopeQuery(nil, names) }

// ScopeQuery matches the entries of all instances of the owners and of the named
// instances, and nothing if there are none.
func ScopeQuery(owners, instances []string) Query {
	return Query{expr: instanceExpr{
		test: func(name string) bool {
			_, owner := SplitInstance(name)
			return owner != "" && slices.Contains(owners, owner) || slices.Contains(instances, name)
		},
		source: "instance:=*/" + strings.Join(owners, ",") + " or " + strings.Join(instances, ","),
	}}
}

// SenderQuery matches what came by an input from a source.
func SenderQuery(input, source string) Query {
	return Query{expr: testExpr{
		test:   func(e *Entry) bool { return e.Input == input && e.Source == source },
		source: "input:=" + input + " source:=" + source,
	}}
}

// Empty tells whether the query matches every entry because it asks for nothing.
func (q Query) Empty() bool { return q.expr == nil }

// Bounds are the bounds of Received that the time words set: what matches has
// from ≤ Received < to. Zero is unbounded. Match minds them by itself; they
// are for skipping what is outside and for showing the range.
func (q Query) Bounds() (from, to time.Time) {
	if q.expr == nil {
		return time.Time{}, time.Time{}
	}
	s := q.expr.span()
	return s.from, s.to
}

// Limit is the number that limit: asks for, 0 if it is not used.
func (q Query) Limit() int { return q.limit }

// Highlights lists the texts that the query wants in Message, as typed and in
// its order, for marking them in what was found, in any case.
func (q Query) Highlights() []string {
	if q.expr == nil {
		return nil
	}
	return q.expr.highlights(nil)
}

// Terms lists how the parts of the search text were read, in its order.
func (q Query) Terms() []Term { return q.terms }

// String is the reading of the query with every operator and parenthesis
// written out, for logs and tests.
func (q Query) String() string {
	if q.expr == nil {
		return ""
	}
	return q.expr.String()
}

// plan derives which blocks can hold a match. Time is left to Bounds.
func (q Query) plan() plan {
	if q.expr == nil {
		return plan{op: planAll}
	}
	return q.expr.plan()
}
