package block

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

func valuesOf(t *Texts) (values []string) {
	for i := range t.Len() {
		values = append(values, t.At(i))
	}
	return values
}

func TestTextsGiveBackWhatWasAppended(t *testing.T) {
	for _, distinct := range []int{1, 2, fewTexts, fewTexts + 1, 300} {
		r := rand.New(rand.NewPCG(uint64(distinct), 1))
		var want, half []string
		var texts, copied Texts
		for i := range 1000 {
			if i == 500 {
				copied, half = texts, slices.Clone(want)
			}
			want = append(want, fmt.Sprint(r.IntN(distinct)))
			texts.Append(want[i])
		}
		if got := valuesOf(&texts); !slices.Equal(got, want) {
			t.Errorf("%d distinct values come back as %q, want %q", distinct, got, want)
		}
		if got := valuesOf(&copied); !slices.Equal(got, half) {
			t.Errorf("a copy with %d distinct values has changed to %q, want %q", distinct, got, half)
		}
		read := readTexts(&reader{data: texts.appendTo(nil)}, len(want))
		if !read.Equal(texts) {
			t.Errorf("%d distinct values are read as %q, want %q", distinct, valuesOf(&read), want)
		}
	}
}

func TestTextsAreJoined(t *testing.T) {
	parts := [][]string{nil, {"a"}, {"a", "a"}, {"b"}, {"a", "b", "c"}, {"c", "a"}, {"b", "b"}}
	for _, first := range parts {
		for _, second := range parts {
			got, other := NewTexts(first...), NewTexts(second...)
			got.appendAll(&other)
			want := NewTexts(slices.Concat(first, second)...)
			if !got.Equal(want) || !want.Equal(got) {
				t.Errorf("%q and %q are joined as %q", first, second, valuesOf(&got))
			}
			if len(second) > 0 && got.Equal(NewTexts(first...)) {
				t.Errorf("%q is said to equal %q", valuesOf(&got), first)
			}
		}
	}
}

func TestTextsWithoutAValueAreDamaged(t *testing.T) {
	for name, data := range map[string][]byte{"no value": {0}, "a place that is none": {2, 1, 'a', 1, 'b', 0, 2}, "cut off": {2, 1, 'a', 1, 'b', 0}} {
		r := reader{data: data}
		if readTexts(&r, 2); !r.bad {
			t.Errorf("%s is not noticed", name)
		}
	}
}
