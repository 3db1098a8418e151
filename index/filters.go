package index

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/tagtail/tagtail/index/internal/block"
	"github.com/tagtail/tagtail/index/internal/files"
	"github.com/tagtail/tagtail/index/internal/filter"
)

// joinedSuffix ends the names of files with the filters of many blocks, which
// are numbers.
const joinedSuffix = ".filters"

// filterFile is a file with the filters of one block, or of many.
type filterFile struct {
	path string
	head *filter.Head
	day  *day

	// By slot; guarded by Store.placing, like kept.
	blocks []*storedBlock // nil: it is not there
	gone   []bool         // its filter is given up
	kept   int            // slots that are not gone
	dirty  bool           // a slot was given up, and the file not synced since
}

// filterPlace is where a block's filter is.
type filterPlace struct {
	file *filterFile
	slot int
}

// stem is the name of the block in files of filters.
func (b *storedBlock) stem() string { return strings.TrimSuffix(filepath.Base(b.path), block.Suffix) }

// filterPath is where the block's filter is until it is joined with others.
func (b *storedBlock) filterPath() string {
	return strings.TrimSuffix(b.path, block.Suffix) + filter.Suffix
}

// filterBytes is what the block's filter takes on the disk.
func (b *storedBlock) filterBytes() int64 {
	if place := b.filter.Load(); place != nil {
		return place.file.head.FilterBytes(place.slot)
	}
	return 0
}

// readFilterFile reads the head of a file of filters.
func readFilterFile(d *day, path string) (*filterFile, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close() //nolint:errcheck // it is only read
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	head, err := filter.ReadHead(file, info.Size())
	if err != nil {
		return nil, err
	}
	f := newFilterFile(d, path, head)
	if name, alone := strings.CutSuffix(filepath.Base(path), filter.Suffix); alone && !slices.Equal(head.Names, []string{name}) {
		return f, errMisnamed
	}
	return f, nil
}

// errMisnamed is that of a file whose filter is of another block than its name.
var errMisnamed = fmt.Errorf("%w: it is of another block", filter.ErrDamaged)

func newFilterFile(d *day, path string, head *filter.Head) *filterFile {
	f := &filterFile{path: path, head: head, day: d, blocks: make([]*storedBlock, len(head.Names)), gone: slices.Clone(head.Gone)}
	for _, gone := range f.gone {
		if !gone {
			f.kept++
		}
	}
	return f
}

// findFilters reads the heads of a day's files of filters, and tells the blocks
// where theirs are. A file that a crash has left after it was joined with others
// goes, and one that does not parse if it has no block's name: others are written
// over.
func (s *Store) findFilters(d *day, paths []string, blocks []*storedBlock) {
	var found []*filterFile
	for _, path := range paths {
		f, err := readFilterFile(d, path)
		if err == nil {
			found = append(found, f)
		} else if strings.HasSuffix(path, joinedSuffix) && errors.Is(err, filter.ErrDamaged) {
			_ = os.Remove(path) // its filters are built when they are needed
		}
	}
	slices.SortStableFunc(found, func(a, b *filterFile) int { return len(b.gone) - len(a.gone) })
	named := make(map[string]*storedBlock, len(blocks))
	for _, b := range blocks {
		named[b.stem()] = b
	}
	s.placing.Lock()
	defer s.placing.Unlock()
	d.filters = slices.Clone(found) // which loses those of which nothing is left
	for _, f := range found {
		for slot, name := range f.head.Names {
			b := named[name]
			f.blocks[slot] = b
			switch {
			case b == nil || f.gone[slot]:
			case b.filter.Load() == nil:
				b.filter.Store(&filterPlace{f, slot})
			default:
				s.giveUpLocked(f, slot)
			}
		}
	}
}

// place tells that a block's filter is in a new file of its own.
func (s *Store) place(b *storedBlock, f *filterFile) {
	s.placing.Lock()
	defer s.placing.Unlock()
	f.blocks[0] = b
	d := f.day
	d.filters = slices.DeleteFunc(d.filters, func(old *filterFile) bool { return old.path == f.path })
	d.filters = append(d.filters, f)
	old := b.filter.Swap(&filterPlace{f, 0})
	if old != nil && old.file.path != f.path {
		s.giveUpLocked(old.file, old.slot)
	}
}

// forgetMissed gives up the filters of a day whose blocks are not there.
func (s *Store) forgetMissed(d *day) {
	s.placing.Lock()
	defer s.placing.Unlock()
	for _, f := range slices.Clone(d.filters) {
		for slot, name := range f.head.Names {
			if f.blocks[slot] != nil {
				continue
			}
			if _, err := os.Stat(filepath.Join(d.dir, name+block.Suffix)); os.IsNotExist(err) {
				s.giveUpLocked(f, slot)
			}
		}
	}
}

// dropFilter gives up the filter of a block that goes.
func (s *Store) dropFilter(b *storedBlock) error {
	s.placing.Lock()
	if old := b.filter.Swap(nil); old != nil {
		s.giveUpLocked(old.file, old.slot)
	}
	s.placing.Unlock()
	return removeFile(b.filterPath()) // also one that does not parse
}

