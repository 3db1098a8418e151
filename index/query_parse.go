package index

import (
	"strconv"
	"strings"
)

const (
	// maxQueryBytes bounds what is parsed; a longer text is one phrase.
	maxQueryBytes = 32 << 10
	// maxTerms bounds the parts of a query; the rest is one phrase.
	maxTerms = 500
	// maxDepth bounds the nesting of groups; a deeper parenthesis is text.
	maxDepth = 100
)

// parser is a recursive descent parser of
//
//	or   = and { "OR" and }
//	and  = not { [ "AND" ] not }
//	not  = ( "NOT" | "-" | "!" ) not | prim
//	prim = "(" or ")" | field | text
//
// An expr of nil asks for nothing, like the OR in "OR error".
type parser struct {
	scanner
	opts  ParseOptions
	terms []Term
	limit int
	count int // of texts and values read
	base  int // what was cut off in front of s, in bytes
	from  int // offset in s of the part that is read, with what negates it

	// Inside field:(…), where every text is a value:
	field   *field
	op      operator
	problem string // of the first value that the field does not have
}

func (p *parser) query() expr {
	x := p.or()
	for p.i < len(p.s) { // or reads all; this loses nothing if it ever should not
		p.skipSpace()
		p.from = p.i
		x = all(x, p.rest())
	}
	return x
}

// lines reads a text with several lines as one phrase.
func (p *parser) lines(text string) expr {
	o := operand{kind: phraseOperand, typed: text, plain: text, readings: [][]chunk{{{text: text}}}}
	if strings.Contains(text, "\r\n") {
		o.readings = append(o.readings, []chunk{{text: strings.ReplaceAll(text, "\r\n", "\n")}})
	}
	return p.textExpr(o, false)
}

// rest reads everything that is left as one phrase.
func (p *parser) rest() expr {
	text := strings.TrimSpace(p.s[p.i:])
	p.i = len(p.s)
	if text == "" {
		return nil
	}
	return p.lines(text)
}

func (p *parser) or() expr {
	alternatives := []expr{p.and()}
	for p.operator("OR") {
		alternatives = append(alternatives, p.and())
	}
	return anyOf(alternatives...)
}

// operator reads OR or AND.
func (p *parser) operator(word string) bool {
	p.skipSpace()
	from := p.i
	if p.problem != "" || !p.keyword(word) {
		return false
	}
	p.begin(from)
	p.note(Term{Text: word, Kind: "operator"})
	return true
}

// and reads parts up to OR or the end of the group. What stands side by side
// is ANDed; only the values of id and name fields are alternatives.
func (p *parser) and() expr {
	either := p.field != nil && p.field.kind != textKind
	var wanted, unwanted []expr
	for joined := false; ; {
		if p.operator("AND") {
			joined = true
			continue
		}
		if p.problem != "" || p.i >= len(p.s) || p.s[p.i] == ')' && p.depth > 0 || p.isKeyword("OR") {
			break
		}
		x, not := p.not()
		switch {
		case x == nil:
		case not:
			unwanted = append(unwanted, x)
		case joined && len(wanted) > 0:
			wanted[len(wanted)-1] = all(wanted[len(wanted)-1], x)
		default:
			wanted = append(wanted, x)
		}
		joined = false
	}
	if either {
		return all(append(unwanted, anyOf(wanted...))...)
	}
	return all(append(wanted, unwanted...)...)
}

func (p *parser) isKeyword(word string) bool {
	ahead := p.scanner
	return ahead.keyword(word)
}

// not reads a part with what negates it. A NOT with nothing behind is a text.
func (p *parser) not() (x expr, not bool) {
	p.skipSpace()
	p.begin(p.i)
	for {
		p.skipSpace()
		switch {
		case p.isKeyword("NOT") && p.negatable(p.i+len("NOT")):
			p.i += len("NOT")
			not = !not
			continue
		case p.i < len(p.s) && p.sign():
			not = !not
		}
		break
	}
	p.skipSpace()
	x = p.prim(not)
	if not {
		x = negate(x)
	}
	return x, not
}

// negatable tells whether something that NOT can negate is at offset i.
func (p *parser) negatable(i int) bool {
	ahead := p.scanner
	ahead.i = i
	ahead.skipSpace()
	return !ahead.atEnd(ahead.i) && !ahead.keyword("OR") && !ahead.keyword("AND")
}

func (p *parser) prim(not bool) expr {
	p.count++
	if p.count > maxTerms {
		return p.rest()
	}
	if p.opensGroup() {
		return p.group(not)
	}
	if p.field != nil {
		return p.value(p.text())
	}
	if x, ok := p.fieldTerm(not); ok {
		return x
	}
	return p.textExpr(p.text(), not)
}

// opensGroup tells whether a parenthesis with something in it begins here.
func (p *parser) opensGroup() bool {
	if p.s[p.i] != '(' || p.depth >= maxDepth {
		return false
	}
	rest := strings.TrimSpace(p.s[p.i+1:])
	return rest != "" && p.s[p.i+1] != ')'
}

// group reads a parenthesis, which may lack its end.
func (p *parser) group(not bool) expr {
	p.i++
	p.depth++
	p.note(Term{Text: "(", Kind: "group", Not: not})
	x := p.or()
	p.depth--
	p.begin(p.i)
	if p.i < len(p.s) && p.s[p.i] == ')' {
		p.i++
	}
	p.note(Term{Text: ")", Kind: "group", Not: not})
	return x
}

