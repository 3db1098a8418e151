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
func built(hashes []uint64, overflow bool) *Filter {
	var b Builder
	for _, hash := range hashes {
		b.Add(hash)
	}
	return b.Build(overflow)
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
			for _, f := range []*Filter{built(hashes, false), parsed(t, built(hashes, false))} {
				for _, hash := range hashes {
					if !f.MayContain(hash) {
						t.Fatalf("seed %d, %d hashes: %#x is missing", seed, count, hash)
					}
				}
			}
		}
	}
	for _, hash := range []uint64{0, 1, math.MaxUint32, 1 << 32, 1 << 63, math.MaxUint64} {
		if !built([]uint64{hash}, false).MayContain(hash) {
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
		f := parsed(t, built(hashes, count == 100))
		if f.Overflow != (count == 100) {
			t.Errorf("%d: overflow = %v", count, f.Overflow)
		}
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
		if wrong > others/200 || count == 0 && wrong > 0 {
			t.Errorf("%d: %d of %d others are said to be there", count, wrong, others)
		}
	}
}

func TestMayContainAllocatesNothing(t *testing.T) {
	f := built([]uint64{1, 2, 3}, false)
	if n := testing.AllocsPerRun(100, func() { f.MayContain(4) }); n > 0 {
		t.Errorf("%v allocations, want none", n)
	}
}

func TestAppendToKeepsWhatIsThere(t *testing.T) {
	f := built([]uint64{1, 2, 3}, true)
	got := f.AppendTo([]byte("before"))
	if want := append([]byte("before"), f.AppendTo(nil)...); !bytes.Equal(got, want) {
		t.Errorf("%x, want %x", got, want)
	}
}

func TestBytesAreThoseOfTheBuckets(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 4))
	hashes := make([]uint64, 75_000)
	for i := range hashes {
		hashes[i] = r.Uint64()
	}
	f := built(hashes, false)
	size := len(f.AppendTo(nil))
	if got := f.Bytes(); got < size || got > size+200 {
		t.Errorf("%d bytes in memory, %d in the file", got, size)
	}
	if perHash := float64(size) * 8 / float64(len(hashes)); perHash < 12 || perHash > 13.5 {
		t.Errorf("%.1f bits for each hash, want about 12.8", perHash)
	}
}

func TestCloneOutlivesTheNextBuild(t *testing.T) {
	var b Builder
	for i := range 1000 {
		b.Add(Hash(fmt.Sprint(i)))
	}
	f := b.Build(true)
	want := f.AppendTo(nil)
	clone := f.Clone()
	b.Reset()
	for i := range 1000 {
		b.Add(Hash(fmt.Sprint("x", i)))
	}
	b.Build(false)
	if !bytes.Equal(clone.AppendTo(nil), want) {
		t.Error("the copy has changed")
	}
	if bytes.Equal(f.AppendTo(nil), want) {
		t.Error("the memory was not used again: the test says nothing")
	}
}

func TestDamagedFilterIsNotParsed(t *testing.T) {
	data := built([]uint64{1, 2, 3}, false).AppendTo(nil)
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

// sealed is a file that claims a number of buckets, with a right checksum.
func sealed(buckets uint32, words []byte) []byte {
	data := append([]byte(magic), make([]byte, 8)...)
	data = binary.LittleEndian.AppendUint32(data, buckets)
	data = append(data, words...)
	binary.LittleEndian.PutUint32(data[12:], checksum(data))
	return data
}

func TestFilterOfAnotherLengthThanItSaysIsNotParsed(t *testing.T) {
	words := make([]byte, 2*bucketBytes)
	for _, buckets := range []uint32{0, 1, 3, 1 << 27, 1<<27 + 2, 1 << 31, math.MaxUint32} {
		data := sealed(buckets, words)
		allocated := testing.AllocsPerRun(1, func() {
			if _, err := Parse(data); err == nil {
				t.Errorf("%d buckets in the room of two were not noticed", buckets)
			}
		})
		if allocated > 0 {
			t.Errorf("%d buckets: memory was taken for them", buckets)
		}
	}
	if _, err := Parse(sealed(2, words)); err != nil {
		t.Errorf("two buckets: %v", err)
	}
	if _, err := Parse(sealed(1, words[:bucketBytes-1])); err == nil {
		t.Error("a part of a bucket was not noticed")
	}
}

func FuzzParse(f *testing.F) {
	f.Add(built(nil, false).AppendTo(nil), uint64(0))
	f.Add(built([]uint64{1, 2, 3}, true).AppendTo(nil), uint64(2))
	f.Add(sealed(math.MaxUint32, nil), uint64(1))
	f.Fuzz(func(t *testing.T, data []byte, hash uint64) {
		if len(data) >= headerBytes { // so that more than the checksum is tried
			data = bytes.Clone(data)
			binary.LittleEndian.PutUint32(data[12:], checksum(data))
		}
		got, err := Parse(data)
		if err != nil {
			return
		}
		got.MayContain(hash)
		if again := parsed(t, got); again.Overflow != got.Overflow || !slices.Equal(again.buckets, got.buckets) {
			t.Error(cmp.Diff(got.AppendTo(nil), again.AppendTo(nil)))
		}
	})
}
