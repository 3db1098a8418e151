// Package filter remembers a set of tokens in some thirteen bits each, to say
// which blocks cannot hold a token.
//
//	tokens → Hash → Builder.Add → Build → AppendTo → file → Parse → MayContain
//
// MayContain is never false for a token that was put in, and true for one in
// 250 that was not. A filter is derived from its block: what does
// not parse is built again. FORMAT.md, beside the index package, has the layout.
package filter

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"slices"
)

// Suffix ends the name of every filter's file.
const Suffix = ".filter"

// magic ends with the version of the format and of what is put in: another
// tokeniser is another version.
const magic = "TTFILT\x00\x03"

const headerBytes = 20

const flagOverflow = 1

var errDamaged = errors.New("filter is damaged")

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Filter is a split-block Bloom filter, as Apache Parquet has it: a hash is in
// one bucket only, and sets a bit in each word of that. It is immutable.
type Filter struct {
	// Overflow tells that the block has more words than its word index
	// took: the others are in this filter.
	Overflow bool
	buckets  []bucket // none if nothing was put in
}

// bucket is what Parquet calls a block: 256 bits, half a cache line.
type bucket [8]uint32

const bucketBytes = 32

// Odd factors, those of Parquet, one for each word of a bucket.
const (
	salt0 = 0x47b6137b
	salt1 = 0x44974d91
	salt2 = 0x8824ad5b
	salt3 = 0xa2b7289d
	salt4 = 0x705495c7
	salt5 = 0x2df1424b
	salt6 = 0x9efc4947
	salt7 = 0x5c6bfb31
)

// bucketOf returns which of n buckets a hash is in, by its upper half. The lower
// one says which bits.
func bucketOf(hash uint64, n int) int { return int(hash >> 32 * uint64(n) >> 32) }

func (b *bucket) add(hash uint64) {
	h := uint32(hash)
	b[0] |= 1 << (h * salt0 >> 27)
	b[1] |= 1 << (h * salt1 >> 27)
	b[2] |= 1 << (h * salt2 >> 27)
	b[3] |= 1 << (h * salt3 >> 27)
	b[4] |= 1 << (h * salt4 >> 27)
	b[5] |= 1 << (h * salt5 >> 27)
	b[6] |= 1 << (h * salt6 >> 27)
	b[7] |= 1 << (h * salt7 >> 27)
}

func (b *bucket) has(hash uint64) bool {
	h := uint32(hash)
	all := b[0] >> (h * salt0 >> 27)
	all &= b[1] >> (h * salt1 >> 27)
	all &= b[2] >> (h * salt2 >> 27)
	all &= b[3] >> (h * salt3 >> 27)
	all &= b[4] >> (h * salt4 >> 27)
	all &= b[5] >> (h * salt5 >> 27)
	all &= b[6] >> (h * salt6 >> 27)
	all &= b[7] >> (h * salt7 >> 27)
	return all&1 != 0
}

// MayContain tells whether a token with that hash may have been put in.
func (f *Filter) MayContain(hash uint64) bool {
	return len(f.buckets) > 0 && f.buckets[bucketOf(hash, len(f.buckets))].has(hash)
}

// Clone returns a copy that lasts.
func (f *Filter) Clone() *Filter {
	return &Filter{Overflow: f.Overflow, buckets: slices.Clone(f.buckets)}
}

// Bytes is about what the filter takes in memory.
func (f *Filter) Bytes() int {
	const beside = 64
	return beside + len(f.buckets)*bucketBytes
}

// AppendTo writes the filter: magic, flags, checksum, number of buckets, and
// their words.
func (f *Filter) AppendTo(dst []byte) []byte {
	var flags uint32
	if f.Overflow {
		flags |= flagOverflow
	}
	start := len(dst)
	dst = slices.Grow(dst, headerBytes+len(f.buckets)*bucketBytes)
	dst = append(dst, magic...)
	dst = binary.LittleEndian.AppendUint32(dst, flags)
	dst = binary.LittleEndian.AppendUint32(dst, 0) // the checksum
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(f.buckets)))
	for i := range f.buckets {
		for _, word := range f.buckets[i] {
			dst = binary.LittleEndian.AppendUint32(dst, word)
		}
	}
	binary.LittleEndian.PutUint32(dst[start+12:], checksum(dst[start:]))
	return dst
}

// checksum is that of all of a file but itself.
func checksum(data []byte) uint32 {
	return crc32.Update(crc32.Checksum(data[:12], castagnoli), castagnoli, data[16:])
}

// Parse reads what AppendTo has written.
func Parse(data []byte) (*Filter, error) {
	if len(data) < headerBytes || string(data[:8]) != magic || checksum(data) != binary.LittleEndian.Uint32(data[12:]) {
		return nil, errDamaged
	}
	words := data[headerBytes:]
	if uint64(len(words)) != bucketBytes*uint64(binary.LittleEndian.Uint32(data[16:])) {
		return nil, errDamaged
	}
	f := &Filter{
		Overflow: binary.LittleEndian.Uint32(data[8:])&flagOverflow != 0,
		buckets:  make([]bucket, len(words)/bucketBytes),
	}
	for i := range f.buckets {
		for k := range f.buckets[i] {
			f.buckets[i][k] = binary.LittleEndian.Uint32(words[i*bucketBytes+4*k:])
		}
	}
	return f, nil
}
