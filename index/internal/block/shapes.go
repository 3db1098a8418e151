package block

import (
	"encoding/binary"
	"strconv"
	"strings"

	"github.com/tagtail/tagtail/index/internal/shape"
)

// Shapes are what the messages of a block have in common. FORMAT.md has what a
// shape is, and package shape.
type Shapes struct {
	// Texts has a shape.Mark in the place of each value.
	Texts []string
	// Of has the shape of each message, as an index of Texts.
	Of []int32

	messages []int // of each shape
	values   []int // of each message of the shape
}

// Messages is how many messages have the shape.
func (s *Shapes) Messages(shape int) int { return s.messages[shape] }

// appendShapes writes the lengths of the texts, and then the texts.
func appendShapes(dst []byte, set *shape.Set) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(set.Shapes)))
	for i := range set.Shapes {
		dst = binary.AppendUvarint(dst, uint64(len(set.Text(i))))
	}
	for i := range set.Shapes {
		dst = append(dst, set.Text(i)...)
	}
	return dst
}

// appendShapeOf writes 0 where a shape is new, and else which one it is,
// counted from 1.
func appendShapeOf(dst []byte, set *shape.Set) []byte {
	known := int32(0)
	for _, of := range set.Of {
		if of == known {
			dst = append(dst, 0)
			known++
			continue
		}
		dst = binary.AppendUvarint(dst, uint64(of)+1)
	}
	return dst
}

func readShapes(r *reader, entries int) *Shapes {
	lengths := readLengths(r, r.length(entries))
	s := &Shapes{Texts: cut(r, string(r.data), lengths)}
	s.values = make([]int, len(s.Texts))
	for i, text := range s.Texts {
		s.values[i] = strings.Count(text, shape.MarkText)
	}
	return s
}

func (s *Shapes) readOf(r *reader, entries int) {
	s.Of = make([]int32, entries)
	s.messages = make([]int, len(s.Texts))
	known := 0
	for i := range s.Of {
		at := r.length(known)
		if at == 0 {
			known++
			at = known
		}
		if at > len(s.Texts) || r.bad {
			r.fail()
			return
		}
		s.Of[i] = int32(at - 1)
		s.messages[at-1]++
	}
	r.bad = r.bad || known != len(s.Texts) || len(r.data) != 0
}

// storedColumn is where a column of values is: those that stand at one place of
// a shape.
type storedColumn struct {
	kind   uint8
	data   []byte
	packed []byte // of section packed, if the kind has some
}

// readColumn takes a column from the front of the sections.
func readColumn(values, packed *reader, messages int) storedColumn {
	c := storedColumn{kind: values.byte()}
	c.data = values.bytes(values.length(len(values.data)))
	switch c.kind {
	case valuesLowerHex, valuesUpperHex:
		head := reader{data: c.data}
		head.length(shape.MaxPacked)
		c.packed = packed.bytes(head.length(8) * messages)
		values.bad = values.bad || head.bad
	case valuesText, valuesDictionary, valuesNumbers, valuesDeltas, valuesUnits, valuesUnitDeltas:
	default:
		values.fail()
	}
	return c
}

// open returns the column at its first value.
func (s *storedColumn) open() valueColumn {
	c := valueColumn{kind: s.kind, data: reader{data: s.data}}
	switch c.kind {
	case valuesDictionary:
		c.words = make([]string, c.data.length(maxDistinct))
		for i := range c.words {
			c.words[i] = c.data.string()
		}
		if len(c.words) == 0 {
			c.data.fail()
		}
	case valuesUnits, valuesUnitDeltas:
		c.before, c.after = c.data.string(), c.data.string()
	case valuesLowerHex, valuesUpperHex:
		c.digits, c.packed = c.data.length(shape.MaxPacked), c.data.length(8)
		c.common = c.data.uvarint()
		if !c.data.bad {
			c.data.data = s.packed
		}
	}
	return c
}

// valueColumn is a column that is read from the front to the back.
type valueColumn struct {
	kind   uint8
	data   reader
	words  []string // of a dictionary
	number uint64   // the last one of the deltas
	before string   // each number
	after  string
	digits int    // of each value
	packed int    // bytes of the last of them, which vary
	common uint64 // those before
}

// append appends the next value.
func (c *valueColumn) append(dst []byte) []byte {
	switch c.kind {
	case valuesText:
		return append(dst, c.data.bytes(c.data.length(len(c.data.data)))...)
	case valuesDictionary:
		at := 0
		if len(c.words) > 1 {
			at = int(c.data.byte())
		}
		if at >= len(c.words) {
			c.data.fail()
			return dst
		}
		return append(dst, c.words[at]...)
	case valuesNumbers, valuesDeltas:
		return strconv.AppendUint(dst, c.nextNumber(), 10)
	case valuesUnits, valuesUnitDeltas:
		return append(strconv.AppendUint(append(dst, c.before...), c.nextNumber(), 10), c.after...)
	case valuesLowerHex:
		return c.appendDigits(dst, lowerDigits)
	default:
		return c.appendDigits(dst, upperDigits)
	}
}

func (c *valueColumn) appendDigits(dst []byte, digits string) []byte {
	n := c.nextPacked()
	for shift := 4 * (c.digits - 1); shift >= 0; shift -= 4 {
		dst = append(dst, digits[n>>shift&15])
	}
	return dst
}
