package index

import (
	"unicode/utf8"

	"github.com/tagtail/tagtail/index/internal/words"
)

// maxPlanWords bounds what one text asks of the index: a pasted page of text
// is excluded as surely by its first words as by all of them.
const maxPlanWords = 64

// maxPlanWays bounds the alternatives of an OR: a block that has none of more
// is rarer than the time is worth.
const maxPlanWays = 1024

// planAllOf is the plan of an AND.
func planAllOf(kids []plan) plan {
	kept := make([]plan, 0, len(kids))
	for _, kid := range kids {
		switch kid.op {
		case planNone:
			return kid
		case planAll:
		case planAnd:
			kept = append(kept, kid.kids...)
		default:
			kept = append(kept, kid)
		}
	}
	switch len(kept) {
	case 0:
		return plan{op: planAll}
	case 1:
		return kept[0]
	}
	return plan{op: planAnd, kids: kept}
}

// planAnyOf is the plan of an OR.
func planAnyOf(kids []plan) plan {
	kept := make([]plan, 0, len(kids))
	for _, kid := range kids {
		switch kid.op {
		case planAll:
			return kid
		case planNone:
		case planOr:
			kept = append(kept, kid.kids...)
		default:
			kept = append(kept, kid)
		}
	}
	switch {
	case len(kept) == 0:
		return plan{op: planNone}
	case len(kept) == 1:
		return kept[0]
	case len(kept) > maxPlanWays:
		return plan{op: planAll}
	}
	return plan{op: planOr, kids: kept}
}

// planText plans for messages that hold the folded text. A closed end is one
// where the alphanumeric or letter run of the text is known to end in the
// message too.
//
// A token between other bytes of the text is a token of the message. One at an
// open end is only a part of a token, which decides what can be asked for:
//   - an id cannot be: filters know whole ids. Its inner letters can.
//   - a short ASCII word cannot be either: it may be inside an id, whose short
//     letter runs are not indexed.
//   - a CJK pair can be as it is: a longer run has the same pair.
//   - any other word is asked for as a part, anchored at its other end.
func planText(folded string, closedStart, closedEnd bool) plan {
	if !utf8.ValidString(folded) {
		return plan{op: planAll}
	}
	var kids []plan
	seen := map[wordKey]bool{}
	covered := 0 // the inner words before this offset belong to a planned id
	words.Each([]byte(folded), func(token []byte, at int, kind words.Kind) {
		if len(kids) == maxPlanWords || kind == words.Word && at < covered {
			return
		}
		end := at + len(token)
		key := wordKey{id: kind == words.ID, text: string(token)}
		if at > 0 || closedStart {
			key.anchor |= anchorStart
		}
		if end < len(folded) || closedEnd {
			key.anchor |= anchorEnd
		}
		if !key.usable() || seen[key] {
			return
		}
		seen[key] = true
		if key.id {
			covered = end
			kids = append(kids, plan{op: planID, text: key.text})
			return
		}
		kids = append(kids, plan{op: planWord, text: key.text, anchor: key.anchor})
	})
	return planAllOf(kids)
}

// wordKey is a token of a text and where it is known to be whole.
type wordKey struct {
	id     bool
	text   string
	anchor anchor
}

// usable tells whether the index can be asked for the token, and anchors the
// CJK pairs, which are whole wherever they are.
func (k *wordKey) usable() bool {
	if k.anchor == anchorStart|anchorEnd {
		return true
	}
	r, size := utf8.DecodeRuneInString(k.text)
	switch {
	case k.id:
		return false
	case r < utf8.RuneSelf:
		return len(k.text) >= words.MinInner
	case words.IsCJK(r) && size < len(k.text):
		k.anchor = anchorStart | anchorEnd
	}
	return true
}

// plan plans for messages that the pattern finds.
func (p *pattern) plan() plan {
	if !p.valid {
		return plan{op: planAll}
	}
	var kids []plan
	for i, piece := range p.pieces {
		for j, c := range piece {
			if c.wild != 0 {
				continue
			}
			start := i == 0 && j == 0 && (p.closedStart || p.whole && !p.looseStart)
			end := i == len(p.pieces)-1 && j == len(piece)-1 && (p.closedEnd || p.whole && !p.looseEnd)
			kids = append(kids, planText(c.text, start, end))
		}
	}
	return planAllOf(kids)
}
