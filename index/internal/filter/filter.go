// Package filter remembers a set of tokens in some sixteen bits each, to say
// which blocks cannot hold a token.
//
//	tokens → Hash → Builder.Add → Build → AppendTo → file → Join → file of many
//	file → ReadHead → Head.Chunk → Head.Parse → Chunk.MayContain
//
// MayContain is never false for a token that was put in, and true for one in
// 1000 that was not. A file has the filters of one block, or of many: in chunks,
// of which one decides about a token in all of them, so that a search reads no
// more of it. A filter is derived from its block: what does not parse is built
// again. FORMAT.md, beside the index package, has the layout.
package filter

import (
	"encoding/binary"
	"errors"
)

// Suffix ends the name of every file of filters.
const Suffix = ".filter"

// ErrDamaged is what every error about the content of a file is.
var ErrDamaged = errors.New("filter is damaged")

// Filter is a split-block Bloom filter, as Apache Parquet has it: a hash is in
// one bucket only, and sets a bit in each word of that. It is immutable.
type Filter struct {
	buckets []bucket // none if nothing was put in
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

// bucketFrom reads a bucket as AppendTo writes it.
func bucketFrom(data []byte) (b bucket) {
	data = data[:bucketBytes]
	for i := range b {
		b[i] = binary.LittleEndian.Uint32(data[4*i:])
	}
	return b
}

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

// AppendTo writes a file of this filter alone. What it is of has a name of less
// than 64 KiB.
func (f *Filter) AppendTo(dst []byte, name string) ([]byte, *Head) {
	h := newHead([]string{name}, []int{len(f.buckets)}, chunksOf(len(f.buckets)))
	dst = h.append(dst)
	for number := range h.chunks {
		start := len(dst)
		dst = append(dst, make([]byte, sumBytes)...)
		for i := range f.buckets[number*h.width:][:h.width] {
			for _, word := range f.buckets[number*h.width+i] {
				dst = binary.LittleEndian.AppendUint32(dst, word)
			}
		}
		binary.LittleEndian.PutUint32(dst[start:], chunkSum(number, dst[start+sumBytes:]))
	}
	return dst, h
}
