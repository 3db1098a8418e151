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

// messageReader puts messages together again. Its columns are read from front
// to back, as the messages are.
type messageReader struct {
	shapes  *Shapes
	columns []valueColumn
	first   []int32 // of each shape's columns, -1 if its values are loose
	loose   reader
	bad     bool
}

// valueColumn is the values that stand at one place of a shape.
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

func newMessageReader(shapes *Shapes, values, packed, loose []byte) *messageReader {
	m := &messageReader{shapes: shapes, first: make([]int32, len(shapes.Texts)), loose: reader{data: loose}}
	v, p := reader{data: values}, reader{data: packed}
	for i, messages := range shapes.messages {
		if messages < shape.ColumnFrom {
			m.first[i] = -1
			continue
		}
		m.first[i] = int32(len(m.columns))
		for range shapes.values[i] {
			m.columns = append(m.columns, readColumn(&v, &p, messages))
		}
	}
	m.bad = v.bad || p.bad || len(v.data) != 0 || len(p.data) != 0
	return m
}

func readColumn(values, packed *reader, messages int) valueColumn {
	c := valueColumn{kind: values.byte()}
	c.data.data = values.bytes(values.length(len(values.data)))
	switch c.kind {
	case valuesDictionary:
		c.words = make([]string, c.data.length(maxDistinct))
		for i := range c.words {
			c.words[i] = c.data.string()
		}
		c.data.bad = c.data.bad || len(c.words) == 0
	case valuesLowerHex, valuesUpperHex:
		c.digits, c.packed = c.data.length(shape.MaxPacked), c.data.length(8)
		c.common = c.data.uvarint()
		if c.packed*messages > len(packed.data) {
			packed.fail()
			break
		}
		c.data.data = packed.bytes(c.packed * messages)
	case valuesUnits, valuesUnitDeltas:
		c.before, c.after = c.data.string(), c.data.string()
	case valuesText, valuesNumbers, valuesDeltas:
	default:
		values.fail()
	}
	values.bad = values.bad || c.data.bad
	return c
}

// read returns the messages; those of shapes that are not wanted are empty. A
// nil want wants all.
func (m *messageReader) read(want []bool, room int) []string {
	of := m.shapes.Of
	all, ends := make([]byte, 0, room), make([]int, len(of))
	for i, at := range of {
		if want != nil && !want[at] {
			m.skip(at)
		} else {
			all = m.append(all, at)
		}
		ends[i] = len(all)
		if m.bad || m.loose.bad || len(all) > maxRawBytes {
			m.bad = true
			return nil
		}
	}
	texts, begin := make([]string, len(of)), 0
	joined := string(all)
	for i, end := range ends {
		texts[i] = joined[begin:end]
		begin = end
	}
	return texts
}

// append appends the next message of a shape.
func (m *messageReader) append(dst []byte, of int32) []byte {
	text := m.shapes.Texts[of]
	column := m.first[of]
	for {
		i := strings.IndexByte(text, shape.Mark)
		if i < 0 {
			return append(dst, text...)
		}
		dst = append(dst, text[:i]...)
		text = text[i+1:]
		if column < 0 {
			dst = append(dst, m.loose.bytes(m.loose.length(len(m.loose.data)))...)
			continue
		}
		c := &m.columns[column]
		dst = c.append(dst)
		m.bad = m.bad || c.data.bad
		column++
	}
}

// skip passes over the next message of a shape that is not wanted. None of its
// columns is read.
func (m *messageReader) skip(of int32) {
	if m.first[of] >= 0 {
		return
	}
	for range m.shapes.values[of] {
		m.loose.bytes(m.loose.length(len(m.loose.data)))
	}
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
	case valuesUnits:
		return append(strconv.AppendUint(append(dst, c.before...), c.data.uvarint(), 10), c.after...)
	case valuesUnitDeltas:
		c.number += uint64(c.data.varint())
		return append(strconv.AppendUint(append(dst, c.before...), c.number, 10), c.after...)
	case valuesNumbers:
		return strconv.AppendUint(dst, c.data.uvarint(), 10)
	case valuesDeltas:
		c.number += uint64(c.data.varint())
		return strconv.AppendUint(dst, c.number, 10)
	case valuesLowerHex:
		return c.appendDigits(dst, lowerDigits)
	default:
		return c.appendDigits(dst, upperDigits)
	}
}

func (c *valueColumn) appendDigits(dst []byte, digits string) []byte {
	n := c.common
	for _, b := range c.data.bytes(c.packed) {
		n = n<<8 | uint64(b)
	}
	for shift := 4 * (c.digits - 1); shift >= 0; shift -= 4 {
		dst = append(dst, digits[n>>shift&15])
	}
	return dst
}
