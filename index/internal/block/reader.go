package block

import (
	"encoding/binary"
	"math/bits"
)

// reader takes values from data, from the front. After the first that is not
// there it is bad and returns zeroes. What is read is told by a number and not by
// a shorter slice: a pointer that moves with each value costs the collector.
type reader struct {
	data []byte
	at   int
	bad  bool
}

func (r *reader) fail() {
	r.bad = true
	r.at = len(r.data)
}

// left is how many bytes are left, and rest what they are.
func (r *reader) left() int    { return len(r.data) - r.at }
func (r *reader) rest() []byte { return r.data[r.at:] }

func (r *reader) uvarint() uint64 {
	if r.at < len(r.data) && r.data[r.at] < 0x80 { // most are
		r.at++
		return uint64(r.data[r.at-1])
	}
	v, n := binary.Uvarint(r.rest())
	if n <= 0 {
		r.fail()
		return 0
	}
	r.at += n
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
		for n >= 8 && r.left() >= 8 && binary.LittleEndian.Uint64(r.rest()) == 0 {
			r.at += 8
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
	for n >= 8 && r.left() >= 8 {
		n -= bits.OnesCount64(^binary.LittleEndian.Uint64(r.rest()) & ends)
		r.at += 8
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
	if n > r.left() {
		r.fail()
		return nil
	}
	r.at += n
	return r.data[r.at-n : r.at]
}

// run reads bytes with their length before them.
func (r *reader) run() []byte { return r.bytes(r.length(r.left())) }

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

func (r *reader) string() string { return string(r.run()) }

func appendString(dst []byte, s string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}
