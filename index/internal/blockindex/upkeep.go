package blockindex

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/blevesearch/bleve/v2/index/scorch"
	bleve "github.com/blevesearch/bleve_index_api"

	"github.com/tagtail/tagtail/index/internal/files"
)

// Remove takes blocks out. One that is not in is no error.
func (x *Index) Remove(ids []string) (err error) {
	defer recovered("remove words", &err)
	if err := x.acquireToWrite(); err != nil {
		return err
	}
	defer x.mu.RUnlock()
	if err := x.flush(); err != nil {
		return err
	}
	batch := bleve.NewBatch()
	for _, id := range ids {
		batch.Delete(id)
	}
	if err := x.commit(batch); err != nil {
		return fmt.Errorf("remove words: %w", err)
	}
	return nil
}

// Optimise makes one segment of all, for an index that nothing is added to any
// more. It does nothing, and says so, while something is not written yet. It is
// done when Segments says so. When ctx ends it gives up, and the index rests.
func (x *Index) Optimise(ctx context.Context) (begun bool, err error) {
	defer recovered("optimise word index", &err)
	merging, merged, err := x.beginMerge(ctx)
	if err != nil || merging == nil {
		return false, err
	}
	select {
	case err = <-merged:
	case <-ctx.Done():
		x.Rest() // it ends an attempt that bleve repeats for ever
		err = ctx.Err()
	}
	if err != nil {
		return true, fmt.Errorf("optimise word index: %w", err)
	}
	if err := x.acquire(); err != nil {
		return true, err
	}
	defer x.mu.RUnlock()
	if x.bleve != merging {
		return true, nil
	}
	// An empty batch is written behind the result, so that resting before that
	// is not possible.
	return true, x.commit(bleve.NewBatch())
}

// beginMerge starts to make one segment of all, without holding the lock: where
// bleve cannot write the segment it tries again and again, and only closing ends
// that. It returns nil while something is not written yet.
func (x *Index) beginMerge(ctx context.Context) (merging *scorch.Scorch, merged <-chan error, err error) {
	if err := x.acquireToWrite(); err != nil {
		return nil, nil, err
	}
	defer x.mu.RUnlock()
	if !x.writtenLocked() {
		return nil, nil, nil
	}
	merging = x.bleve
	result := make(chan error, 1)
	x.merges.Go(func() { result <- merging.ForceMerge(ctx, nil) })
	return merging, result, nil
}

// OpenReadOnly opens the index in dir to look at it: nothing there changes.
func OpenReadOnly(dir string) (*Index, error) {
	if _, err := os.Stat(rootFile(dir)); err != nil {
		return nil, fmt.Errorf("open word index: %w", err) // bleve would make one
	}
	x := &Index{dir: dir}
	if err := x.openLocked(false); err != nil { // nobody else has it
		return nil, err
	}
	return x, nil
}

// rootFile is the file without which bleve begins anew.
func rootFile(dir string) string { return filepath.Join(dir, "root.bolt") }

// Flush waits until all that was added is written, or stopped returns an error.
func (x *Index) Flush(stopped func() error) error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !x.Written() {
		if err := stopped(); err != nil {
			return err
		}
		<-tick.C
	}
	return nil
}

// Older tells whether a file in a day's folder is an index of another version.
func Older(name string) bool { return strings.HasPrefix(name, "bleve-") && name != Folder }

// RemoveOlder deletes the indexes of earlier versions that are beside the one in
// dir.
func RemoveOlder(dir string) error {
	paths := files.Glob(filepath.Dir(dir), "bleve-*")
	var err error
	for _, path := range paths {
		if Older(filepath.Base(path)) {
			err = errors.Join(err, os.RemoveAll(path))
		}
	}
	if err != nil {
		return fmt.Errorf("remove older word index: %w", err)
	}
	return nil
}

// Segments is how many segments the index in dir has on the disk.
func Segments(dir string) int {
	return len(files.Glob(dir, "*.zap"))
}

// Sum tells two sets of words with their counts of lines apart. The zero Sum is
// of none.
type Sum struct {
	Words int
	Hash  uint64
}

// Add counts a word in. The order does not matter.
func (s *Sum) Add(word string, lines uint64) {
	h := uint64(14695981039346656037)
	for i := 0; i < len(word); i++ {
		h = (h ^ uint64(word[i])) * 1099511628211
	}
	h ^= lines * 0x9e3779b97f4a7c15
	h = (h ^ h>>33) * 0xff51afd7ed558ccd
	s.Words++
	s.Hash += h ^ h>>33
}

// Sums returns the sum of the words of each block that is in. It reads the
// whole index.
func (x *Index) Sums(ctx context.Context) (map[string]Sum, error) {
	sums := make(map[string]Sum)
	ids, err := x.IDs()
	if err != nil {
		return nil, err
	}
	for id := range ids {
		sums[id] = Sum{}
	}
	err = x.read(func(r bleve.IndexReader) (err error) {
		dict, err := r.FieldDict(fieldName)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, dict.Close()) }()
		for {
			entry, err := dict.Next()
			if err != nil || entry == nil {
				return err
			}
			if err := ctx.Err(); err != nil {
				return err
			}
			if isMark(entry.Term) {
				continue
			}
			err = eachBlock(ctx, r, entry.Term, true, func(id string, lines uint64) {
				sum := sums[id]
				sum.Add(entry.Term, lines)
				sums[id] = sum
			})
			if err != nil {
				return err
			}
		}
	})
	if err != nil {
		return nil, err
	}
	return sums, nil
}
