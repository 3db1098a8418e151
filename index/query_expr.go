package index

import (
	"slices"
	"strings"
	"time"
)

// expr is one node of a parsed query. It is immutable, so any number of
// goroutines may match with it. plan and span err towards more: what they
// exclude does not match.
type expr interface {
	match(e *Entry) bool
	plan() plan
	// span bounds Received of what can match.
	span() span
	// highlights appends the texts that a match shows in its Message.
	highlights(dst []string) []string
	// String is the reading, for people.
	String() string
}

// span is a range of time, from ≤ t < to. A zero end is open.
type span struct{ from, to time.Time }

func (s span) has(t time.Time) bool {
	return (s.from.IsZero() || !t.Before(s.from)) && (s.to.IsZero() || t.Before(s.to))
}

// within returns the part of s that is in other too.
func (s span) within(other span) span {
	if s.from.Before(other.from) {
		s.from = other.from
	}
	if s.to.IsZero() || !other.to.IsZero() && other.to.Before(s.to) {
		s.to = other.to
	}
	return s
}

// around returns the smallest span that has both.
func (s span) around(other span) span {
	if other.from.Before(s.from) {
		s.from = other.from
	}
	if other.to.IsZero() || !s.to.IsZero() && s.to.Before(other.to) {
		s.to = other.to
	}
	return s
}

// unplanned is what an expr embeds that neither index nor clock can help with.
type unplanned struct{}

func (unplanned) plan() plan                       { return plan{op: planAll} }
func (unplanned) span() span                       { return span{} }
func (unplanned) highlights(dst []string) []string { return dst }

// all returns the AND of kids. Nil kids are parts that ask for nothing; if all
// are, so does the result.
func all(kids ...expr) expr {
	kids = slices.DeleteFunc(kids, func(x expr) bool { return x == nil })
	switch len(kids) {
	case 0:
		return nil
	case 1:
		return kids[0]
	}
	return andExpr(kids)
}

// anyOf returns the OR of kids. Nil kids are left out, as in all.
func anyOf(kids ...expr) expr {
	kids = slices.DeleteFunc(kids, func(x expr) bool { return x == nil })
	switch len(kids) {
	case 0:
		return nil
	case 1:
		return kids[0]
	}
	return orExpr(kids)
}

// negate returns the NOT of x, moved down to where a plan can be exact.
func negate(x expr) expr {
	switch x := x.(type) {
	case nil:
		return nil
	case andExpr:
		return orExpr(negateEach(x))
	case orExpr:
		return andExpr(negateEach(x))
	case notExpr:
		return x.kid
	case severityExpr:
		x.mask = ^x.mask
		x.not = !x.not
		return x
	case instanceExpr:
		x.not = !x.not
		return x
	}
	return notExpr{kid: x}
}

func negateEach(kids []expr) []expr {
	out := make([]expr, len(kids))
	for i, kid := range kids {
		out[i] = negate(kid)
	}
	return out
}

type andExpr []expr

func (x andExpr) match(e *Entry) bool {
	for _, kid := range x {
		if !kid.match(e) {
			return false
		}
	}
	return true
}

func (x andExpr) plan() plan {
	plans := make([]plan, len(x))
	for i, kid := range x {
		plans[i] = kid.plan()
	}
	return planAllOf(plans)
}

func (x andExpr) span() span {
	var s span
	for _, kid := range x {
		s = s.within(kid.span())
	}
	return s
}

func (x andExpr) highlights(dst []string) []string { return highlightEach(dst, x) }
func (x andExpr) String() string                   { return join(x, " AND ") }

type orExpr []expr

func (x orExpr) match(e *Entry) bool {
	for _, kid := range x {
		if kid.match(e) {
			return true
		}
	}
	return false
}

func (x orExpr) plan() plan {
	plans := make([]plan, len(x))
	for i, kid := range x {
		plans[i] = kid.plan()
	}
	return planAnyOf(plans)
}

func (x orExpr) span() span {
	s := x[0].span()
	for _, kid := range x[1:] {
		s = s.around(kid.span())
	}
	return s
}

func (x orExpr) highlights(dst []string) []string { return highlightEach(dst, x) }
func (x orExpr) String() string                   { return join(x, " OR ") }

func highlightEach(dst []string, kids []expr) []string {
	for _, kid := range kids {
		dst = kid.highlights(dst)
	}
	return dst
}

func join(kids []expr, sep string) string {
	parts := make([]string, len(kids))
	for i, kid := range kids {
		parts[i] = kid.String()
	}
	return "(" + strings.Join(parts, sep) + ")"
}

type notExpr struct {
	unplanned
	kid expr
}

func (x notExpr) match(e *Entry) bool { return !x.kid.match(e) }
func (x notExpr) String() string      { return "NOT " + x.kid.String() }

// severityExpr matches the severities n whose bit n is set in mask.
type severityExpr struct {
	unplanned
	mask   uint8
	not    bool // mask was complemented after source was read
	source string
}

func (x severityExpr) match(e *Entry) bool { return x.mask>>e.Severity&1 != 0 }
func (x severityExpr) plan() plan          { return plan{op: planSeverity, severity: x.mask} }
func (x severityExpr) String() string      { return negated(x.not, x.source) }

// instanceExpr matches by the name of the instance alone.
type instanceExpr struct {
	unplanned
	test   func(name string) bool
	not    bool
	source string
}

func (x instanceExpr) match(e *Entry) bool { return x.test(e.Instance) != x.not }
func (x instanceExpr) String() string      { return negated(x.not, x.source) }

func (x instanceExpr) plan() plan {
	test, not := x.test, x.not
	return plan{op: planInstance, instance: func(name string) bool { return test(name) != not }}
}

// spanExpr matches by Received.
type spanExpr struct {
	unplanned
	when   span
	source string
}

func (x spanExpr) match(e *Entry) bool { return x.when.has(e.Received) }
func (x spanExpr) span() span          { return x.when }
func (x spanExpr) String() string      { return x.source }

// testExpr matches by a header field that no index knows.
type testExpr struct {
	unplanned
	test   func(e *Entry) bool
	source string
}

func (x testExpr) match(e *Entry) bool { return x.test(e) }
func (x testExpr) String() string      { return x.source }

// textExpr matches if any reading of a text is in Message.
type textExpr struct {
	unplanned
	readings []*pattern
	shown    []string // its literals, for highlighting
	source   string
}

func (x textExpr) match(e *Entry) bool {
	for _, p := range x.readings {
		if p.in(e.Message) {
			return true
		}
	}
	return false
}

func (x textExpr) plan() plan {
	plans := make([]plan, len(x.readings))
	for i, p := range x.readings {
		plans[i] = p.plan()
	}
	return planAnyOf(plans)
}

func (x textExpr) highlights(dst []string) []string { return append(dst, x.shown...) }
func (x textExpr) String() string                   { return x.source }

func negated(not bool, source string) string {
	if not {
		return "NOT " + source
	}
	return source
}
