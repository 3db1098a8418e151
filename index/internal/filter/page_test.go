package filter

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"testing"
)

// sealed is a page that claims a number of buckets for its filter, with a right
// checksum.
func sealed(number, total uint32, words []byte) []byte {
	data := append([]byte(magic), make([]byte, pageHead-len(magic))...)
	binary.LittleEndian.PutUint32(data[12:], number)
	binary.LittleEndian.PutUint32(data[16:], total)
	data = append(data, words...)
	binary.LittleEndian.PutUint32(data[8:], checksum(data))
	return data
}

func TestOnePageSaysWhatTheWholeFilterSays(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 8))
	for _, count := range []int{0, 1, 20, 2000, 2001, pageBuckets * hashesPerBucket, pageBuckets*hashesPerBucket + 1, 20_000} {
		hashes := make([]uint64, count)
		for i := range hashes {
			hashes[i] = r.Uint64()
		}
		f := built(hashes)
		file := f.AppendTo(nil)
		size := int64(len(file))
		ask := append(hashes[:min(200, count)], 0, math.MaxUint64)
		for range 500 {
			ask = append(ask, r.Uint64())
		}
		for _, hash := range ask {
			number, offset, n := PageOf(hash, size)
			if n < pageHead || n > pageBytes || offset%pageBytes != 0 || offset+int64(n) > size {
				t.Fatalf("%d hashes: %d bytes at %d of %d", count, n, offset, size)
			}
			page, err := ParsePage(file[offset:offset+int64(n)], number, size)
			if err != nil {
				t.Fatalf("%d hashes: page %d: %v", count, number, err)
			}
			if got, want := page.MayContain(hash), f.MayContain(hash); got != want {
				t.Fatalf("%d hashes: the page says %v of %#x, the filter %v", count, got, hash, want)
			}
			if page.Bytes() < n-pageHead || page.Bytes() > n+100 {
				t.Fatalf("%d bytes in memory, %d in the file", page.Bytes(), n)
			}
		}
	}
}

func TestPageOfAFileOfAnySizeIsInTheFile(t *testing.T) {
	for _, size := range []int64{0, 1, pageHead - 1, pageHead, pageHead + 1, pageBytes, pageBytes + 1, pageBytes + pageHead, 3*pageBytes - 1} {
		for _, hash := range []uint64{0, 1 << 63, math.MaxUint64} {
			if _, offset, n := PageOf(hash, size); n < 0 || offset+int64(n) > size {
				t.Errorf("a file of %d bytes: %d bytes at %d", size, n, offset)
			}
		}
	}
}

func TestPageOfAnotherPlaceOrLengthThanItSaysIsNotParsed(t *testing.T) {
	words := make([]byte, 2*bucketBytes)
	size := int64(pageHead + len(words))
	for _, total := range []uint32{0, 1, 3, pageBuckets + 2, 1 << 27, 1<<27 + 2, 1 << 31, math.MaxUint32} {
		if _, err := ParsePage(sealed(0, total, words), 0, size); err == nil {
			t.Errorf("%d buckets in the room of two were not noticed", total)
		}
	}
	if _, err := ParsePage(sealed(1, 2, words), 0, size); err == nil {
		t.Error("the page of another place was not noticed")
	}
	if _, err := ParsePage(sealed(0, 2, words), 0, size+bucketBytes); err == nil {
		t.Error("a file of another size was not noticed")
	}
	if _, err := ParsePage(sealed(0, 1, words[:bucketBytes-1]), 0, size); err == nil {
		t.Error("a part of a bucket was not noticed")
	}
	if _, err := ParsePage(sealed(0, 2, words), 0, size); err != nil {
		t.Errorf("two buckets: %v", err)
	}
}
