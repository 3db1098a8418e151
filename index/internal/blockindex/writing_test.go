package blockindex

import (
	"fmt"
	"os"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestIndexChangesNothingUntilSomethingIsWritten(t *testing.T) {
	dir, p := t.TempDir(), NewPool(1)
	x := openIn(t, p, dir)
	if err := x.Add("1-2", []Word{{Text: "word", Lines: 1}}, 0); err != nil {
		t.Fatal(err)
	}
	waitFor(t, x.Written)
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
	before := contents(t, dir)
	x = openIn(t, p, dir)
	for range 3 { // opened, read, and opened again after a rest
		if got, err := x.Containing("word", true, true); err != nil || !got["1-2"] {
			t.Fatalf("blocks = %v, error %v", got, err)
		}
		waitFor(t, x.rest)
	}
	if diff := cmp.Diff(before, contents(t, dir)); diff != "" {
		t.Errorf("files have changed (-before +after):\n%s", diff)
	}
}

func TestBlocksThatAreAddedWhileOthersReadAreFound(t *testing.T) {
	const writers, each = 4, 25
	dir, p := t.TempDir(), NewPool(1)
	x := openIn(t, p, dir)
	if err := x.Add("first", []Word{{Text: "word", Lines: 1}}, 0); err != nil {
		t.Fatal(err)
	}
	waitFor(t, x.Written)
	waitFor(t, x.rest)
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				if err := x.Add(fmt.Sprintf("%d-%d", w, i), []Word{{Text: "word", Lines: 1}}, 0); err != nil {
					t.Error(err)
				}
			}
		})
		wg.Go(func() {
			for range each {
				if got, err := x.Containing("word", true, true); err != nil || !got["first"] {
					t.Errorf("%d blocks, error %v, want the first among them", len(got), err)
				}
				x.rest()
			}
		})
	}
	wg.Wait()
	if got, err := x.Containing("word", true, true); err != nil || len(got) != 1+writers*each {
		t.Errorf("%d blocks, error %v, want %d", len(got), err, 1+writers*each)
	}
}

// contents is what each file of the index has in it.
func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := make(map[string]string)
	names, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		data, err := os.ReadFile(dir + "/" + name.Name())
		if err != nil {
			t.Fatal(err)
		}
		all[name.Name()] = string(data)
	}
	return all
}
