package script

import (
	"fmt"
	"strings"

	"github.com/tagtail/tagtail/ingest/rules/filter"
)

// parser reads one file.
type parser struct {
	*reader
	*source
	includes int          // how deep the file is included
	depth    int          // of blocks
	last     *[]Statement // what "&" goes on with; nil before the first
	lastOff  bool         // the filter of last was refused
}

// file reads statements until the end.
func (p *parser) file() {
	for p.skip(); !p.end(); p.skip() {
		if p.statements > maxStatements {
			p.refuse(p.here(), fmt.Sprintf("there are more than %d statements; the rest of the file is left out", maxStatements))
			return
		}
		before := p.i
		// What it adds to may be another ruleset behind a directive.
		body := &p.current.Body
		p.statement(body, false)
		if p.i == before { // never stand still
			p.skipLine()
			p.i++
		}
	}
}

// ignoredObjects have no meaning here.
var ignoredObjects = map[string]string{
	"main_queue": "Tagtail has a queue of its own", "timezone": "zones are set with zone= of an input",
}

// statement reads one statement and adds it to body. off tells that what is
// around it was refused.
func (p *parser) statement(body *[]Statement, off bool) {
	p.skip()
	p.statements++
	at := p.here()
	switch c := p.peek(); {
	case c == '$':
		p.directive(at)
	case c == '&':
		p.i++
		p.repeat(at)
	case c == '{':
		p.refuse(at, "a block without a filter is not possible; it is left out")
		p.balanced(at)
	case c == '}':
		p.i++
		p.refuse(at, "this } closes nothing")
	case p.atObject() && !strings.EqualFold(p.word(), "action"):
		p.object(at)
	case c == ':' && !isModuleAction(p.rest()):
		p.filtered(at, body, off, p.propertyFilter)
	case p.atSelector():
		p.filtered(at, body, off, p.selector)
	case c == '!' || c == '+':
		p.bsdBlock(at)
	case strings.EqualFold(p.word(), "if"):
		p.i += len("if")
		p.ifStatement(at, body, off)
	default:
		list := p.newList(body, off)
		p.action(at, list, off)
	}
}

// bsdBlock passes over the rules for one program or host: in the open they would
// be for all.
func (p *parser) bsdBlock(at Position) {
	line := strings.TrimSpace(p.line())
	if line == "!*" || line == "+*" {
		return
	}
	for !p.end() {
		if next := strings.TrimSpace(p.line()); next == "!*" {
			break
		}
		p.i++ // the line feed
	}
	p.refuse(at, fmt.Sprintf(`BSD-style blocks such as %q are not supported; the rules behind it are left out, up to "!*"`, short(line)))
}

// newList makes body what "&" adds to.
func (p *parser) newList(body *[]Statement, off bool) *[]Statement {
	p.last, p.lastOff = body, off
	return body
}

// repeat reads "& action", which goes where the last action went.
func (p *parser) repeat(at Position) {
	if p.last == nil {
		p.refuse(at, "this & has nothing before it")
		p.skipLine()
		return
	}
	p.skipBlanks()
	p.action(at, p.last, p.lastOff)
}

// atSelector tells whether a selector comes next: a word of its characters
// with a dot in it, and space behind.
func (p *parser) atSelector() bool {
	word, _, _ := strings.Cut(p.rest(), "\n")
	if i := strings.IndexAny(word, " \t"); i >= 0 {
		word = word[:i]
	}
	if word == "" || !strings.Contains(word, ".") {
		return false
	}
	for i := 0; i < len(word); i++ {
		if c := word[i]; !isWordByte(c) && strings.IndexByte("*.,;!=", c) < 0 {
			return false
		}
	}
	return word[0] != '!' && word[0] != '.'
}

// selector reads one.
func (p *parser) selector(at Position) (filter.Filter, error) {
	start := p.i
	for !p.end() && strings.IndexByte(" \t\n", p.peek()) < 0 {
		p.i++
	}
	f, err := filter.ParseSelector(p.text[start:p.i])
	if err != nil {
		return nil, err
	}
	if f.MatchesNothing() {
		p.warn(at, fmt.Sprintf("%s matches nothing: it only takes away from what stands before it", p.text[start:p.i]))
	}
	return f, nil
}

// propertyFilter reads `:name, [!]operation, "value"`. It stops behind the
// filter, even if that is wrong.
func (p *parser) propertyFilter(at Position) (filter.Filter, error) {
	p.i++
	name := p.until(",")
	op := p.until(", \t")
	if strings.HasPrefix(op, "!") && len(op) == 1 {
		op += p.until(", \t")
	}
	p.skipBlanks()
	value, quoted := "", false
	if p.peek() == '"' {
		value, quoted = p.rawQuoted()
		if !quoted {
			p.skipLine()
			return nil, fmt.Errorf("the value of the property filter has no closing quote")
		}
	}
	if bare := strings.ToLower(strings.TrimPrefix(op, "!")); !quoted && bare != "isempty" {
		return nil, fmt.Errorf(`the property filter is not of the form :property, operation, "value"`)
	}
	f, err := filter.NewProperty(name, op, value)
	if err != nil {
		return nil, err
	}
	if !quoted {
		p.warn(at, `rsyslog 8.2302 misreads isempty without a value and lets everything through; write :`+name+`, isempty, ""`)
	}
	return f, nil
}

