package index

import (
	"strings"
	"time"

	"github.com/tagtail/tagtail/index/content"
)

// slow is from when on a request or a task is:slow.
const slow = time.Second

// compileFlag knows the keywords of is: and has:.
func compileFlag(f *field, _ operator, o operand, _ ParseOptions) (expr, string) {
	source := f.name + ":" + o.typed
	if o.plain == "trace" {
		return containsExpr(source, "stack traceback:", "Traceback (most recent call last)"), ""
	}
	if f.name == "has" {
		return compileHas(o.plain, source)
	}
	switch o.plain {
	case "error":
		return severityExpr{mask: 1<<(Err+1) - 1, source: source}, ""
	case "deploy":
		return testExpr{source: source, test: isDeploy}, ""
	case "access":
		return saidExpr(source, func(m content.Message) bool { return m.Kind() == content.Access }), ""
	case "slow":
		return saidExpr(source, func(m content.Message) bool {
			took, ok := m.Took()
			return ok && took >= slow
		}), ""
	}
	if flag, ok := ParseFlag(o.plain); ok {
		return testExpr{source: source, test: func(e *Entry) bool { return e.Flags.Has(flag) }}, ""
	}
	return nil, "is: knows error, deploy, trace, access, slow, " + strings.Join(flagNames[:], ", ")
}

func compileHas(keyword, source string) (expr, string) {
	switch keyword {
	case "url":
		return containsExpr(source, "http://", "https://"), ""
	case "json":
		return containsExpr(source, `{"`), ""
	case "redis":
		return containsExpr(source, "redis"), ""
	case "file":
		return saidExpr(source, func(m content.Message) bool {
			_, ok := m.Location()
			return ok
		}), ""
	case "req":
		return saidExpr(source, func(m content.Message) bool { return m.Request() != "" || m.RequestID() != "" }), ""
	}
	return nil, "has: knows trace, file, req, redis, url, json"
}

// containsExpr finds any of the texts.
func containsExpr(source string, texts ...string) expr {
	x := textExpr{source: source}
	for _, text := range texts {
		x.readings = append(x.readings, newPattern([]chunk{{text: text}}, false))
	}
	return x
}

// saidExpr asks about the text of a message what no index knows.
func saidExpr(source string, test func(m content.Message) bool) expr {
	return contentExpr{source: source, test: func(_ *Entry, said content.Message) bool { return test(said) }}
}
