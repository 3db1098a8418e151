package filter

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// built is the filter of hashes.
func built(hashes []uint64) *Filter {
	var b Builder
	for _, hash := range hashes {
		b.Add(hash)
	}
	return b.Build()
}

func parsed(t *testing.T, f *Filter) *Filter {
	t.Helper()
	got, err := Parse(f.AppendTo(nil))
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestFilterHasWhatWasPutIn(t *testing.T) {
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 3))
		for _, count := range []int{0, 1, 2, 100, r.IntN(5000)} {
			hashes := make([]uint64, count)
			for i := range hashes {
				hashes[i] = r.Uint64() >> r.IntN(64)
			}
			for _, f := range []*Filter{built(hashes), parsed(t, built(hashes))} {
				for _, hash := range hashes {
					if !f.MayContain(hash) {
						t.Fatalf("seed %d, %d hashes: %#x is missing", seed, count, hash)
					}
				}
			}
		}
	}
	for _, hash := range []uint64{0, 1, math.MaxUint32, 1 << 32, 1 << 63, math.MaxUint64} {
		if !built([]uint64{hash}).MayContain(hash) {
			t.Errorf("%#x is missing", hash)
		}
	}
}

func TestFilterHasLittleElse(t *testing.T) {
	for _, count := range []int{0, 1, 2, 100, 1000, 10_000, 75_000} {
		var hashes []uint64
		for i := range count {
			hashes = append(hashes, Hash(fmt.Sprintf("id%d", i)))
		}
		f := parsed(t, built(hashes))
		for i := range count {
			if !f.MayContain(Hash(fmt.Appendf(nil, "ID%d", i))) {
				t.Fatalf("%d: id%d is missing", count, i)
			}
		}
		const others = 100_000
		wrong := 0
		for i := range others {
			if f.MayContain(Hash(fmt.Sprintf("other%d", i))) {
				wrong++
			}
		}
		if wrong > others/500 || count == 0 && wrong > 0 {
			t.Errorf("%d: %d of %d others are said to be there", count, wrong, others)
		}
	}
}

func TestMayContainAllocatesNothing(t *testing.T) {
	f := built([]uint64{1, 2, 3})
	if n := testing.AllocsPerRun(100, func() { f.MayContain(4) }); n > 0 {
		t.Errorf("%v allocations, want none", n)
	}
}

func TestAppendToKeepsWhatIsThere(t *testing.T) {
	f := built([]uint64{1, 2, 3})
	got := f.AppendTo([]byte("before"))
	if want := append([]byte("before"), f.AppendTo(nil)...); !bytes.Equal(got, want) {
		t.Errorf("%x, want %x", got, want)
	}
}

func TestFilterTakesSomeSixteenBitsForEachHash(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 4))
	hashes := make([]uint64, 75_000)
	for i := range hashes {
		hashes[i] = r.Uint64()
	}
	size := len(built(hashes).AppendTo(nil))
	if perHash := float64(size) * 8 / float64(len(hashes)); perHash < 15 || perHash > 17 {
		t.Errorf("%.1f bits for each hash, want about 16", perHash)
	}
}

func TestDamagedFilterIsNotParsed(t *testing.T) {
	data := built([]uint64{1, 2, 3}).AppendTo(nil)
	for at := range data {
		flipped := bytes.Clone(data)
		flipped[at] ^= 1
		if _, err := Parse(flipped); err == nil {
			t.Fatalf("a flipped bit at %d was not noticed", at)
		}
		if _, err := Parse(data[:at]); err == nil {
			t.Fatalf("a cut at %d was not noticed", at)
		}
	}
	if _, err := Parse(append(bytes.Clone(data), 0)); err == nil {
		t.Error("a byte behind the end was not noticed")
	}
}

func FuzzParse(f *testing.F) {
	f.Add(built(nil).AppendTo(nil), uint64(0))
	f.Add(built([]uint64{1, 2, 3}).AppendTo(nil), uint64(2))
	f.Add(sealed(0, math.MaxUint32, nil), uint64(1))
	f.Fuzz(func(t *testing.T, data []byte, hash uint64) {
		if len(data) >= pageHead { // so that more than the checksum is tried
			data = bytes.Clone(data)
			binary.LittleEndian.PutUint32(data[8:], checksum(data[:min(pageBytes, len(data))]))
		}
		got, err := Parse(data)
		if err != nil {
			return
		}
		got.MayContain(hash)
		if again := parsed(t, got); !slices.Equal(again.buckets, got.buckets) {
			t.Error(cmp.Diff(got.AppendTo(nil), again.AppendTo(nil)))
		}
	})
}