// until takes the text before the first of stops on this line, without space
// around it, and a comma behind it.
func (p *parser) until(stops string) string {
	p.skipBlanks()
	start := p.i
	for !p.end() && p.peek() != '\n' && strings.IndexByte(stops, p.peek()) < 0 {
		p.i++
	}
	text := strings.TrimSpace(p.text[start:p.i])
	p.skipBlanks()
	if p.peek() == ',' {
		p.i++
	}
	return text
}

// rawQuoted takes the value of a property filter: a backslash makes the byte
// behind it an ordinary one.
func (p *parser) rawQuoted() (string, bool) {
	var out strings.Builder
	for i := p.i + 1; i < len(p.text) && p.text[i] != '\n'; i++ {
		switch c := p.text[i]; {
		case c == '"':
			p.i = i + 1
			return out.String(), true
		case c == '\\' && i+1 < len(p.text) && p.text[i+1] != '\n':
			i++
			out.WriteByte(p.text[i])
		default:
			out.WriteByte(c)
		}
	}
	return "", false
}

// filtered reads a filter and what is done with what it matches. If the filter
// is refused, so is that.
func (p *parser) filtered(at Position, body *[]Statement, off bool, read func(Position) (filter.Filter, error)) {
	f, err := read(at)
	s := Statement{At: at, Filter: f}
	if err != nil {
		p.refuse(at, err.Error()+"; its actions are not taken")
		s.Disabled, s.Filter, off = true, filter.All{}, true
	}
	index := len(*body)
	*body = append(*body, s)
	then := new([]Statement)
	p.newList(then, off)
	p.blockOrAction(then, off)
	p.settle(body, index, then, nil)
}

// settle puts what was read behind a filter into its statement, and lets "&"
// add to it: the list is copied once more when the next statement comes.
func (p *parser) settle(body *[]Statement, index int, then, otherwise *[]Statement) {
	for p.skipToRepeat() {
		at := p.here()
		p.i++
		p.repeat(at)
	}
	(*body)[index].Then = *then
	if otherwise != nil {
		(*body)[index].Else = *otherwise
	}
	p.last = nil
}

// skipToRepeat passes over space and tells whether an "&" follows.
func (p *parser) skipToRepeat() bool {
	p.skip()
	return p.peek() == '&'
}

// blockOrAction reads "{ statements }" or one action.
func (p *parser) blockOrAction(list *[]Statement, off bool) {
	p.skip()
	at := p.here()
	if p.peek() != '{' {
		if strings.EqualFold(p.word(), "if") {
			p.statement(list, off)
			return
		}
		p.action(at, list, off)
		return
	}
	if p.depth >= maxDepth {
		p.refuse(at, fmt.Sprintf("blocks are more than %d deep; this one is left out", maxDepth))
		p.balanced(at)
		return
	}
	p.i++
	p.depth++
	defer func() { p.depth-- }()
	for {
		p.skip()
		switch {
		case p.end():
			p.refuse(at, "this { is never closed")
			return
		case p.peek() == '}':
			p.i++
			p.newList(list, off)
			return
		case p.statements > maxStatements:
			p.i = len(p.text)
			return
		}
		before := p.i
		p.statement(list, off)
		if p.i == before {
			p.i++
		}
	}
}

// ifStatement reads what is behind "if".
func (p *parser) ifStatement(at Position, body *[]Statement, off bool) {
	s := Statement{At: at}
	var err error
	s.Filter, err = p.expression()
	if err == nil && !p.keyword("then") {
		err = fmt.Errorf("there is no then behind the expression")
	}
	if err != nil {
		p.refuse(at, err.Error()+"; what depends on it is not done")
		s.Disabled, s.Filter, off = true, filter.All{}, true
		if !p.findThen() {
			p.refuse(at, "the rest of the file is left out, because this if has no then")
			p.i = len(p.text)
			return
		}
	}
	index := len(*body)
	*body = append(*body, s)
	then, otherwise := new([]Statement), new([]Statement)
	p.newList(then, off)
	p.blockOrAction(then, off)
	if p.keyword("else") {
		p.newList(otherwise, off)
		p.blockOrAction(otherwise, off)
	}
	p.settle(body, index, then, otherwise)
}

// findThen goes behind the next "then" that is not quoted.
func (p *parser) findThen() bool {
	for !p.end() {
		switch c := p.peek(); {
		case c == '"' || c == '\'':
			if _, ok := p.quoted(); !ok {
				return false
			}
		case c == '#':
			p.skipLine()
		case isWordByte(c):
			w := p.word()
			p.i += len(w)
			if strings.EqualFold(w, "then") {
				return true
			}
		case c == '{':
			return false
		default:
			p.i++
		}
	}
	return false
}

// balanced passes over a group. One without an end takes the rest of the file.
func (p *parser) balanced(at Position) {
	if !p.skipBalanced() {
		p.refuse(at, "the rest of the file is left out, because a bracket or quote is never closed")
	}
}

// short is a text for a sentence.
func short(text string) string {
	text = strings.TrimSpace(text)
	if len(text) > 60 {
		text = text[:60] + "…"
	}
	return text
}
