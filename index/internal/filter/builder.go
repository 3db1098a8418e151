package filter

import (
	"iter"
	"math"
	"math/bits"
	"slices"
)

// Builder gathers the hashes of a block and builds its filter; then it is used
// for the next one, in the same memory. The zero Builder can be used. One
// goroutine owns it.
//
// Hashes are not told apart, which would take longer than all else: how many
// different ones there are is estimated from the bits that they set in a small
// bitmap (linear counting).
type Builder struct {
	hashes []uint64
	// recent drops most of what repeats, such as the few ids of a debug log: it
	// has the last of the hashes with the same first bits.
	recent  [1 << recentBits]uint64
	seen    [seenBits / 64]uint64
	buckets []bucket
}

const (
	// hashesPerBucket gives a filter 16 bits for each hash. With 20, four times as
	// many others would be said to be there: in a store of thousands of blocks they
	// are what a search for a rare id reads.
	hashesPerBucket = 16
	// A block with few ids, such as those of a debug log, can afford twice as
	// much. It needs it: its neighbours have the same ids, so that what is said
	// to be in one is said to be in all of them.
	fewHashes          = 2000
	fewHashesPerBucket = 10
	// recentBits makes a table of 8 KiB.
	recentBits = 10
	// seenBits is the size of the bitmap, 16 KiB: it stays in the processor's
	// cache with the table. Up to half a million hashes, the estimate is off by
	// some 1 %.
	seenBits = 1 << 17
	// seenLeft is how many of its bits must still be zero for an estimate.
	seenLeft = seenBits / 128
)

// Reset forgets what was added.
func (b *Builder) Reset() {
	b.hashes = b.hashes[:0]
	clear(b.recent[:])
	clear(b.seen[:])
}

// Add puts a hash in.
func (b *Builder) Add(hash uint64) {
	// The place has the first bits; the 1 tells 0 from nothing.
	recent, rest := &b.recent[hash>>(64-recentBits)], hash<<recentBits|1
	if *recent == rest {
		return
	}
	*recent = rest
	b.hashes = append(b.hashes, hash)
	// Hashes of successive numbers are spread more evenly than by chance, or
	// less: mixed once more, they are counted like any.
	bit := mix(hash, prime1) % seenBits
	b.seen[bit/64] |= 1 << (bit % 64)
}

// All are the hashes that were added, some of them several times.
func (b *Builder) All() iter.Seq[uint64] { return slices.Values(b.hashes) }

// Build returns the filter of what was added. It is valid until the next Build.
func (b *Builder) Build() *Filter {
	distinct, each := b.distinct(), hashesPerBucket
	if distinct <= fewHashes {
		each = fewHashesPerBucket
	}
	n := evenly((distinct + each - 1) / each)
	b.buckets = slices.Grow(b.buckets[:0], n)[:n]
	clear(b.buckets)
	for _, hash := range b.hashes {
		b.buckets[bucketOf(hash, n)].add(hash)
	}
	return &Filter{buckets: b.buckets}
}

// distinct estimates how many different hashes there are, at least one if there
// are any: the bits that are left say it, as long as there are enough of them.
func (b *Builder) distinct() int {
	left := seenBits
	for _, word := range b.seen {
		left -= bits.OnesCount64(word)
	}
	if left < seenLeft {
		return len(b.hashes)
	}
	estimate := math.Ceil(seenBits * math.Log(seenBits/float64(left)))
	return min(int(estimate), len(b.hashes))
}
