package index

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/tagtail/tagtail/index/internal/filter"
)

const (
	// joinFanIn is how many files of filters of a day that goes on become one.
	joinFanIn = 8
	// joinedFilters is how many filters a file has when it is not joined any more.
	joinedFilters = 64
)

// joinNewFilters joins the filters of new blocks, if there are enough, unless
// somebody changes blocks now: then the keeper comes to them.
func (s *Store) joinNewFilters(d *day) {
	s.placing.Lock()
	enough := len(d.filters) >= joinFanIn
	s.placing.Unlock()
	if !enough {
		return
	}
	select {
	case s.keeping <- struct{}{}:
		defer s.unlockBlocks()
	default:
		return
	}
	if err := s.joinFilters(context.Background(), d, false); err != nil && !errors.Is(err, ErrClosed) {
		s.reportIndex("join filters", d, err) // they are read one by one
	}
}

// joinFilters makes one file of several, as long as there are enough of a kind:
// what decides about a token in all of them is side by side then. Nobody else
// changes blocks meanwhile.
func (s *Store) joinFilters(ctx context.Context, d *day, over bool) error {
	for {
		run := s.joinRun(d, over)
		if len(run) == 0 {
			return nil
		}
		if err := s.stopped(ctx); err != nil {
			return err
		}
		if err := s.joinFiles(d, run); err != nil {
			return err
		}
	}
}

// joinKind is what files have in common that are joined: those of filters that
// are much smaller would make chunks large. In a day that goes on, files of a few
// filters wait until there are several: so a filter is written three times at
// most.
type joinKind struct {
	chunks int
	few    bool
}

// joinRun is the first files that are to become one.
func (s *Store) joinRun(d *day, over bool) []*filterFile {
	s.placing.Lock()
	defer s.placing.Unlock()
	runs := make(map[joinKind][]*filterFile)
	filters := make(map[joinKind]int)
	for _, f := range d.filters {
		if len(f.gone) >= joinedFilters && 2*f.kept > len(f.gone) {
			continue
		}
		kind := joinKind{chunks: f.head.Chunks(), few: !over && f.kept < joinFanIn}
		runs[kind] = append(runs[kind], f)
		filters[kind] += f.kept
		if len(runs[kind]) > 1 && filters[kind] >= joinedFilters || !over && len(runs[kind]) >= joinFanIn {
			return runs[kind]
		}
	}
	for _, run := range runs {
		if over && len(run) > 1 {
			return run
		}
	}
	return nil
}

// joinFiles makes one file of a run.
func (s *Store) joinFiles(d *day, run []*filterFile) error {
	parts, err := s.openParts(run)
	defer closeParts(parts)
	if err != nil {
		return err
	}
	s.placing.Lock()
	number := d.joined + 1
	d.joined = number
	s.placing.Unlock()
	path := filepath.Join(d.dir, fmt.Sprintf("%06d%s", number, joinedSuffix))
	temporary := path + ".tmp"
	out, err := os.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o640)
	if err != nil {
		return err
	}
	head, err := filter.Join(out, parts)
	err = errors.Join(err, out.Close())
	if err == nil {
		err = os.Rename(temporary, path)
	}
	if err != nil {
		err = errors.Join(err, os.Remove(temporary))
		if s.dropDamaged(run, parts) {
			return nil
		}
		return err
	}
	s.placeJoined(d, run, parts, newFilterFile(d, path, head))
	return nil
}

// openParts opens the files of a run, from which what is gone is left out.
func (s *Store) openParts(run []*filterFile) ([]filter.Part, error) {
	var parts []filter.Part
	for _, f := range run {
		file, err := os.Open(f.path)
		s.placing.Lock()
		if err != nil {
			if errors.Is(err, fs.ErrNotExist) {
				s.forgetFileLocked(f)
			}
			s.placing.Unlock()
			return parts, err
		}
		parts = append(parts, filter.Part{Head: f.head, File: file, Drop: slices.Clone(f.gone)})
		s.placing.Unlock()
	}
	return parts, nil
}

func closeParts(parts []filter.Part) {
	for _, p := range parts {
		_ = p.File.(*os.File).Close() // it was only read
	}
}

// placeJoined tells the blocks of a run that their filters are in f now.
func (s *Store) placeJoined(d *day, run []*filterFile, parts []filter.Part, f *filterFile) {
	s.placing.Lock()
	defer s.placing.Unlock()
	d.filters = append(d.filters, f)
	slot := 0
	for i, old := range run {
		for from, b := range old.blocks {
			if parts[i].Drop[from] {
				continue
			}
			f.blocks[slot] = b
			if old.gone[from] {
				s.giveUpLocked(f, slot) // meanwhile
			} else if b != nil {
				b.filter.Store(&filterPlace{f, slot})
			}
			slot++
		}
		s.forgetFileLocked(old)
	}
}

// forgetFileLocked deletes a file of filters. Blocks that still have theirs in
// it get another when one is needed.
func (s *Store) forgetFileLocked(f *filterFile) {
	f.day.filters = slices.DeleteFunc(f.day.filters, func(other *filterFile) bool { return other == f })
	_ = os.Remove(f.path)
}

// dropDamaged deletes the files of a run that are damaged, and tells whether
// there were any.
func (s *Store) dropDamaged(run []*filterFile, parts []filter.Part) (any bool) {
	for i, f := range run {
		if err := f.head.Check(parts[i].File); !errors.Is(err, filter.ErrDamaged) {
			continue
		}
		any = true
		s.placing.Lock()
		s.forgetFileLocked(f)
		s.placing.Unlock()
	}
	return any
}
