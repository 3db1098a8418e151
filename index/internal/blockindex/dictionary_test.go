package blockindex

import (
	"maps"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestWordsThatComeLaterAreFound(t *testing.T) {
	x := open(t, filepath.Join(t.TempDir(), Folder))
	want := []string(nil)
	for _, id := range []string{"1", "2", "3"} {
		if err := x.Add(id, []Word{{"time" + id + "out", 1}}, 0); err != nil {
			t.Fatal(err)
		}
		want = append(want, id)
		for range 2 { // the second time the words are known
			blocks, err := x.Containing("me", false, false)
			if diff := cmp.Diff(want, slices.Sorted(maps.Keys(blocks))); err != nil || diff != "" {
				t.Errorf("after block %s: error %v (-want +got):\n%s", id, err, diff)
			}
			lines, err := x.Lines("out", false)
			if diff := cmp.Diff(want, slices.Sorted(maps.Keys(lines))); err != nil || diff != "" {
				t.Errorf("lines after block %s: error %v (-want +got):\n%s", id, err, diff)
			}
		}
		if _, known := x.dictionary.get(); !known {
			t.Error("the words are not kept")
		}
	}
	if err := x.Remove([]string{"2"}); err != nil {
		t.Fatal(err)
	}
	blocks, err := x.Containing("me", false, false)
	if diff := cmp.Diff([]string{"1", "3"}, slices.Sorted(maps.Keys(blocks))); err != nil || diff != "" {
		t.Errorf("after block 2 is removed: error %v (-want +got):\n%s", err, diff)
	}
}

func TestWordsReadBeforeOthersCameAreNotKept(t *testing.T) {
	var d dictionary
	age := d.now()
	d.forget()
	d.put([]string{"old"}, age)
	if words, known := d.get(); known {
		t.Errorf("kept %q", words)
	}
	d.put(make([]string, dictionaryWords+1), d.now())
	if _, known := d.get(); known {
		t.Error("too many are kept")
	}
}
