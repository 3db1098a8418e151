package index

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/tagtail/tagtail/index/internal/files"
	"github.com/tagtail/tagtail/index/internal/filter"
)

// foundFilters is where a day's filters are, for Verify.
type foundFilters struct {
	places  map[string]filterPlace // by the name of the block
	damaged map[string]bool        // files
	joined  bool                   // a damaged one may have had the filter of any block
}

// checkFilterFiles reads the files of filters of a day and compares their
// checksums.
func (v *verifier) checkFilterFiles(dir string) foundFilters {
	found := foundFilters{places: make(map[string]filterPlace), damaged: make(map[string]bool)}
	for _, path := range files.Glob(dir, "*"+filter.Suffix+"*") {
		joined := strings.HasSuffix(path, joinedSuffix)
		if !joined && !strings.HasSuffix(path, filter.Suffix) {
			continue // it is being written
		}
		f, err := readFilterFile(nil, path)
		if errors.Is(err, errMisnamed) {
			found.places[strings.TrimSuffix(filepath.Base(path), filter.Suffix)] = filterPlace{f, 0}
			continue
		}
		if err == nil {
			err = checkSums(f)
		}
		if err != nil {
			v.add(path, 0, true, err.Error())
			found.damaged[path] = true
			found.joined = found.joined || joined
		}
		if f == nil {
			continue
		}
		for slot, name := range f.head.Names {
			if !f.gone[slot] {
				found.places[name] = filterPlace{f, slot}
			}
		}
	}
	return found
}

func checkSums(f *filterFile) error {
	file, err := os.Open(f.path)
	if err != nil {
		return err
	}
	defer file.Close() //nolint:errcheck // it is only read
	return f.head.Check(file)
}

// checkFilter compares the block's filter with what was collected of it.
func (v *verifier) checkFilter(b *storedBlock, found foundFilters) {
	place, ok := found.places[b.stem()]
	if !ok {
		if !found.joined && !found.damaged[b.filterPath()] {
			v.add(b.filterPath(), 0, true, "the filter is missing")
		}
		return
	}
	v.report.Filters++
	err := v.compareFilter(place)
	if err != nil && !errors.Is(err, filter.ErrDamaged) { // that was found already
		v.add(place.file.path, 0, true, err.Error()+": "+filepath.Base(b.path))
	}
}

func (v *verifier) compareFilter(place filterPlace) error {
	file, err := os.Open(place.file.path)
	if err != nil {
		return err
	}
	defer file.Close() //nolint:errcheck // it is only read
	f, err := place.file.head.Read(file, place.slot)
	if err != nil {
		return err
	}
	for hash := range v.tokens.ids.All() {
		if !f.MayContain(hash) {
			return errors.New("the filter does not agree with its block")
		}
	}
	return nil
}

// missBlocks tells of filters whose block is not there.
func (v *verifier) missBlocks(found foundFilters, blocks map[string]bool) {
	for _, name := range sortedKeys(found.places) {
		if !blocks[name] {
			v.add(found.places[name].file.path, 0, false, fmt.Sprintf("the block of this filter is missing: %s", name))
		}
	}
}
