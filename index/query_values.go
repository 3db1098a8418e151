package index

import (
	"slices"
	"strings"

	"github.com/tagtail/tagtail/index/internal/block"
	"github.com/tagtail/tagtail/index/internal/shape"
)

// What a shape does not answer its columns of values often do: a text with an id
// is where the shape has the rest of it and the column the id.

// shapeRows are the messages of one shape of a block.
type shapeRows struct {
	messages *block.Messages
	shape    int
	text     string
	count    int
}

// answer says of each message of a shape, in order, what is known of a query. A
// nil one says nothing.
type answer struct {
	none  bool   // nothing matches: there are no slices
	maybe []bool // it may match
	sure  []bool // it does
}

// state is what is known of message i.
func (a *answer) state(i int) state {
	switch {
	case a == nil:
		return stateAsk
	case a.none || !a.maybe[i]:
		return stateOut
	case a.sure[i]:
		return stateIn
	}
	return stateAsk
}

// everything answers for so many messages that all match.
func everything(count int) *answer {
	a := &answer{maybe: make([]bool, count), sure: make([]bool, count)}
	for i := range count {
		a.maybe[i], a.sure[i] = true, true
	}
	return a
}

// ask returns what the values say.
func (r *shapeRows) ask(x expr) *answer {
	switch x := x.(type) {
	case andExpr:
		return r.askAll(x)
	case orExpr:
		return r.askAll(negateEach(x)).not(r.count)
	case notExpr:
		return r.ask(x.kid).not(r.count)
	case textExpr:
		return r.askAny(x.readings)
	case regexExpr:
		return r.askEach(x.required)
	case contentExpr:
		if len(x.texts) > 0 {
			return r.askAny(x.texts).unsure()
		}
	}
	return nil
}

// askAll is the AND of what is known of kids. What one does not know can only
// make less match.
func (r *shapeRows) askAll(kids []expr) *answer {
	var all *answer
	unknown := false
	for _, kid := range kids {
		a := r.ask(kid)
		unknown = unknown || a == nil
		if all = all.and(a); all != nil && all.none {
			return all
		}
	}
	if unknown {
		return all.unsure()
	}
	return all
}

func (r *shapeRows) askEach(patterns []*pattern) *answer {
	var all *answer
	for _, p := range patterns {
		if all = all.and(r.askPattern(p)); all != nil && all.none {
			break
		}
	}
	return all.unsure()
}

// askAny is the OR of patterns.
func (r *shapeRows) askAny(patterns []*pattern) *answer {
	var out *answer
	for _, p := range patterns {
		a := r.askPattern(p)
		if a == nil {
			return nil
		}
		switch {
		case out == nil || out.none:
			out = a
			continue
		case a.none:
			continue
		}
		for i := range out.maybe {
			out.maybe[i] = out.maybe[i] || a.maybe[i]
			out.sure[i] = out.sure[i] || a.sure[i]
		}
	}
	return out
}

func (r *shapeRows) askPattern(p *pattern) *answer {
	if !p.valid || p.cased && !isASCII(r.text) || r.text == shape.MarkText {
		return nil
	}
	var all *answer
	for i := range p.literals {
		if p.literals[i].mark {
			return nil
		}
		if all = all.and(r.askLiteral(p, &p.literals[i])); all != nil && all.none {
			return all
		}
	}
	if !p.plain() {
		return all.unsure()
	}
	return all
}

// askLiteral looks for every place of a literal. Of one that all messages have it
// says nothing: a pattern that is no more than that was answered by the shape.
func (r *shapeRows) askLiteral(p *pattern, s *shapeText) *answer {
	if s.constant && s.forms[0].next(r.text, 0) >= 0 {
		return nil
	}
	out := &answer{none: true}
	for i := range s.forms {
		f := &s.forms[i]
		for at := f.next(r.text, 0); at >= 0; at = f.next(r.text, at+1) {
			found, known := r.askForm(p, f, strings.Count(r.text[:at], shape.MarkText))
			if !known {
				return nil
			}
			out.add(found)
		}
	}
	if !out.none {
		out.sure = slices.Clone(out.maybe)
	}
	return out
}

// add adds messages that may match, nil if there are none; found is a's then.
func (a *answer) add(found []bool) {
	switch {
	case found == nil:
	case a.none:
		a.none, a.maybe = false, found
	default:
		for i, is := range found {
			a.maybe[i] = a.maybe[i] || is
		}
	}
}

// askForm tests the values that a form covers, of which place is the first. found
// is nil if no message passes.
func (r *shapeRows) askForm(p *pattern, f *shapeForm, place int) (found []bool, known bool) {
	for k, test := range f.values {
		if p.plain() {
			test.Start = test.Start || k == 0 && p.closedStart
			test.End = test.End || k == len(f.values)-1 && p.closedEnd
		}
		passed, known := r.messages.Find(r.shape, place+k, test)
		if !known || passed == nil {
			return nil, known
		}
		if found == nil {
			found = passed
			continue
		}
		for i := range found {
			found[i] = found[i] && passed[i]
		}
	}
	if found == nil { // the form covers none
		found = everything(r.count).maybe
	}
	return found, true
}

// and returns what is known of both; a may be used up.
func (a *answer) and(b *answer) *answer {
	if a == nil {
		return b
	}
	if b == nil {
		return a.unsure()
	}
	if a.none || b.none {
		return &answer{none: true}
	}
	for i := range a.maybe {
		a.maybe[i] = a.maybe[i] && b.maybe[i]
		a.sure[i] = a.sure[i] && b.sure[i]
	}
	return a
}

// not returns what is known of the opposite, of so many messages.
func (a *answer) not(count int) *answer {
	if a == nil {
		return nil
	}
	if a.none {
		return everything(count)
	}
	out := &answer{maybe: make([]bool, len(a.maybe)), sure: make([]bool, len(a.sure))}
	for i := range a.maybe {
		out.maybe[i], out.sure[i] = !a.sure[i], !a.maybe[i]
	}
	return out
}

// unsure forgets what is sure to match.
func (a *answer) unsure() *answer {
	if a != nil {
		clear(a.sure)
	}
	return a
}
