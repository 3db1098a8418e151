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

// read sets the value to m[at:end], which is of that class.
func (v *Value) read(m string, at, end int, class Class) {
	n := uint64(0)
	for i := at; i < end; i++ {
		n = n<<4 | uint64(digits[m[i]])
	}
	if m[at] == '0' && end-at > 1 {
		class |= LeadingZero
	}
	v.N, v.At, v.Len, v.Class = n, uint32(at), uint32(end-at), class
}

// classes has the class of each byte that can be in a value, and digits its
// worth as a hexadecimal digit.
var classes, digits = makeTables()

func makeTables() (classes [256]Class, digits [256]uint8) {
	for c := '0'; c <= '9'; c++ {
		classes[c], digits[c] = Digit, uint8(c-'0')
	}
	for i := range 26 {
		lower, upper := Lower, Upper
		if i < 6 {
			lower, upper = LowerHex, UpperHex
			digits['a'+i], digits['A'+i] = uint8(10+i), uint8(10+i)
		}
		classes['a'+i], classes['A'+i] = lower, upper
	}
	return classes, digits
}

// Hash returns the hash of a value, which is the same in either case of its
// letters.
func Hash(value string) uint64 {
	class := Class(0)
	for i := range len(value) {
		class |= classes[value[i]]
	}
	var v Value
	v.read(value, 0, len(value), class)
	if v.Packed() {
		return HashPacked(v.N, v.Len)
	}
	return filter.Hash(value)
}

// HashPacked is Hash of a packed value of so many digits.
func HashPacked(n uint64, digits uint32) uint64 {
	high, low := bits.Mul64(n^0x9e3779b97f4a7c15, 0xbf58476d1ce4e5b9+2*uint64(digits))
	return high ^ low
}
