package filter

import (
	"fmt"
	"math/bits"
	"math/rand/v2"
	"slices"
	"testing"
)

func TestRepeatedHashesGiveASmallFilter(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 5))
	for distinct, each := range map[int]int{1: fewHashesPerBucket, 300: fewHashesPerBucket, 5000: hashesPerBucket} {
		var b Builder
		known := make([]uint64, distinct)
		for i := range known {
			known[i] = r.Uint64()
			b.Add(known[i])
		}
		for range 90_000 {
			b.Add(known[r.IntN(distinct)])
		}
		f := b.Build()
		if got, most := len(f.buckets), 2+distinct*11/10/each; got > most {
			t.Errorf("%d different hashes: %d buckets, want at most %d", distinct, got, most)
		}
		for _, hash := range known {
			if !f.MayContain(hash) {
				t.Fatalf("%d different hashes: %#x is missing", distinct, hash)
			}
		}
	}
}

// TestBuilderCountsWhatIsDifferent has numbers that are hashed by one
// multiplication, as shape.HashPacked does.
func TestBuilderCountsWhatIsDifferent(t *testing.T) {
	packed := func(n uint64) uint64 {
		high, low := bits.Mul64(n^prime1, prime2+32)
		return high ^ low
	}
	for name, hash := range map[string]func(i int) uint64{
		"texts":              func(i int) uint64 { return Hash(fmt.Sprint("x", i)) },
		"successive numbers": func(i int) uint64 { return packed(uint64(i)) },
		"thousands":          func(i int) uint64 { return packed(uint64(i) * 1000) },
		"high numbers":       func(i int) uint64 { return packed(uint64(i) << 40) },
	} {
		for _, n := range []int{0, 1, 2, 100, 10_000, 75_000} {
			var b Builder
			for range 2 { // no hash after itself
				for i := range n {
					b.Add(hash(i))
				}
			}
			if got := b.distinct(); got < n-n/20 || got > n+n/20 {
				t.Errorf("%s: %d different hashes are counted as %d", name, n, got)
			}
		}
	}
}

func TestBuilderWithAFullBitmapCountsNoneTooFew(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 7))
	var b Builder
	const most = 10 * seenBits
	for n := 1; n <= most; n++ {
		b.Add(r.Uint64())
		if n%seenBits != 0 {
			continue
		}
		if got := b.distinct(); got < n-n/20 || got > n {
			t.Errorf("%d different hashes are counted as %d", n, got)
		}
	}
}

func TestBuilderGathersEachHash(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 6))
	var b Builder
	for range 3 { // in the same memory
		b.Reset()
		var want []uint64
		for range 20_000 {
			want = append(want, r.Uint64()>>r.IntN(64))
			b.Add(want[len(want)-1])
		}
		got := slices.Sorted(b.All())
		slices.Sort(want)
		if !slices.Equal(slices.Compact(got), slices.Compact(want)) {
			t.Fatal("not what was added")
		}
	}
}

func TestBuilderForgetsTheBlockBefore(t *testing.T) {
	var b Builder
	for i := range 75_000 {
		b.Add(Hash(fmt.Sprint(i)))
	}
	b.Build()
	b.Reset()
	if f := b.Build(); len(f.buckets) > 0 {
		t.Errorf("%d buckets of nothing", len(f.buckets))
	}
	b.Add(7)
	f := b.Build()
	set := 0
	for _, word := range f.buckets[0] {
		set += bits.OnesCount32(word)
	}
	if len(f.buckets) != 1 || set != 8 {
		t.Errorf("%d buckets, the first with %d bits, want one with 8 for one hash", len(f.buckets), set)
	}
}

// BenchmarkBuild gathers hashes and builds their filter, with as many different
// ones as a block of ids has, and with those of a debug log.
func BenchmarkBuild(b *testing.B) {
	for _, c := range []struct {
		name            string
		count, distinct int
	}{
		{"75000 distinct", 75_000, 75_000},
		{"90000 of 300", 90_000, 300},
	} {
		b.Run(c.name, func(b *testing.B) {
			r := rand.New(rand.NewPCG(1, 2))
			hashes := make([]uint64, c.count)
			for i := range hashes {
				if i < c.distinct {
					hashes[i] = r.Uint64()
				} else {
					hashes[i] = hashes[r.IntN(c.distinct)]
				}
			}
			var builder Builder
			var f *Filter
			b.ReportAllocs()
			for b.Loop() {
				builder.Reset()
				for _, hash := range hashes {
					builder.Add(hash)
				}
				f = builder.Build()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(c.count), "ns/id")
			b.ReportMetric(float64(len(f.buckets)*bucketBytes*8)/float64(c.distinct), "bits/id")
			wrong := 0
			for range 1_000_000 {
				if f.MayContain(r.Uint64()) {
					wrong++
				}
			}
			b.ReportMetric(float64(wrong)/1e4, "%wrong")
		})
	}
}
