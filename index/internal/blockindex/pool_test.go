package blockindex

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func openIn(t *testing.T, p *Pool, dir string) *Index {
	t.Helper()
	x, err := p.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := x.Close(); err != nil {
			t.Error(err)
		}
	})
	return x
}

// waitFor polls for what bleve does on its own.
func waitFor(t *testing.T, ready func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !ready(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("timed out")
		}
	}
}

func TestFewIndexesOfAPoolAreOpenAndAllAnswer(t *testing.T) {
	const most, all = 2, 6
	p, dir := NewPool(most), t.TempDir()
	var indexes []*Index
	for i := range all {
		x := openIn(t, p, filepath.Join(dir, fmt.Sprint(i)))
		if err := x.Add("1-2", []Word{{Text: fmt.Sprintf("word%d", i), Lines: 1}}, 0); err != nil {
			t.Fatal(err)
		}
		indexes = append(indexes, x)
	}
	for _, x := range indexes {
		waitFor(t, func() bool { return x.Written() })
	}
	openIn(t, p, filepath.Join(dir, "last"))
	if n := p.Size(); n > most {
		t.Errorf("%d are open, want %d at most", n, most)
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for i, x := range indexes {
				got, err := x.Containing(fmt.Sprintf("word%d", i), true, true)
				if diff := cmp.Diff(map[string]bool{"1-2": true}, got); err != nil || diff != "" {
					t.Errorf("index %d: error %v (-want +got):\n%s", i, err, diff)
				}
			}
		})
	}
	wg.Wait()
	if _, err := indexes[0].IDs(); err != nil {
		t.Fatal(err)
	}
	if n := p.Size(); n > most {
		t.Errorf("%d are open afterwards, want %d at most", n, most)
	}
}

func TestIndexDoesNotRestBeforeItsDocumentsAreWritten(t *testing.T) {
	p := NewPool(1)
	x := openIn(t, p, t.TempDir())
	x.dirty.Add(1) // as if bleve had not written it yet
	if x.rest() {
		t.Error("it rests and has lost a document")
	}
	x.dirty.Add(-1)
	if !x.rest() {
		t.Error("it does not rest although all is written")
	}
}

func TestRemovedBlocksAreNotFoundAndOneSegmentIsLeft(t *testing.T) {
	dir := t.TempDir()
	x := openIn(t, NewPool(1), dir)
	for i := range 5 {
		if err := x.Add(fmt.Sprint(i), []Word{{Text: "both", Lines: 2}, {Text: fmt.Sprintf("only%d", i), Lines: 1}}, 0); err != nil {
			t.Fatal(err)
		}
	}
	if err := x.Remove([]string{"0", "1", "none"}); err != nil {
		t.Fatal(err)
	}
	waitFor(t, func() bool { return x.Written() })
	if begun, err := x.Optimise(t.Context()); err != nil || !begun {
		t.Fatalf("begun %v, error %v", begun, err)
	}
	waitFor(t, func() bool { return x.Written() && Segments(dir) == 1 })
	got, err := x.Containing("both", true, true)
	if diff := cmp.Diff(map[string]bool{"2": true, "3": true, "4": true}, got); err != nil || diff != "" {
		t.Errorf("error %v (-want +got):\n%s", err, diff)
	}
	if !x.rest() {
		t.Error("it does not rest although all is written")
	}
	var want Sum
	want.Add("only3", 1)
	want.Add("both", 2)
	sums, err := x.Sums(t.Context())
	if err != nil || sums["3"] != want || len(sums) != 3 {
		t.Errorf("sums = %v, error %v, want %v of block 3", sums, err, want)
	}
}

func TestIndexThatHasLostBlocksAtRestSaysSo(t *testing.T) {
	for name, pattern := range map[string]string{"the folder": "", "a segment": "*.zap", "the list of segments": "root.bolt"} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "words")
			x := openIn(t, NewPool(1), dir)
			if err := x.Add("1-2", []Word{{Text: "word", Lines: 1}}, 0); err != nil {
				t.Fatal(err)
			}
			waitFor(t, x.Written)
			waitFor(t, x.rest)
			lost, err := filepath.Glob(filepath.Join(dir, pattern))
			if err != nil || len(lost) == 0 {
				t.Fatalf("files = %v, error %v", lost, err)
			}
			for _, path := range lost {
				if err := os.RemoveAll(path); err != nil {
					t.Fatal(err)
				}
			}
			for range 2 {
				if got, err := x.Containing("word", true, true); err == nil {
					t.Errorf("blocks = %v, want an error", got)
				}
			}
		})
	}
}

func TestOptimiseThatCannotWriteEndsWithItsContext(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "words")
	x := openIn(t, NewPool(1), dir)
	for i := range 5 {
		if err := x.Add(fmt.Sprint(i), []Word{{Text: "both", Lines: 2}, {Text: fmt.Sprintf("only%d", i), Lines: 1}}, 0); err != nil {
			t.Fatal(err)
		}
		waitFor(t, x.Written)
	}
	if err := os.Rename(dir, dir+".away"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	begun, err := x.Optimise(ctx)
	if !begun || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("begun %v, error %v, want %v", begun, err, context.DeadlineExceeded)
	}
	x.merges.Wait() // bleve has ended its attempts
	if err := os.Rename(dir+".away", dir); err != nil {
		t.Fatal(err)
	}
	if got, err := x.Containing("both", true, true); err != nil || len(got) != 5 {
		t.Errorf("blocks = %v, error %v, want all 5", got, err)
	}
}
