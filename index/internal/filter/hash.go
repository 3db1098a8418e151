package filter

import "math/bits"

// Hash is the hash of a token, which is the same for an ASCII letter in either
// case. It reads eight bytes at a time and mixes them by multiplication.
func Hash[T string | []byte](token T) uint64 {
	h := uint64(len(token)) * prime1
	i := 0
	for ; i+8 <= len(token); i += 8 {
		h = mix(h^(load(token[i:i+8])|lowerCase), prime2)
	}
	if i < len(token) {
		rest := uint64(0)
		for k := len(token) - 1; k >= i; k-- {
			rest = rest<<8 | uint64(token[k])
		}
		h = mix(h^(rest|lowerCase), prime3)
	}
	return mix(h, prime1)
}

// lowerCase is the bit that makes an ASCII letter one of lower case, and leaves
// a digit as it is.
const lowerCase = 0x2020202020202020

// Odd numbers with bits that look random.
const (
	prime1 = 0x9e3779b97f4a7c15
	prime2 = 0xbf58476d1ce4e5b9
	prime3 = 0x94d049bb133111eb
)

func mix(a, b uint64) uint64 {
	high, low := bits.Mul64(a^prime3, b)
	return high ^ low
}

// load returns the eight bytes of b, the first as the lowest.
func load[T string | []byte](b T) uint64 {
	_ = b[7]
	return uint64(b[0]) | uint64(b[1])<<8 | uint64(b[2])<<16 | uint64(b[3])<<24 |
		uint64(b[4])<<32 | uint64(b[5])<<40 | uint64(b[6])<<48 | uint64(b[7])<<56
}
