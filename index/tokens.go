package index

import (
	"math/bits"
	"unsafe"

	"github.com/tagtail/tagtail/index/internal/blockindex"
	"github.com/tagtail/tagtail/index/internal/filter"
	"github.com/tagtail/tagtail/index/internal/shape"
	"github.com/tagtail/tagtail/index/internal/words"
)

// tokens are the distinct words and ids of a block, and the shapes that they
// were found in. One goroutine owns it and uses it for one block after the
// other.
type tokens struct {
	shapes   shape.Set // of the messages
	words    wordSet
	ids      filter.Builder // of ids and of words past the budget
	overflow bool           // there are such words
	hex      bool           // an id may have letters that are no words because all are a to f

	scanner words.Scanner
	folded  []byte
	file    []byte // of the filter

	ofShape []int32 // the words of each shape, one after the other
	begin   []int32 // of each shape in ofShape
	slots   []int   // places of a shape whose values are looked at one by one
}

func newTokens(budget int) *tokens { return &tokens{words: newWordSet(budget)} }

// collect replaces what t holds by the shapes and tokens of the messages. What
// is in a shape is in all of its messages; only the values are looked at one by
// one.
func (t *tokens) collect(messages []string) {
	t.shapes.Cut(messages)
	t.words.reset()
	t.ids.Reset()
	t.overflow, t.hex = false, false
	t.ofShape, t.begin = t.ofShape[:0], t.begin[:0]
	for i := range t.shapes.Shapes {
		t.begin = append(t.begin, int32(len(t.ofShape)))
		t.scan(t.shapes.Text(i), int32(i), t.shapes.Shapes[i].Messages)
	}
	t.begin = append(t.begin, int32(len(t.ofShape)))
	for i := range t.shapes.Shapes {
		if !t.shapes.Loose(i) {
			t.collectColumns(i, messages)
		}
	}
	for i, message := range messages {
		if !t.shapes.Loose(int(t.shapes.Of[i])) {
			continue
		}
		for k := range t.shapes.Values(i) {
			t.value(i, message, &t.shapes.Values(i)[k])
		}
	}
}

// collectColumns adds the values of a shape. Those that have to be looked at one
// by one, for words and for their length, are looked at message by message: a
// word in two of them counts once.
func (t *tokens) collectColumns(of int, messages []string) {
	t.slots = t.slots[:0]
	for slot, c := range t.shapes.Columns(of) {
		if c.Packed() && c.Short == c.Long || c.Packed() && c.Class == shape.Digit {
			t.packed(&c)
			continue
		}
		t.slots = append(t.slots, slot)
	}
	if len(t.slots) == 0 {
		return
	}
	for _, row := range t.shapes.Rows(of) {
		values := t.shapes.Values(int(row))
		for _, slot := range t.slots {
			t.value(int(row), messages[row], &values[slot])
		}
	}
}

// packed adds the values of a column whose numbers say all.
func (t *tokens) packed(c *shape.Column) {
	previous := ^c.N[0]
	values := c.N
	if c.Constant() {
		values = values[:1]
	}
	for _, n := range values {
		if n == previous {
			continue
		}
		previous = n
		digits := c.Long
		if c.Short != c.Long {
			digits = uint32(max(1, (bits.Len64(n)+3)/4))
		}
		t.ids.Add(shape.HashPacked(n, digits))
	}
	t.hex = t.hex || c.Class.Letters() // some run of three letters is to be expected
}

// scan adds the tokens of a text that so many lines have. Those with the same
// stamp count once.
func (t *tokens) scan(text string, stamp int32, lines int) {
	t.scanner.Reset(text)
	for token, more := t.scanner.Next(); more; token, more = t.scanner.Next() {
		if token.Kind != words.Other {
			t.add(token, stamp, lines)
			continue
		}
		t.folded = words.Fold(t.folded[:0], token.Text)
		words.Each(t.folded, func(token []byte, _ int, kind words.Kind) {
			text := unsafe.String(unsafe.SliceData(token), len(token))
			t.add(words.Token{Text: text, Kind: kind}, stamp, lines)
		})
	}
}

// add adds a token, whose text it copies.
func (t *tokens) add(token words.Token, stamp int32, lines int) {
	if token.Kind == words.ID {
		t.ids.Add(shape.Hash(token.Text))
		t.hex = t.hex || words.Hex(token.Text)
		return
	}
	if at, isNew := t.word(token.Text, stamp, lines); isNew {
		t.ofShape = append(t.ofShape, at)
	}
}

// word adds a word, and tells whether it was not counted with the stamp yet.
func (t *tokens) word(text string, stamp int32, lines int) (at int32, isNew bool) {
	at, fits := t.words.find(text)
	if !fits {
		t.overflow = true
		t.ids.Add(filter.Hash(text))
		return 0, false
	}
	return at, t.words.count(at, stamp, lines)
}

// value adds the tokens of a value of message i.
func (t *tokens) value(i int, message string, v *shape.Value) {
	text := v.Of(message)
	if v.Packed() {
		t.ids.Add(shape.HashPacked(v.N, v.Len))
		t.hex = t.hex || v.Class.Letters()
		return
	}
	stamp := int32(len(t.shapes.Shapes) + i)
	if v.Class&shape.Opaque != 0 {
		known := len(t.ofShape) // such a message's shape has no words
		t.scan(text, stamp, 1)
		t.ofShape = t.ofShape[:known]
		return
	}
	t.ids.Add(filter.Hash(text))
	if v.Class.Hex() {
		t.hex = true
		return
	}
	t.inner(text, t.shapes.Of[i], stamp)
}

// inner adds the runs of letters in a value of a line.
func (t *tokens) inner(text string, of, stamp int32) {
	begin := 0
	for i := 0; i <= len(text); i++ {
		if i < len(text) && text[i] > '9' {
			continue
		}
		if i-begin >= words.MinInner {
			for _, at := range t.ofShape[t.begin[of]:t.begin[of+1]] {
				t.words.count(at, stamp, 0) // the line is counted for them already
			}
			t.folded = words.Fold(t.folded[:0], text[begin:i])
			t.word(unsafe.String(unsafe.SliceData(t.folded), len(t.folded)), stamp, 1)
		}
		begin = i + 1
	}
}

// marks are what the words alone do not say.
func (t *tokens) marks() (m blockindex.Marks) {
	if t.overflow {
		m |= blockindex.Overflow
	}
	if t.hex {
		m |= blockindex.Hex
	}
	return m
}
