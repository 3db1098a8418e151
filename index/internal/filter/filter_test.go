package filter

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// built is the filter of hashes.
func built(hashes []uint64) *Filter {
	var b Builder
	for _, hash := range hashes {
		b.Add(hash)
	}
	return b.Build()
}

// file is the file of a filter.
func file(f *Filter, name string) []byte {
	data, _ := f.AppendTo(nil, name)
	return data
}

func parsed(t *testing.T, f *Filter) *Filter {
	t.Helper()
	data := bytes.NewReader(file(f, "block"))
	h, err := ReadHead(data, data.Size())
	if err != nil {
		t.Fatal(err)
	}
	got, err := h.Read(data, 0)
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
	got, _ := f.AppendTo([]byte("before"), "block")
	if want := append([]byte("before"), file(f, "block")...); !bytes.Equal(got, want) {
		t.Errorf("%x, want %x", got, want)
	}
}

func TestFilterTakesSomeSixteenBitsForEachHash(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 4))
	hashes := make([]uint64, 75_000)
	for i := range hashes {
		hashes[i] = r.Uint64()
	}
	size := len(file(built(hashes), "block"))
	if perHash := float64(size) * 8 / float64(len(hashes)); perHash < 15 || perHash > 17 {
		t.Errorf("%.1f bits for each hash, want about 16", perHash)
	}
}
