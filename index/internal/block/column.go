package block

import (
	"strconv"

	"github.com/tagtail/tagtail/index/internal/shape"
)

// storedColumn is where a column of values is: those that stand at one place of
// a shape.
type storedColumn struct {
	kind     uint8
	data     []byte
	packedAt int // in section packed, if the kind has something there
	packed   int // bytes
	digits   int // of each value, of the same kinds
}

// readColumn takes a column from the front of the section; what it has in section
// packed begins at packedAt.
func readColumn(values *reader, packedAt, messages int) storedColumn {
	c := storedColumn{kind: values.byte(), packedAt: packedAt}
	c.data = values.run()
	switch c.kind {
	case valuesLowerHex, valuesUpperHex:
		head := reader{data: c.data}
		c.digits = head.length(shape.MaxPacked)
		c.packed = head.length(8) * messages
		values.bad = values.bad || head.bad
	case valuesText, valuesDictionary, valuesNumbers, valuesDeltas, valuesUnits, valuesUnitDeltas:
	default:
		values.fail()
	}
	return c
}

// open returns the column at its first value. packed is what it has of section
// packed.
func (s *storedColumn) open(packed []byte) valueColumn {
	c := valueColumn{kind: s.kind, data: reader{data: s.data}}
	switch c.kind {
	case valuesDictionary:
		c.words = make([][]byte, c.data.length(maxDistinct))
		for i := range c.words {
			c.words[i] = c.data.run()
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
			c.data = reader{data: packed}
		}
	}
	return c
}

// valueColumn is a column that is read from the front to the back.
type valueColumn struct {
	kind   uint8
	data   reader
	words  [][]byte // of a dictionary
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
		return append(dst, c.data.run()...)
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

// pass passes over values.
func (c *valueColumn) pass(values int) {
	switch c.kind {
	case valuesDictionary:
		if len(c.words) > 1 {
			c.data.bytes(values)
		}
	case valuesLowerHex, valuesUpperHex:
		c.data.bytes(c.packed * values)
	case valuesText:
		for range values {
			c.data.run()
		}
	case valuesDeltas, valuesUnitDeltas:
		c.number += uint64(c.data.varints(values))
	default:
		c.data.skip(values)
	}
}

// nextNumber returns the next value of a column of numbers.
func (c *valueColumn) nextNumber() uint64 {
	if c.kind == valuesDeltas || c.kind == valuesUnitDeltas {
		c.number += uint64(c.data.varint())
		return c.number
	}
	return c.data.uvarint()
}

// nextPacked returns the next value of a column of hexadecimal numbers.
func (c *valueColumn) nextPacked() uint64 {
	n := c.common
	for _, b := range c.data.bytes(c.packed) {
		n = n<<8 | uint64(b)
	}
	return n
}
