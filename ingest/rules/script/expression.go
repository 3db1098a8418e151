package script

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/tagtail/tagtail/ingest/rules/filter"
	"github.com/tagtail/tagtail/ingest/rules/message"
)

// expression reads a condition of RainerScript: "or" binds weakest, then
// "and", then comparisons.
func (p *parser) expression() (filter.Filter, error) {
	left, err := p.conjunction()
	for err == nil && p.keyword("or") {
		var right filter.Filter
		right, err = p.conjunction()
		left = filter.Or{Left: left, Right: right}
	}
	return left, err
}

func (p *parser) conjunction() (filter.Filter, error) {
	left, err := p.condition()
	for err == nil && p.keyword("and") {
		var right filter.Filter
		right, err = p.condition()
		left = filter.And{Left: left, Right: right}
	}
	return left, err
}

// condition reads "not (…)", "(…)", a function or a comparison.
func (p *parser) condition() (filter.Filter, error) {
	if p.depth++; p.depth > maxDepth {
		p.depth--
		return nil, fmt.Errorf("the expression is more than %d deep", maxDepth)
	}
	defer func() { p.depth-- }()
	if p.keyword("not") {
		if p.skip(); p.peek() != '(' && !p.atFunction() && !strings.EqualFold(p.word(), "not") {
			return nil, fmt.Errorf("not binds stronger than a comparison; write not (…)")
		}
		f, err := p.condition()
		return filter.Not{Filter: f}, err
	}
	if p.accept("(") {
		f, err := p.expression()
		if err == nil && !p.accept(")") {
			err = fmt.Errorf("a ( is never closed")
		}
		return f, err
	}
	if p.atFunction() {
		return p.function()
	}
	return p.comparison()
}

// atFunction tells whether a name and a parenthesis come next.
func (p *parser) atFunction() bool {
	p.skip()
	w := p.word()
	return w != "" && strings.HasPrefix(strings.TrimLeft(p.text[p.i+len(w):], " \t"), "(")
}

// function reads re_match(…) or prifilt(…).
func (p *parser) function() (filter.Filter, error) {
	name := strings.ToLower(p.word())
	p.i += len(name)
	p.accept("(")
	switch name {
	case "re_match":
		value, err := p.operand()
		if err != nil {
			return nil, err
		}
		if !p.accept(",") {
			return nil, fmt.Errorf("re_match needs a property and a pattern")
		}
		pattern, err := p.constant()
		if err != nil {
			return nil, err
		}
		if !p.accept(")") {
			return nil, fmt.Errorf("re_match( is never closed")
		}
		return filter.NewRegexp(value, pattern)
	case "prifilt":
		text, err := p.constant()
		if err != nil {
			return nil, err
		}
		if !p.accept(")") {
			return nil, fmt.Errorf("prifilt( is never closed")
		}
		return filter.ParseSelector(text)
	}
	return nil, fmt.Errorf("the function %s() is not supported; there are re_match() and prifilt()", name)
}

// constant reads a quoted text.
func (p *parser) constant() (string, error) {
	p.skip()
	if c := p.peek(); c != '"' && c != '\'' {
		return "", fmt.Errorf("%q is not a text in quotes", short(firstWord(p.rest())))
	}
	text, ok := p.quoted()
	if !ok {
		return "", fmt.Errorf("a text has no closing quote")
	}
	return text, nil
}

// comparisons are the signs, the longer first.
var comparisons = []string{"==", "!=", "<>", "<=", ">=", "<", ">"}

func (p *parser) comparison() (filter.Filter, error) {
	left, err := p.operand()
	if err != nil {
		return nil, err
	}
	op, err := p.operator()
	if err != nil {
		return nil, err
	}
	right, err := p.operand()
	if err != nil {
		return nil, err
	}
	p.skip()
	if c := p.peek(); c != 0 && strings.IndexByte("+-*/%&", c) >= 0 {
		return nil, fmt.Errorf("calculating with %c is not supported", c)
	}
	return filter.NewCompare(left, op, right)
}

func (p *parser) operator() (string, error) {
	p.skip()
	for _, sign := range comparisons {
		if p.accept(sign) {
			return sign, nil
		}
	}
	switch w := strings.ToLower(p.word()); w {
	case "contains", "contains_i", "startswith", "startswith_i":
		p.i += len(w)
		return w, nil
	}
	return "", fmt.Errorf("%q is not a comparison; there are ==, !=, <, <=, >, >=, contains, startswith, contains_i and startswith_i", short(firstWord(p.rest())))
}

// operand reads a property, a text, a list of texts or a number.
func (p *parser) operand() (filter.Operand, error) {
	p.skip()
	switch c := p.peek(); {
	case c == '$':
		return p.property()
	case c == '"' || c == '\'':
		text, err := p.constant()
		return filter.Operand{Texts: []string{text}}, err
	case c == '[':
		return p.list()
	case '0' <= c && c <= '9':
		w := p.word()
		p.i += len(w)
		n, err := strconv.ParseInt(w, 0, 64)
		if err != nil {
			return filter.Operand{}, fmt.Errorf("%q is no number", w)
		}
		return filter.Operand{Number: n}, nil
	}
	return filter.Operand{}, fmt.Errorf("%q is neither a property, such as $msg, nor a text in quotes, nor a number", short(firstWord(p.rest())))
}

func (p *parser) property() (filter.Operand, error) {
	start := p.i
	p.i++
	for !p.end() && (isWordByte(p.peek()) || strings.IndexByte("-!.$/", p.peek()) >= 0) {
		p.i++
	}
	name := p.text[start+1 : p.i]
	if name != "" && strings.IndexByte("!./", name[0]) >= 0 {
		return filter.Operand{}, fmt.Errorf("variables such as $%s are not supported", name)
	}
	property, ok := message.PropertyNamed(name)
	if !ok {
		if property, ok = message.PropertyNamed("$" + strings.TrimPrefix(name, "$")); !ok {
			return filter.Operand{}, fmt.Errorf("there is no property $%s", name)
		}
	}
	return filter.Operand{Property: property, Name: name}, nil
}

func (p *parser) list() (filter.Operand, error) {
	p.i++
	o := filter.Operand{Texts: []string{}}
	for {
		text, err := p.constant()
		if err != nil {
			return o, err
		}
		o.Texts = append(o.Texts, text)
		if p.accept("]") {
			return o, nil
		}
		if !p.accept(",") {
			return o, fmt.Errorf("a [ is never closed")
		}
	}
}

// firstWord is what stands before space.
func firstWord(text string) string {
	if i := strings.IndexAny(text, " \t\n"); i >= 0 {
		return text[:i]
	}
	return text
}