// textExpr compiles a text to find in Message.
func (p *parser) textExpr(o operand, not bool) expr {
	if o.kind == wordOperand {
		o.hint = hint(o.typed)
		if p.problem != "" {
			o.hint, p.problem = p.problem, ""
		}
	}
	p.note(Term{Text: o.typed, Kind: operandKinds[o.kind], Not: not, Hint: o.hint})
	if o.kind == regexOperand {
		return regexExpr{regex: o.regex, source: o.typed}
	}
	if o.plain == "" {
		return nil
	}
	return textExpr{readings: o.patterns(false), shown: o.literals(), source: strconv.Quote(o.plain)}
}

// begin says where the next part that is noted begins.
func (p *parser) begin(from int) {
	if p.field == nil {
		p.from = from
	}
}

// note records a part, which ends here, but not those inside field:(…), which
// is one part.
func (p *parser) note(t Term) {
	if p.field == nil {
		t.From, t.To = p.base+p.from, p.base+p.i
		p.terms = append(p.terms, t)
	}
}

// value compiles one value of the field that the parser is in.
func (p *parser) value(o operand) expr {
	x, problem := p.field.compileOne(p.op, o.plus(), p.opts)
	if problem != "" {
		p.problem = problem
	}
	return x
}

// fieldTerm reads NAME OP value. If it is none, nothing is read; p.problem
// tells why if it nearly was one.
func (p *parser) fieldTerm(not bool) (expr, bool) {
	start := p.scanner
	name, f, op, ok := p.fieldHead()
	if !ok {
		p.scanner = start
		return nil, false
	}
	exclude := false
	switch {
	case op == opNot:
		op, exclude = opExactly, true
	case f.matches() && op == opIs:
		exclude = p.excludes()
		if p.keyByte('=') {
			op = opExactly
		}
	}
	x, hint := p.fieldValue(name, f, op)
	if p.problem != "" {
		p.scanner = start
		return nil, false
	}
	if exclude {
		x = negate(x)
	}
	p.note(Term{Text: p.s[start.i:p.i], Kind: f.termKind(), Field: f.name, Not: not != exclude, Hint: hint})
	return x, true
}

// fieldHead reads NAME OP, if a value follows that is not out of the question.
func (p *parser) fieldHead() (name string, f *field, op operator, ok bool) {
	end := p.i
	for end < len(p.s) && (p.s[end] == '_' || 'a' <= p.s[end] && p.s[end] <= 'z') {
		end++
	}
	name = p.s[p.i:end]
	if f, ok = findField(name); !ok {
		return "", nil, "", false
	}
	p.i = end
	for _, spelling := range operatorSpellings {
		if strings.HasPrefix(p.s[end:], spelling.typed) {
			p.i += len(spelling.typed)
			return name, f, spelling.op, f.takes(spelling.op) && !p.atEnd(p.i)
		}
	}
	return "", nil, "", false
}

// excludes reads LogAnalyzer's modifiers between colon and value: - excludes,
// + includes.
func (p *parser) excludes() bool {
	for _, c := range []byte("-+") {
		if p.keyByte(c) {
			return c == '-'
		}
	}
	return false
}

// keyByte reads c if a value can follow it.
func (p *parser) keyByte(c byte) bool {
	if p.i >= len(p.s) || p.s[p.i] != c || p.atEnd(p.i+1) {
		return false
	}
	p.i++
	return true
}

// fieldValue reads the value: a group, or a list of one or more.
func (p *parser) fieldValue(name string, f *field, op operator) (x expr, hint string) {
	if p.s[p.i] == '(' && f.matches() {
		p.field, p.op = f, op
		p.i++
		p.depth++
		x = p.or()
		p.depth--
		p.field = nil
		if p.i < len(p.s) && p.s[p.i] == ')' {
			p.i++
		}
		return x, ""
	}
	var values []expr
	for {
		value, note := p.listItem(name, f, op)
		if p.problem != "" {
			return nil, ""
		}
		hint = note
		values = append(values, value)
		if p.i >= len(p.s) || p.s[p.i] != ',' || p.atEnd(p.i+1) {
			break
		}
		p.i++
	}
	return anyOf(values...), hint
}

// listItem reads and compiles one value of a list.
func (p *parser) listItem(name string, f *field, op operator) (x expr, hint string) {
	p.count++
	var o operand
	switch {
	case f.matches() && p.keyByte('~'):
		o = p.text()
		if o.kind != regexOperand {
			o = regexOrText(o.typed, o.plain)
		}
	case p.s[p.i] == '"' || p.s[p.i] == '\'':
		o = p.phrase()
	case p.s[p.i] == '/' && f.matches():
		var ok bool
		if o, ok = p.regex(); !ok {
			o = p.word(",")
		}
	default:
		o = p.word(",")
	}
	if o.typed == "" {
		p.problem = f.name + ": has an empty value in its list"
		return nil, ""
	}
	switch f.kind {
	case ignoredKind:
		return nil, "ignored: " + name + " means nothing here"
	case optionKind:
		n, err := strconv.Atoi(o.plain)
		if err != nil || n <= 0 {
			p.problem = f.name + ": takes a number"
			return nil, ""
		}
		p.limit = n
		return nil, ""
	case timeKind:
		o = normalizeTime(name, o)
	}
	if f.matches() {
		o = o.plus()
	}
	x, p.problem = f.compileOne(op, o, p.opts)
	if x == nil && p.problem == "" {
		return nil, "ignored: no deploy is known"
	}
	if o.hint != "" {
		hint = o.hint
	}
	return x, hint
}
