package index

import (
	"slices"
	"strings"

	"github.com/tagtail/tagtail/index/content"
)

// contentExpr matches by what Message says. Values of content are parts of
// Message that no letter or digit touches, so that what a value must have the
// words and ids of Message have too.
type contentExpr struct {
	unplanned
	test   func(e *Entry, said content.Message) bool
	needs  plan
	probe  func(message string) bool // false excludes without reading; nil asks nothing
	texts  anyText                   // asked before probe
	source string
}

func (x contentExpr) match(e *Entry) bool {
	if !x.texts.in(e.Message) || x.probe != nil && !x.probe(e.Message) {
		return false
	}
	return x.test(e, content.Read(e.Message))
}

func (x contentExpr) plan() plan     { return x.needs }
func (x contentExpr) String() string { return x.source }

// compileContent compares the values that a field of the table reads.
func compileContent(f *field, op operator, o operand, _ ParseOptions) (expr, string) {
	whole := f.kind == idKind || o.whole(op)
	test, read := o.test(whole), f.said
	return contentExpr{
		source: f.name + string(op) + o.typed,
		test:   func(_ *Entry, said content.Message) bool { return test(read(said)) },
		needs:  o.plan(whole),
		texts:  o.texts(),
	}, ""
}

// whole tells whether a field of which a part is enough is compared as a whole:
// a lone * asks for any value at all.
func (o operand) whole(op operator) bool { return op == opExactly || o.plain == "*" }

// plan plans for messages that hold a value which o.test(whole) takes, with no
// letter or digit beside it.
func (o operand) plan(whole bool) plan {
	if o.kind == regexOperand {
		return planRegex(o.regex.parsed)
	}
	patterns := o.patterns(whole)
	plans := make([]plan, len(patterns))
	for i, p := range patterns {
		plans[i] = p.plan()
	}
	return planAnyOf(plans)
}

// anyText is a cheap look at the whole message: without one of the patterns in
// it, no value is taken. An absent value is: field:="" asks for that. The empty
// one asks nothing.
type anyText []*pattern

func (a anyText) in(message string) bool {
	return len(a) == 0 || slices.ContainsFunc(a, func(p *pattern) bool { return p.in(message) })
}

// noneIn tells whether no message of a shape has one of the patterns.
func (a anyText) noneIn(shape string) bool {
	return len(a) > 0 && !slices.ContainsFunc(a, func(p *pattern) bool {
		_, none := p.inShape(shape)
		return !none
	})
}

// texts looks for the operand anywhere.
func (o operand) texts() anyText {
	if o.kind != regexOperand {
		return o.patterns(false)
	}
	if o.regex.probe == nil {
		return nil
	}
	return anyText{o.regex.probe}
}

// compileKind knows that what Lua writes is a part of nginx's error log.
func compileKind(f *field, op operator, o operand, _ ParseOptions) (expr, string) {
	test := o.test(true)
	known := false
	for _, name := range kindNames {
		known = known || test(name)
	}
	if !known {
		return nil, "kinds are nginx-error, nginx-access, lua, redis, python, json, syslog"
	}
	return contentExpr{
		source: f.name + string(op) + o.typed,
		test: func(e *Entry, said content.Message) bool {
			return test(e.Kind(said)) || said.Kind() == content.Lua && test(kindNginxError)
		},
	}, ""
}

// compilePID compares the process of the header and the one of the text, which
// differ where a relay wrote the header.
func compilePID(f *field, op operator, o operand, _ ParseOptions) (expr, string) {
	test := o.test(true)
	return testExpr{source: f.name + string(op) + o.typed, test: func(e *Entry) bool {
		if test(e.ProcID) {
			return true
		}
		said := content.Read(e.Message)
		return said.PID() != "" && test(said.PID())
	}}, ""
}

// compileFile compares the paths of the places in the source that a message
// names, or the names behind the paths. A line may follow: main.lua:12.
func compileFile(f *field, op operator, o operand, _ ParseOptions) (expr, string) {
	source := f.name + string(op) + o.typed
	o, line := o.cutLine()
	whole := o.whole(op)
	test, needs := o.test(whole), []plan{o.plan(whole)}
	if line != "" {
		needs = append(needs, plan{op: planID, text: line})
	}
	return contentExpr{
		source: source,
		test: func(_ *Entry, said content.Message) bool {
			for l := range said.Locations {
				if (line == "" || l.Line == line) && (test(l.File) || test(l.Base())) {
					return true
				}
			}
			return false
		},
		needs: planAllOf(needs),
		texts: o.texts(),
	}, ""
}

// cutLine cuts ":12" off the end of a file.
func (o operand) cutLine() (rest operand, line string) {
	at := strings.LastIndexByte(o.plain, ':')
	if o.kind == regexOperand || at <= 0 || !isLineNumber(o.plain[at+1:]) {
		return o, ""
	}
	tail := o.plain[at:]
	rest = o
	rest.plain = o.plain[:at]
	rest.readings = make([][]chunk, len(o.readings))
	for i, chunks := range o.readings {
		last := len(chunks) - 1
		text, ok := strings.CutSuffix(chunks[last].text, tail)
		if !ok {
			return o, ""
		}
		rest.readings[i] = append([]chunk(nil), chunks[:last]...)
		if text != "" {
			rest.readings[i] = append(rest.readings[i], chunk{text: text})
		}
	}
	return rest, tail[1:]
}

func isLineNumber(s string) bool {
	for i := range len(s) {
		if !isDigit(s[i]) {
			return false
		}
	}
	return s != "" && s[0] != '0' && len(s) <= 9
}
