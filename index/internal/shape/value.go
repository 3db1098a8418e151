package shape

import (
	"math/bits"

	"github.com/tagtail/tagtail/index/internal/filter"
)

// Class says what a value is made of.
type Class uint8

// What a value may have. Every value but an opaque one has a Digit.
const (
	Digit       Class = 1 << iota
	LowerHex          // a to f
	UpperHex          // A to F
	Lower             // g to z
	Upper             // G to Z
	Opaque            // any text
	LeadingZero       // the first of several letters and digits is 0
)

// Hex tells whether every letter of a value is one of a to f, in any case.
func (c Class) Hex() bool { return c&(Lower|Upper|Opaque) == 0 }

// Letters tells whether a value has letters.
func (c Class) Letters() bool { return c&(LowerHex|UpperHex|Lower|Upper) != 0 }

// MaxPacked is how many hexadecimal digits Value.N can hold.
const MaxPacked = 16

// Value is where a value stands in its message.
type Value struct {
	// N has the digits of a packed value, four bits each, the last one lowest.
	N       uint64
	At, Len uint32
	Class   Class
}

// Of returns the value's text.
func (v *Value) Of(message string) string { return message[v.At : v.At+v.Len] }

// Packed tells whether N has all of the value but the case of its letters.
func (v *Value) Packed() bool { return v.Class.Hex() && v.Len <= MaxPacked }

// Packed tells whether N has all of the values but the case of their letters.
func (c *Column) Packed() bool { return c.Class.Hex() && c.Long <= MaxPacked }

// Decimal returns the number whose decimal digits n has packed.
func Decimal(n uint64) uint64 {
	n = n&0x0f0f0f0f0f0f0f0f + 10*(n>>4&0x0f0f0f0f0f0f0f0f)
	n = n&0x00ff00ff00ff00ff + 100*(n>>8&0x00ff00ff00ff00ff)
	n = n&0x0000ffff0000ffff + 10_000*(n>>16&0x0000ffff0000ffff)
	return n&0xffffffff + 100_000_000*(n>>32)
}

// letters has the class of each byte that can be in a value, and what it is
// worth as a hexadecimal digit.
var letters = makeLetters()

const (
	digitBits  = 15
	classShift = 4
)

func makeLetters() (table [256]uint16) {
	set := func(c byte, class Class, digit int) { table[c] = uint16(class)<<classShift | uint16(digit) }
	for i := range 10 {
		set(byte('0'+i), Digit, i)
	}
	for i := range 26 {
		if i < 6 {
			set(byte('a'+i), LowerHex, 10+i)
			set(byte('A'+i), UpperHex, 10+i)
			continue
		}
		set(byte('a'+i), Lower, 0)
		set(byte('A'+i), Upper, 0)
	}
	return table
}

// Hash returns the hash of a value, which is the same in either case of its
// letters.
func Hash(value string) uint64 {
	packed, class := uint64(0), Class(0)
	for i := range len(value) {
		c := letters[value[i]]
		class |= Class(c >> classShift)
		packed = packed<<4 | uint64(c&digitBits)
	}
	if class.Hex() && len(value) <= MaxPacked {
		return HashPacked(packed, uint32(len(value)))
	}
	return filter.Hash(value)
}

// HashPacked is Hash of a packed value of so many digits.
func HashPacked(n uint64, digits uint32) uint64 {
	high, low := bits.Mul64(n^0x9e3779b97f4a7c15, 0xbf58476d1ce4e5b9+2*uint64(digits))
	return high ^ low
}
