package filter

import (
	"bytes"
	"fmt"
	"testing"
)

func TestFilterHasWhatWasPutInAndLittleElse(t *testing.T) {
	for _, count := range []int{0, 1, 2, 10, 1000, 80_000} {
		var hashes []uint64
		for i := range count {
			hashes = append(hashes, Hash(fmt.Sprintf("id%d", i)), Hash("twice1"))
		}
		built, err := Build(hashes, count == 10)
		if err != nil {
			t.Fatal(err)
		}
		data, err := built.AppendTo(nil)
		if err != nil {
			t.Fatal(err)
		}
		f, err := Parse(data)
		if err != nil {
			t.Fatal(err)
		}
		if f.Overflow != (count == 10) {
			t.Errorf("%d: overflow = %v", count, f.Overflow)
		}
		for i := range count {
			if !f.MayContain(Hash(fmt.Appendf(nil, "id%d", i))) {
				t.Fatalf("%d: id%d is missing", count, i)
			}
		}
		wrong := 0
		for i := range 10_000 {
			if f.MayContain(Hash(fmt.Sprintf("other%d", i))) {
				wrong++
			}
		}
		if wrong > 100 {
			t.Errorf("%d: %d of 10,000 others are said to be there", count, wrong)
		}
	}
}

func TestDamagedFilterIsNotParsed(t *testing.T) {
	f, err := Build([]uint64{1, 2, 3}, false)
	if err != nil {
		t.Fatal(err)
	}
	data, err := f.AppendTo(nil)
	if err != nil {
		t.Fatal(err)
	}
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
}
