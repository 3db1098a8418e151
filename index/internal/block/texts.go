package block

import (
	"encoding/binary"
	"slices"
)

// Texts is a column of strings of which most are the same. Append may go on
// while others read copies of the struct: what these have never changes.
type Texts struct {
	distinct []string
	of       []uint32 // which of them each entry has; empty while all have the first
	entries  int

	known map[string]uint32 // where distinct has what, once it has more than fewTexts
}

// fewTexts is how many strings are looked through one by one.
const fewTexts = 8

// NewTexts returns a column of the values.
func NewTexts(values ...string) Texts {
	var t Texts
	for _, v := range values {
		t.Append(v)
	}
	return t
}

// Len is the number of entries, 0 if the column was not read.
func (t *Texts) Len() int { return t.entries }

// At returns the string of entry i.
func (t *Texts) At(i int) string {
	if len(t.of) == 0 {
		return t.distinct[0]
	}
	return t.distinct[t.of[i]]
}

// Append adds an entry.
func (t *Texts) Append(text string) {
	if len(t.distinct) == 1 && t.distinct[0] == text {
		t.entries++
		return
	}
	t.add(t.find(text))
}

// add adds an entry with one of the distinct strings.
func (t *Texts) add(at uint32) {
	if len(t.distinct) > 1 {
		for len(t.of) < t.entries { // those before the second one came
			t.of = append(t.of, 0)
		}
		t.of = append(t.of, at)
	}
	t.entries++
}

// find returns which of the distinct strings the text is, and makes it one.
func (t *Texts) find(text string) uint32 {
	if n := len(t.of); n > 0 && t.distinct[t.of[n-1]] == text {
		return t.of[n-1]
	}
	if t.known != nil {
		if at, ok := t.known[text]; ok {
			return at
		}
	} else if at := slices.Index(t.distinct, text); at >= 0 {
		return uint32(at)
	}
	at := uint32(len(t.distinct))
	t.distinct = append(t.distinct, text)
	switch {
	case t.known != nil:
		t.known[text] = at
	case len(t.distinct) > fewTexts:
		t.known = make(map[string]uint32, 2*len(t.distinct))
		for i, known := range t.distinct {
			t.known[known] = uint32(i)
		}
	}
	return at
}

// appendAll adds the entries of other.
func (t *Texts) appendAll(other *Texts) {
	places := make([]uint32, len(other.distinct))
	for i, text := range other.distinct {
		places[i] = t.find(text)
	}
	for i := range other.entries {
		at := uint32(0)
		if len(other.of) > 0 {
			at = other.of[i]
		}
		t.add(places[at])
	}
}

// Equal tells whether both have the same strings in the same order.
func (t Texts) Equal(other Texts) bool {
	if t.entries != other.entries {
		return false
	}
	for i := range t.entries {
		if t.At(i) != other.At(i) {
			return false
		}
	}
	return true
}

// appendTo writes the distinct strings, and then, if there are several, which of
// them each entry has.
func (t *Texts) appendTo(dst []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(t.distinct)))
	for _, text := range t.distinct {
		dst = appendString(dst, text)
	}
	for _, at := range t.of {
		dst = binary.AppendUvarint(dst, uint64(at))
	}
	return dst
}

// readTexts reads what appendTo has written.
func readTexts(r *reader, entries int) Texts {
	t := readDistinct(r, entries)
	if len(t.distinct) > 1 {
		t.of = make([]uint32, entries)
		for i := range t.of {
			t.of[i] = uint32(r.length(len(t.distinct) - 1))
		}
	}
	return t
}

// readTextRows reads some entries, whose places ascend.
func readTextRows(r *reader, entries int, rows []int) Texts {
	t := readDistinct(r, entries)
	t.entries = len(rows)
	if len(t.distinct) > 1 {
		t.of = readRows(rows, func(skip int) uint32 { r.skip(skip); return uint32(r.length(len(t.distinct) - 1)) })
	}
	return t
}

func readDistinct(r *reader, entries int) Texts {
	distinct := make([]string, r.length(entries))
	for i := range distinct {
		distinct[i] = r.string()
	}
	if len(distinct) == 0 {
		r.fail()
		return Texts{}
	}
	return Texts{distinct: distinct, entries: entries}
}
