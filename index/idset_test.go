package index

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestIDSetHasEachHashOnce(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	var set idSet
	for name, next := range map[string]func(i int) uint64{
		"nothing twice":      func(int) uint64 { return r.Uint64() },
		"everything often":   func(i int) uint64 { return uint64(i%10) * 0x9e3779b97f4a7c15 },
		"one part":           func(i int) uint64 { return uint64(i % 5000) },
		"zero and all ones":  func(i int) uint64 { return -uint64(i % 2) },
		"the same low bits":  func(i int) uint64 { return uint64(i%700) << 48 },
		"a part that is big": func(int) uint64 { return r.Uint64() >> 7 },
	} {
		for _, n := range []int{0, 1, 20_000} {
			set.reset()
			var want []uint64
			for i := range n {
				want = append(want, next(i))
				set.add(want[i])
			}
			slices.Sort(want)
			want = slices.Compact(want)
			for range 2 { // it may be asked again
				got := slices.Clone(set.values())
				slices.Sort(got)
				if diff := cmp.Diff(want, got); len(got) != len(want) || len(want) > 0 && diff != "" {
					t.Fatalf("%s, %d hashes: %d distinct, want %d", name, n, len(got), len(want))
				}
			}
		}
	}
}
