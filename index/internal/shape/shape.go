// Package shape cuts messages into what many of them have in common and what
// varies.
//
//	messages → Set.Cut → shapes, and of each message its shape and its values
//
// A value is a run of ASCII letters and digits that has a digit: a number, an
// id, an address's part. The shape of a message is its text with a Mark in the
// place of each value, so that a log of millions of lines has some hundred
// shapes. What is true of a shape is known of all of its messages: its words,
// and whether a text without digits is in them. The values that stand at one
// place of a shape are alike: they are a Column.
//
// A message that has a Mark itself, or a letter beyond ASCII that folds to one
// of ASCII, is Opaque: all of it is one value. Start reading at Set.
package shape

import (
	"bytes"
	"hash/maphash"
	"math/bits"
	"slices"
	"strings"
	"unicode/utf8"
	"unsafe"
)

// Mark stands for a value in the text of a shape.
const Mark = 0

// MarkText is Mark as a string: the shape of a message that is one value.
const MarkText = "\x00"

// ColumnFrom is how many messages a shape has to have for its values to be
// columns. Those of rarer shapes are loose. Blocks on the disk rest on the
// number.
const ColumnFrom = 4

// The letters beyond ASCII whose lower case is an ASCII letter: the runs of a
// folded message with one of them are not those of the message.
const (
	KelvinSign = "\u212a" // folds to k
	DottedI    = "\u0130" // folds to i
)

// Set is the shapes of some messages. Its memory is used again by the next Cut.
// It belongs to one goroutine.
type Set struct {
	// Shapes are in the order of the first message of each.
	Shapes []Shape
	// Of has the shape of each message, as an index of Shapes.
	Of []int32

	texts   []byte  // of all shapes
	values  []Value // of all messages
	first   []int32 // of each message's values
	columns []Column
	numbers []uint64 // of all columns
	rows    []int32  // messages, shape by shape
	cursors []int    // in rows, of each shape

	seed  maphash.Seed
	slots []int32 // 1 and more: that shape, counted from 1; an open-addressing table
	next  []byte  // the text of the shape that was made last
}

// Shape is what some messages have in common.
type Shape struct {
	// Messages is how many have the shape, and Values how many values each of
	// them has.
	Messages, Values int

	hash     uint64
	from, to int // of Set.texts
	rows     int // where the messages begin in Set.rows
	columns  int // where the columns begin in Set.columns; -1 if the values are loose
}

// Column is the values at one place of a shape, in the order of the messages.
type Column struct {
	// Class is that of all values together, Short and Long are the lengths of
	// the shortest and the longest.
	Class       Class
	Short, Long uint32
	// Varying has the bits of N that are not the same in all.
	Varying uint64
	// N has what Value has.
	N []uint64
}

// Constant tells whether all values are the same but for the case of letters.
func (c *Column) Constant() bool { return c.Packed() && c.Varying == 0 && c.Short == c.Long }

// Text returns the text of a shape, valid until the next Cut.
func (s *Set) Text(shape int) string {
	b := s.texts[s.Shapes[shape].from:s.Shapes[shape].to]
	return unsafe.String(unsafe.SliceData(b), len(b))
}

// Values returns the values of a message, as many as its shape has.
func (s *Set) Values(message int) []Value {
	first := int(s.first[message])
	return s.values[first : first+s.Shapes[s.Of[message]].Values]
}

// Loose tells whether the values of a shape are in no columns.
func (s *Set) Loose(shape int) bool { return s.Shapes[shape].Messages < ColumnFrom }

// Columns returns the columns of a shape whose values are not loose.
func (s *Set) Columns(shape int) []Column {
	x := &s.Shapes[shape]
	return s.columns[x.columns : x.columns+x.Values]
}

// Rows returns the messages of a shape whose values are not loose.
func (s *Set) Rows(shape int) []int32 {
	x := &s.Shapes[shape]
	return s.rows[x.rows : x.rows+x.Messages]
}

// Cut replaces what s holds by the shapes of the messages.
func (s *Set) Cut(messages []string) {
	s.reset()
	previous := "" // the one before, if it was cut
	for _, m := range messages {
		first := len(s.values)
		s.first = append(s.first, int32(first))
		if s.cut(m, previous) {
			previous = m
		} else {
			s.values = append(s.values[:first], Value{Len: uint32(len(m)), Class: Opaque})
			s.next = append(s.next[:0], Mark)
			previous = ""
		}
		at := s.shape(len(s.values) - first)
		s.Shapes[at].Messages++
		s.Of = append(s.Of, at)
	}
	s.group()
}

func (s *Set) reset() {
	if s.seed == (maphash.Seed{}) {
		s.seed = maphash.MakeSeed()
	}
	s.Shapes, s.Of, s.texts, s.values, s.first = s.Shapes[:0], s.Of[:0], s.texts[:0], s.values[:0], s.first[:0]
	clear(s.slots)
}

