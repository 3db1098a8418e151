package block

import (
	"encoding/binary"
	"math/bits"
)

// reader takes values from the front of data. After the first that is not
// there it is bad and returns zeroes.
type reader struct {
	data []byte
	bad  bool
}

func (r *reader) fail() {
	r.bad = true
	r.data = nil
}

func (r *reader) uvarint() uint64 {
	if len(r.data) > 0 && r.data[0] < 0x80 { // most are
		v := uint64(r.data[0])
		r.data = r.data[1:]
		return v
	}
	v, n := binary.Uvarint(r.data)
	if n <= 0 {
		r.fail()
		return 0
	}
	r.data = r.data[n:]
	return v
}

func (r *reader) varint() int64 {
	v := r.uvarint()
	return int64(v>>1) ^ -int64(v&1)
}

// uvarints returns the sum of the next n uvarints.
func (r *reader) uvarints(n int) (sum uint64) {
	for ; n > 0 && !r.bad; n-- {
		sum += r.uvarint()
	}
	return sum
}

// varints returns the sum of the next n varints, most of which may be zero.
func (r *reader) varints(n int) (sum int64) {
	for ; n > 0 && !r.bad; n-- {
		for n >= 8 && len(r.data) >= 8 && binary.LittleEndian.Uint64(r.data) == 0 {
			r.data = r.data[8:]
			n -= 8
		}
		if n == 0 {
			break
		}
		sum += r.varint()
	}
	return sum
}

// skip passes over n uvarints or varints.
func (r *reader) skip(n int) {
	const ends = 0x8080808080808080 // a byte without this bit is the last of its number
	for n >= 8 && len(r.data) >= 8 {
		n -= bits.OnesCount64(^binary.LittleEndian.Uint64(r.data) & ends)
		r.data = r.data[8:]
	}
	for ; n > 0; n-- {
		for {
			b := r.byte()
			if r.bad {
				return
			}
			if b < 0x80 {
				break
			}
		}
	}
}

// length reads a number that may be at most limit.
func (r *reader) length(limit int) int {
	v := r.uvarint()
	if v > uint64(limit) {
		r.fail()
		return 0
	}
	return int(v)
}

func (r *reader) bytes(n int) []byte {
	if n > len(r.data) {
		r.fail()
		return nil
	}
	b := r.data[:n]
	r.data = r.data[n:]
	return b
}

func (r *reader) byte() byte {
	b := r.bytes(1)
	if r.bad {
		return 0
	}
	return b[0]
}

func (r *reader) uint32() uint32 {
	b := r.bytes(4)
	if r.bad {
		return 0
	}
	return binary.LittleEndian.Uint32(b)
}

func (r *reader) string() string { return string(r.bytes(r.length(len(r.data)))) }

func appendString(dst []byte, s string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}
