// Package filter remembers a set of tokens in nine bits each, to say which
// blocks cannot hold a token.
//
//	tokens → Hash → Build → AppendTo → file → Parse → MayContain
//
// MayContain is never false for a token that was put in, and true for one in
// 256 that was not. A filter is derived from its block: what does not parse is
// built again. FORMAT.md, beside the index package, has the layout.
package filter

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math/bits"
	"slices"

	"github.com/FastFilter/xorfilter"
)

// Suffix ends the name of every filter's file.
const Suffix = ".filter"

// magic ends with the version of the format and of what is put in: another
// tokeniser is another version.
const magic = "TTFILT\x00\x02"

const headerBytes = 16

const (
	flagOverflow = 1 << iota
	flagEmpty
)

var errDamaged = errors.New("filter is damaged")

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Filter is immutable.
type Filter struct {
	// Overflow tells that the block has more words than its word index
	// took: the others are in this filter.
	Overflow bool
	fuse     *xorfilter.BinaryFuse8 // nil if nothing was put in
}

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

// Builder builds filters, one after the other, in the same memory. The zero
// Builder can be used.
type Builder struct{ fuse xorfilter.BinaryFuseBuilder }

// Build puts the hashes into a filter; it may reorder them. The filter is valid
// until the next Build.
func (b *Builder) Build(hashes []uint64, overflow bool) (*Filter, error) {
	f := &Filter{Overflow: overflow}
	if len(hashes) == 0 {
		return f, nil
	}
	fuse, err := xorfilter.BuildBinaryFuse[uint8](&b.fuse, hashes)
	if err != nil {
		return nil, fmt.Errorf("build filter: %w", err)
	}
	f.fuse = (*xorfilter.BinaryFuse8)(&fuse)
	return f, nil
}

// Build returns a filter of the hashes, which it may reorder.
func Build(hashes []uint64, overflow bool) (*Filter, error) {
	return new(Builder).Build(hashes, overflow)
}

// Clone returns a copy that lasts, nil of nil.
func (f *Filter) Clone() *Filter {
	if f == nil || f.fuse == nil {
		return f
	}
	fuse := *f.fuse
	fuse.Fingerprints = slices.Clone(fuse.Fingerprints)
	return &Filter{Overflow: f.Overflow, fuse: &fuse}
}

// MayContain tells whether a token with that hash may have been put in.
func (f *Filter) MayContain(hash uint64) bool { return f.fuse != nil && f.fuse.Contains(hash) }

// Bytes is about what the filter takes in memory.
func (f *Filter) Bytes() int {
	const beside = 128
	if f.fuse == nil {
		return beside
	}
	return beside + len(f.fuse.Fingerprints)
}

// AppendTo writes the filter: magic, flags, checksum, and the filter as its
// library saves it.
func (f *Filter) AppendTo(dst []byte) ([]byte, error) {
	var flags uint32
	if f.Overflow {
		flags |= flagOverflow
	}
	var body bytes.Buffer
	if f.fuse == nil {
		flags |= flagEmpty
	} else if err := f.fuse.Save(&body); err != nil {
		return dst, fmt.Errorf("save filter: %w", err)
	}
	start := len(dst)
	dst = append(dst, magic...)
	dst = binary.LittleEndian.AppendUint32(dst, flags)
	sum := crc32.Update(crc32.Checksum(dst[start:], castagnoli), castagnoli, body.Bytes())
	dst = binary.LittleEndian.AppendUint32(dst, sum)
	return append(dst, body.Bytes()...), nil
}

// Parse reads what AppendTo has written.
func Parse(data []byte) (*Filter, error) {
	if len(data) < headerBytes || string(data[:8]) != magic {
		return nil, errDamaged
	}
	body := data[headerBytes:]
	sum := crc32.Update(crc32.Checksum(data[:12], castagnoli), castagnoli, body)
	if sum != binary.LittleEndian.Uint32(data[12:]) {
		return nil, errDamaged
	}
	flags := binary.LittleEndian.Uint32(data[8:])
	f := &Filter{Overflow: flags&flagOverflow != 0}
	if flags&flagEmpty != 0 {
		return f, nil
	}
	fuse, err := xorfilter.LoadBinaryFuse8(bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("load filter: %w", err)
	}
	f.fuse = fuse
	return f, nil
}
