package index

import (
	"strings"

	"github.com/tagtail/tagtail/index/internal/block"
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
	for i := range p.literals {
		if !p.literals[i].fits(text) {
			return false, true
		}
	}
	return p.plain() && p.literals[0].constant && p.literals[0].forms[0].next(text, 0) >= 0, false
}

// shapeText is a literal of a pattern as it can stand in a shape.
type shapeText struct {
	// forms have Marks for runs of letters and digits that are, or may be, a value
	// or a part of one. The first has as few as possible.
	forms []shapeForm
	// constant tells that the first has none, and mark that the literal itself
	// has one.
	constant, mark bool
}

// shapeForm is a text to find in a shape, and what the values have to be that it
// then covers.
type shapeForm struct {
	needle
	values []block.ValueTest // of each Mark
}

// newShapeText reads a folded literal. A run with a digit is a value or, at an
// end, a part of one. So may be a run of letters at an end.
func newShapeText(text string) shapeText {
	mark := strings.IndexByte(text, shape.Mark) >= 0
	s := shapeText{constant: !mark, mark: mark}
	runs := alphanumericRuns(text)
	var atEnds []int // runs of letters that touch an end
	for i, r := range runs {
		switch {
		case r.digit:
			s.constant = false
		case r.from == 0 || r.to == len(text):
			atEnds = append(atEnds, i)
		}
	}
	for choice := range 1 << len(atEnds) { // which of them are parts of values
		marked := make([]bool, len(runs))
		for i, r := range runs {
			marked[i] = r.digit
		}
		for k, i := range atEnds {
			marked[i] = choice>>k&1 != 0
		}
		s.forms = append(s.forms, newShapeForm(text, runs, marked))
	}
	return s
}

// alphanumericRun is a run of ASCII letters and digits in a text.
type alphanumericRun struct {
	from, to int
	digit    bool
}

func alphanumericRuns(text string) (runs []alphanumericRun) {
	for i := 0; i < len(text); {
		r := alphanumericRun{from: i}
		for i < len(text) && isAlphanumeric(text[i]) {
			r.digit = r.digit || isDigit(text[i])
			i++
		}
		if r.to = i; r.to == r.from {
			i++
			continue
		}
		runs = append(runs, r)
	}
	return runs
}

// newShapeForm replaces the runs that are marked. One at an end of the text may
// be a part of a value.
func newShapeForm(text string, runs []alphanumericRun, marked []bool) shapeForm {
	var b strings.Builder
	var values []block.ValueTest
	at := 0
	for i, r := range runs {
		if !marked[i] {
			continue
		}
		b.WriteString(text[at:r.from])
		b.WriteByte(shape.Mark)
		values = append(values, block.ValueTest{Text: text[r.from:r.to], Start: r.from > 0, End: r.to < len(text)})
		at = r.to
	}
	b.WriteString(text[at:])
	return shapeForm{needle: newNeedle(b.String()), values: values}
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