// cut finds the values of m and makes the text of its shape. It returns false
// if m is opaque.
func (s *Set) cut(m, previous string) bool {
	i, literal := s.resume(m, previous)
	next := s.next
	odd := false
	for i < len(m) {
		start, found := i, letters[m[i]]
		if found == 0 {
			odd = odd || m[i] >= utf8.RuneSelf || m[i] == Mark
			i++
			continue
		}
		packed := uint64(found & digitBits)
		for i++; i < len(m); i++ {
			c := letters[m[i]]
			if c == 0 {
				break
			}
			found |= c
			packed = packed<<4 | uint64(c&digitBits)
		}
		class := Class(found >> classShift)
		if class&Digit == 0 {
			continue
		}
		if m[start] == '0' && i-start > 1 {
			class |= LeadingZero
		}
		next = append(append(next, m[literal:start]...), Mark)
		literal = i
		v := s.newValue()
		v.N, v.At, v.Len, v.Class = packed, uint32(start), uint32(i-start), class
	}
	s.next = append(next, m[literal:]...)
	return !odd || !opaque(m)
}

// resume takes over what m begins with like the message before: its values, up
// to where cutting has to go on, and the text of the shape, up to the last of
// them. It returns both places in m.
func (s *Set) resume(m, previous string) (at, literal int) {
	for at = commonPrefix(m, previous); at > 0 && letters[m[at-1]] != 0; at-- {
		// The run may go on in another way.
	}
	text := 0 // bytes of the shape
	if at > 0 {
		first := s.first[len(s.first)-2]
		before := s.values[first:]
		for k := range before {
			v := &before[k]
			if int(v.At) >= at {
				break
			}
			text += int(v.At) - literal + 1
			literal = int(v.At + v.Len)
			*s.newValue() = *v
		}
	}
	s.next = s.next[:text]
	return at, literal
}

// commonPrefix is how many bytes a and b begin with alike.
func commonPrefix(a, b string) int {
	n := min(len(a), len(b))
	i := 0
	for ; i+8 <= n; i += 8 {
		if x := load(a[i:]) ^ load(b[i:]); x != 0 {
			return i + bits.TrailingZeros64(x)/8
		}
	}
	for i < n && a[i] == b[i] {
		i++
	}
	return i
}

// load returns the first eight bytes of s, the first as the lowest.
func load(s string) uint64 {
	_ = s[7]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

func opaque(m string) bool {
	return strings.IndexByte(m, Mark) >= 0 || strings.Contains(m, KelvinSign) || strings.Contains(m, DottedI)
}

// newValue returns a value to be set: copying one that was just written makes
// the processor wait.
func (s *Set) newValue() *Value {
	n := len(s.values)
	if n == cap(s.values) {
		s.values = slices.Grow(s.values, 1)
	}
	s.values = s.values[:n+1]
	return &s.values[n]
}

// shape returns the number of the shape whose text is next.
func (s *Set) shape(values int) int32 {
	hash := maphash.Bytes(s.seed, s.next)
	if 2*len(s.Shapes) >= len(s.slots) {
		s.grow()
	}
	mask := uint64(len(s.slots) - 1)
	slot := hash & mask
	for ; s.slots[slot] != 0; slot = (slot + 1) & mask {
		at := s.slots[slot] - 1
		if x := &s.Shapes[at]; x.hash == hash && bytes.Equal(s.texts[x.from:x.to], s.next) {
			return at
		}
	}
	from := len(s.texts)
	s.texts = append(s.texts, s.next...)
	s.Shapes = append(s.Shapes, Shape{Values: values, hash: hash, from: from, to: len(s.texts)})
	s.slots[slot] = int32(len(s.Shapes))
	return int32(len(s.Shapes) - 1)
}

func (s *Set) grow() {
	s.slots = make([]int32, max(1024, 2*len(s.slots)))
	mask := uint64(len(s.slots) - 1)
	for i := range s.Shapes {
		slot := s.Shapes[i].hash & mask
		for s.slots[slot] != 0 {
			slot = (slot + 1) & mask
		}
		s.slots[slot] = int32(i + 1)
	}
}

// group makes the columns.
func (s *Set) group() {
	rows, numbers, columns := 0, 0, 0
	for i := range s.Shapes {
		x := &s.Shapes[i]
		x.rows, x.columns = rows, columns
		if s.Loose(i) {
			x.columns = -1
			continue
		}
		rows += x.Messages
		columns += x.Values
		numbers += x.Values * x.Messages
	}
	s.rows, s.numbers, s.columns = sized(s.rows, rows), sized(s.numbers, numbers), sized(s.columns, columns)
	s.cursors = s.cursors[:0]
	numbers = 0
	for i := range s.Shapes {
		s.cursors = append(s.cursors, s.Shapes[i].rows)
		if s.Loose(i) {
			continue
		}
		columns := s.Columns(i)
		for k := range columns {
			columns[k] = Column{Short: ^uint32(0), N: s.numbers[numbers : numbers+s.Shapes[i].Messages]}
			numbers += s.Shapes[i].Messages
		}
	}
	for i, of := range s.Of {
		if s.Shapes[of].columns >= 0 {
			s.rows[s.cursors[of]] = int32(i)
			s.cursors[of]++
		}
	}
	for i := range s.Shapes {
		if !s.Loose(i) {
			s.gather(i)
		}
	}
}

// gather fills the columns of a shape.
func (s *Set) gather(of int) {
	columns := s.Columns(of)
	for i, row := range s.Rows(of) {
		values := s.values[s.first[row]:][:len(columns)]
		for k := range columns {
			c, v := &columns[k], &values[k]
			c.Class |= v.Class
			c.Short, c.Long = min(c.Short, v.Len), max(c.Long, v.Len)
			c.N[i] = v.N
			c.Varying |= v.N ^ c.N[0]
		}
	}
}

func sized[T any](list []T, size int) []T { return slices.Grow(list[:0], size)[:size] }