// giveUpLocked marks the filter of a slot in its file, or deletes the file if
// it is the last one. If that fails, the next Open finds a filter of a block that
// is not there, or that has another one.
func (s *Store) giveUpLocked(f *filterFile, slot int) {
	if f.gone[slot] {
		return
	}
	f.gone[slot] = true
	if f.kept--; f.kept == 0 {
		f.day.filters = slices.DeleteFunc(f.day.filters, func(other *filterFile) bool { return other == f })
		_ = os.Remove(f.path)
		return
	}
	file, err := os.OpenFile(f.path, os.O_WRONLY, 0)
	if err != nil {
		return
	}
	_, _ = file.WriteAt([]byte{1}, f.head.GoneAt(slot))
	_ = file.Close()
	f.dirty = true
}

// syncFilters makes durable that filters of a day were given up: a power cut that
// takes the block but not the mark would leave a filter that tells of a lost one.
func (s *Store) syncFilters(d *day) {
	s.placing.Lock()
	var paths []string
	for _, f := range d.filters {
		if f.dirty {
			paths, f.dirty = append(paths, f.path), false
		}
	}
	s.placing.Unlock()
	for _, path := range paths {
		if file, err := s.cfg.openToSync(path); err == nil { // else it was joined with others
			_ = file.Sync() // what stays a filter without a block is given up by a rebuild
			_ = file.Close()
		}
	}
}

// cachedChunk returns what decides about a hash in the filter of a block, and the
// slot in it. The chunk is nil if it is not in memory.
func (s *Store) cachedChunk(b *storedBlock, hash uint64) (chunk *filter.Chunk, slot int) {
	place := b.filter.Load()
	if place == nil {
		return nil, 0
	}
	return s.filters.get(place.file, hash), place.slot
}

// filterChunk returns what decides about a hash in the filter of a source's block,
// and the slot in it. The chunk is nil if it cannot be had.
func (s *Store) filterChunk(src *source, hash uint64) (chunk *filter.Chunk, slot int) {
	for {
		place := src.block.filter.Load()
		if place == nil {
			break
		}
		if chunk := s.filters.get(place.file, hash); chunk != nil {
			return chunk, place.slot
		}
		chunk, err := s.readChunk(place.file, hash)
		if err == nil {
			if chunk != nil {
				s.filters.put(place.file, hash, chunk)
			}
			return chunk, place.slot
		}
		if src.block.filter.Load() == place {
			break
		}
		// It was joined with others meanwhile.
	}
	return s.rebuildFilter(src, hash), 0
}

// readChunk is nil, without an error, if the file cannot be read now: that says
// nothing of what is in it.
func (s *Store) readChunk(f *filterFile, hash uint64) (*filter.Chunk, error) {
	number, offset, n := f.head.Chunk(hash)
	buffer := s.pages.Get().(*[]byte)
	defer s.pages.Put(buffer)
	var err error
	*buffer, err = files.ReadAt((*buffer)[:0], f.path, offset, n)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, err
	case err != nil:
		s.counters.indexErrors.Add(1)
		return nil, nil
	}
	return f.head.Parse(*buffer, number)
}

// rebuildFilter makes the filter of a block again that is missing or damaged, of
// several searches at once only one, and returns the chunk that decides about a
// hash, in slot 0. It is nil if the block is damaged.
func (s *Store) rebuildFilter(src *source, hash uint64) *filter.Chunk {
	s.rebuilding.Lock()
	defer s.rebuilding.Unlock()
	b := src.block
	if b.moved.Load() != nil {
		return nil
	}
	if place := b.filter.Load(); place != nil && place.file.path == b.filterPath() {
		if chunk, err := s.readChunk(place.file, hash); err == nil {
			return chunk
		}
	}
	columns, err := s.load(b)
	if err != nil {
		return nil
	}
	t := s.tokens.Get().(*tokens)
	defer s.tokens.Put(t)
	t.collect(columns.Message)
	f, err := s.writeFilter(src.day, b, t)
	if err != nil {
		s.counters.indexErrors.Add(1)
	} else {
		s.counters.rebuiltFilters.Add(1)
	}
	number, offset, n := f.head.Chunk(hash)
	chunk, err := f.head.Parse(t.file[offset:offset+int64(n)], number)
	if err != nil {
		return nil
	}
	return chunk
}

// writeFilter makes the filter of what t has collected of a block. With an error
// it has none; its bytes are in t.file also then.
func (s *Store) writeFilter(d *day, b *storedBlock, t *tokens) (*filterFile, error) {
	var head *filter.Head
	t.file, head = t.ids.Build().AppendTo(t.file[:0], b.stem())
	f := newFilterFile(d, b.filterPath(), head)
	temporary := f.path + ".tmp"
	if err := os.WriteFile(temporary, t.file, 0o640); err != nil {
		return f, errors.Join(err, os.Remove(temporary))
	}
	if err := os.Rename(temporary, f.path); err != nil {
		return f, err
	}
	s.place(b, f)
	return f, nil
}
