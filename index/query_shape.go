package index

import (
	"strings"

	"github.com/tagtail/tagtail/index/internal/shape"
	"github.com/tagtail/tagtail/index/internal/words"
)

// What is asked of Message can often be answered for all messages of a shape at
// once: a text without digits that is in the shape is in all of them, and a text
// that does not fit the shape, whatever its values are, is in none.

// reduceShape returns what is left to ask of the messages of a shape: nil if all
// of them match, noneExpr if none does.
func reduceShape(x expr, text string) expr {
	if text == shape.MarkText {
		return x // its one value may be anything
	}
	switch x := x.(type) {
	case andExpr:
		return reduceShapeAnd(x, text)
	case orExpr:
		// By De Morgan, as in reduce.
		return reduceNot(reduceShapeAnd(negateEach(x), text))
	case notExpr:
		return reduceNot(reduceShape(x.kid, text))
	case textExpr:
		return reduceShapeText(x, text)
	case regexExpr:
		for _, p := range x.required {
			if _, none := p.inShape(text); none {
				return noneExpr{}
			}
		}
	case contentExpr:
		if x.texts.noneIn(text) {
			return noneExpr{}
		}
	}
	return x
}

func reduceShapeAnd(kids []expr, text string) expr {
	left := make([]expr, 0, len(kids))
	for _, kid := range kids {
		x := reduceShape(kid, text)
		if _, none := x.(noneExpr); none {
			return x
		}
		left = append(left, x)
	}
	return all(left...)
}

func reduceShapeText(x textExpr, text string) expr {
	possible := false
	for _, p := range x.readings {
		all, none := p.inShape(text)
		if all {
			return nil
		}
		possible = possible || !none
	}
	if !possible {
		return noneExpr{}
	}
	return x
}

// inShape tells whether the pattern is in all messages of a shape, or in none
// of them, whatever their values.
func (p *pattern) inShape(text string) (all, none bool) {
	if !p.valid {
		return false, false
	}
	if p.cased && !isASCII(text) {
		text = string(words.Fold(nil, text))
	}
	for _, c := range p.literals {
		if !c.fits(text) {
			return false, true
		}
	}
	return p.plain() && p.literals[0].constant && p.literals[0].forms[0].next(text, 0) >= 0, false
}

// shapeText is a literal of a pattern as it can stand in a shape.
type shapeText struct {
	// forms has Marks for runs of letters and digits that are, or may be, a value
	// or a part of one. The first has as few as possible.
	forms []needle
	// constant tells that the first has none, nor has the literal.
	constant bool
}

// newShapeText reads a folded literal. A run with a digit is a value or, at an
// end, a part of one. So may be a run of letters at an end.
func newShapeText(text string) shapeText {
	var b strings.Builder
	head, tail := 0, 0 // bytes of the runs of letters at the ends
	constant := strings.IndexByte(text, shape.Mark) < 0
	for i := 0; i < len(text); {
		start, digits := i, false
		for i < len(text) && isAlphanumeric(text[i]) {
			digits = digits || isDigit(text[i])
			i++
		}
		switch {
		case i == start:
			b.WriteByte(text[i])
			i++
			continue
		case digits:
			constant = false
			b.WriteByte(shape.Mark)
			continue
		}
		if start == 0 {
			head = i
		}
		if i == len(text) {
			tail = i - start
		}
		b.WriteString(text[start:i])
	}
	form := b.String()
	forms := []needle{newNeedle(form)}
	if head == len(text) {
		return shapeText{forms: append(forms, newNeedle(shape.MarkText)), constant: constant}
	}
	if head > 0 {
		forms = append(forms, newNeedle(shape.MarkText+form[head:]))
	}
	if tail > 0 {
		short := form[:len(form)-tail] + shape.MarkText
		forms = append(forms, newNeedle(short))
		if head > 0 {
			forms = append(forms, newNeedle(shape.MarkText+short[head:]))
		}
	}
	return shapeText{forms: forms, constant: constant}
}

// fits tells whether the literal can be in a message of a shape.
func (s *shapeText) fits(text string) bool {
	for i := range s.forms {
		if s.forms[i].next(text, 0) >= 0 {
			return true
		}
	}
	return false
}
