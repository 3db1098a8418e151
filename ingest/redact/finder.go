package redact

import "math/bits"

// literal is a text that tells that rules may match.
type literal struct {
	text  string // in lower case, two bytes or more
	rules uint64 // a bit each
}

// finder looks for many literals in one pass, whatever the case of ASCII
// letters. Three tables tell of each byte of which literals it may be the
// first, second or third; what passes all three is compared.
type finder struct {
	literals []literal
	tables   [3][256]uint64 // a bit for each literal, modulo 64
	byBit    [64][]int
}

func newFinder(literals []literal) finder {
	f := finder{literals: literals}
	for i, l := range literals {
		bit := uint64(1) << (i % 64)
		f.byBit[i%64] = append(f.byBit[i%64], i)
		for k := range f.tables {
			if k >= len(l.text) {
				for b := range f.tables[k] {
					f.tables[k][b] |= bit
				}
				continue
			}
			f.tables[k][l.text[k]] |= bit
			if c := l.text[k]; 'a' <= c && c <= 'z' {
				f.tables[k][c-'a'+'A'] |= bit
			}
		}
	}
	return f
}

// find returns the rules of which a literal is in the text.
func (f *finder) find(text string) (rules uint64) {
	if len(f.literals) == 0 {
		return 0
	}
	left := ^uint64(0) // the bits whose literals are not known to be there
	for i := 0; i+1 < len(text); i++ {
		some := f.tables[0][text[i]] & f.tables[1][text[i+1]] & left
		if some != 0 && i+2 < len(text) {
			some &= f.tables[2][text[i+2]]
		}
		if some == 0 {
			continue
		}
		found := f.at(text, i, some)
		if rules|found == rules {
			continue
		}
		rules |= found
		left = 0
		for bit, list := range f.byBit {
			for _, n := range list {
				if f.literals[n].rules&^rules != 0 {
					left |= 1 << bit
				}
			}
		}
	}
	return rules
}

// at returns the rules of which a literal of these bits is at the place.
func (f *finder) at(text string, place int, some uint64) (rules uint64) {
	for ; some != 0; some &= some - 1 {
		for _, n := range f.byBit[bits.TrailingZeros64(some)] {
			if hasFolded(text[place:], f.literals[n].text) {
				rules |= f.literals[n].rules
			}
		}
	}
	return rules
}

// next returns where the first literal from the place on begins, and which it
// is; the longest of those that begin there.
func (f *finder) next(text string, from int) (place, which int) {
	for i := from; i+1 < len(text); i++ {
		some := f.tables[0][text[i]] & f.tables[1][text[i+1]]
		if some != 0 && i+2 < len(text) {
			some &= f.tables[2][text[i+2]]
		}
		which = -1
		for ; some != 0; some &= some - 1 {
			for _, n := range f.byBit[bits.TrailingZeros64(some)] {
				if l := f.literals[n].text; hasFolded(text[i:], l) && (which < 0 || len(l) > len(f.literals[which].text)) {
					which = n
				}
			}
		}
		if which >= 0 {
			return i, which
		}
	}
	return len(text), -1
}

// hasFolded tells whether text begins with lower, whatever the case of its ASCII
// letters.
func hasFolded(text, lower string) bool {
	if len(text) < len(lower) {
		return false
	}
	for i := 0; i < len(lower); i++ {
		c := text[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}
