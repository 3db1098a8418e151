// Package filter remembers a set of tokens in some sixteen bits each, to say
// which blocks cannot hold a token.
//
//	tokens → Hash → Builder.Add → Build → AppendTo → file → PageOf → ParsePage → MayContain
//
// MayContain is never false for a token that was put in, and true for one in
// 1000 that was not. One page of the file, 4 KiB, decides about a token: a search
// reads no more of it. A filter is derived from its block: what does not parse is
// built again. FORMAT.md, beside the index package, has the layout.
package filter

import (
	"errors"
	"fmt"
	"slices"
)

// Suffix ends the name of every filter's file.
const Suffix = ".filter"

var errDamaged = errors.New("filter is damaged")

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
	return &Filter{buckets: slices.Clone(f.buckets)}
}

// AppendTo writes the filter as pages.
func (f *Filter) AppendTo(dst []byte) []byte {
	for number := range pagesOf(len(f.buckets)) {
		first := number * pageBuckets
		dst = appendPage(dst, number, len(f.buckets), f.buckets[first:min(first+pageBuckets, len(f.buckets))])
	}
	return dst
}

// Parse reads what AppendTo has written.
func Parse(data []byte) (*Filter, error) {
	f := &Filter{}
	for number := range numberOfPages(int64(len(data))) {
		at := number * pageBytes
		page, err := ParsePage(data[at:min(at+pageBytes, len(data))], number, int64(len(data)))
		if err != nil {
			return nil, fmt.Errorf("page %d: %w", number, err)
		}
		f.buckets = append(f.buckets, page.buckets...)
	}
	return f, nil
}
