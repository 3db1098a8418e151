package index

import (
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tagtail/tagtail/index/internal/shape"
)

// shapeSets are used again: random tests ask for tens of thousands.
var shapeSets = sync.Pool{New: func() any { return new(shape.Set) }}

// asShape is what the shape of an entry's message says of a query: that it
// matches, that it does not, or nothing.
func asShape(q Query, e *Entry) string {
	set := shapeSets.Get().(*shape.Set)
	defer shapeSets.Put(set)
	set.Cut([]string{e.Message})
	left := reduceShape(q.expr, set.Text(0))
	switch left.(type) {
	case nil:
		return "all"
	case noneExpr:
		return "none"
	}
	if left.match(e) != q.Match(e) {
		return "wrong"
	}
	return "unknown"
}

// checkShape compares what the shape says with the message.
func checkShape(t *testing.T, q Query, e *Entry) string {
	t.Helper()
	said := asShape(q, e)
	if matches := q.Match(e); said == "wrong" || said == "all" && !matches || said == "none" && matches {
		t.Fatalf("query %q = %s matches %q: %v, but of its shape it says %s", q, q, e.Message, matches, said)
	}
	return said
}

func TestShapesAnswerQueries(t *testing.T) {
	const recv = "*12 recv: fd:6 133 of 1024"
	tests := map[string]struct{ query, message, want string }{
		"text":                      {"recv", recv, "all"},
		"in any case":               {"RECV", recv, "all"},
		"phrase":                    {`"recv: fd:"`, recv, "all"},
		"phrase, no value fits":     {`"recv: fds"`, recv, "none"},
		"other word":                {"writev", "*12 worker cycle", "unknown"}, // the value may have it
		"other word, no value":      {"writev", "worker cycle", "none"},
		"other words":               {`"the worker cycle"`, recv, "none"},
		"other words as values":     {`"worker cycle"`, recv, "unknown"}, // "6worker 1cycle" has them
		"id":                        {"1024", recv, "unknown"},
		"id, no value":              {"1024", "worker cycle", "none"},
		"id in a phrase":            {`"133 of 1024"`, recv, "unknown"},
		"id in another phrase":      {`"133 off 1024"`, recv, "none"},
		"part of a value":           {`"of dev"`, "1 of dev1", "unknown"},
		"end of a value":            {`"us took"`, "4us took", "unknown"},
		"from value to value":       {`"us took dev"`, "4us took dev1", "unknown"},
		"regex":                     {`/fd:\d+ \d+ of/`, recv, "unknown"},
		"regex that does not fit":   {`/fd:\d+ \d+ off /`, recv, "none"},
		"not":                       {"-recv", recv, "none"},
		"not, no value":             {"-writev", "worker cycle", "all"},
		"or":                        {"writev OR recv", recv, "all"},
		"and":                       {`recv "the worker cycle"`, recv, "none"},
		"severity":                  {"recv severity:err", recv, "unknown"},
		"wildcard":                  {"rec*:", recv, "unknown"},
		"wildcard that cannot be":   {"rec*;", "recv: fd", "none"},
		"content":                   {"status:500", "worker cycle", "unknown"},
		"content that cannot be":    {"path:/up", "worker cycle", "none"},
		"letters beyond ASCII":      {"ÄRGER", "ärger 1", "all"},
		"the kelvin sign":           {"1k", "1\u212a", "unknown"},
		"a message with a mark":     {"a", "a\x00", "unknown"},
		"a query with a mark":       {"\"a\x00b\"", "a1b", "unknown"},
		"Chinese around a value":    {"玩家", "玩家1", "all"},
		"Chinese that is not there": {"玩家", "移动", "none"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, checkShape(t, parse(tt.query), &Entry{Message: tt.message})); diff != "" {
				t.Errorf("%s of %q (-want +got):\n%s", tt.query, tt.message, diff)
			}
		})
	}
}
