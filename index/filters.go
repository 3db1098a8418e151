package index

import (
	"errors"
	"io/fs"
	"os"

	"github.com/tagtail/tagtail/index/internal/files"
	"github.com/tagtail/tagtail/index/internal/filter"
)

// mayContain tells whether the block's ids may have one with that hash.
func (s *Store) mayContain(b *storedBlock, hash uint64) bool {
	page := s.filterPage(b, hash)
	return page == nil || page.MayContain(hash)
}

// filterPage returns the page of the block's filter that decides about a hash,
// nil if it cannot be had.
func (s *Store) filterPage(b *storedBlock, hash uint64) *filter.Page {
	if page := s.filters.get(b, hash); page != nil {
		return page
	}
	page, err := s.readPage(b, hash)
	if err != nil {
		page = s.rebuildFilter(b, hash)
	}
	if page != nil {
		s.filters.put(b, hash, page)
	}
	return page
}

// readPage is nil, without an error, if the file cannot be read now: that says
// nothing of what is in it.
func (s *Store) readPage(b *storedBlock, hash uint64) (*filter.Page, error) {
	size := b.filterBytes.Load()
	number, offset, n := filter.PageOf(hash, size)
	buffer := s.pages.Get().(*[]byte)
	defer s.pages.Put(buffer)
	var err error
	*buffer, err = files.ReadAt((*buffer)[:0], b.filterPath(), offset, n)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, err
	case err != nil:
		s.counters.indexErrors.Add(1)
		return nil, nil
	}
	return filter.ParsePage(*buffer, number, size)
}

// rebuildFilter makes the filter of a block again that is missing or damaged, of
// several searches at once only one, and returns the page that decides about a
// hash. It is nil if the block is damaged.
func (s *Store) rebuildFilter(b *storedBlock, hash uint64) *filter.Page {
	s.rebuilding.Lock()
	defer s.rebuilding.Unlock()
	if page, err := s.readPage(b, hash); err == nil {
		return page
	}
	columns, err := s.load(b)
	if err != nil {
		return nil
	}
	t := s.tokens.Get().(*tokens)
	defer s.tokens.Put(t)
	t.collect(columns.Message)
	if err := s.writeFilter(b, t); err != nil {
		s.counters.indexErrors.Add(1)
	} else {
		s.counters.rebuiltFilters.Add(1)
	}
	size := int64(len(t.file))
	number, offset, n := filter.PageOf(hash, size)
	page, err := filter.ParsePage(t.file[offset:offset+int64(n)], number, size)
	if err != nil {
		return nil
	}
	return page
}

// writeFilter makes the filter of what t has collected, and leaves it in t.file
// also if it could not be written.
func (s *Store) writeFilter(b *storedBlock, t *tokens) error {
	t.file = t.ids.Build().AppendTo(t.file[:0])
	temporary := b.filterPath() + ".tmp"
	if err := os.WriteFile(temporary, t.file, 0o640); err != nil {
		return errors.Join(err, os.Remove(temporary))
	}
	if err := os.Rename(temporary, b.filterPath()); err != nil {
		return err
	}
	b.filterBytes.Store(int64(len(t.file)))
	return nil
}
