package index

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"

	"github.com/tagtail/tagtail/index/internal/blockindex"
)

// openWords returns the day's index of words. It is nil if the index cannot be
// had; trouble is logged.
func (s *Store) openWords(d *day) *blockindex.Index {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed || d.words != nil {
		return d.words
	}
	dir := filepath.Join(d.dir, blockindex.Folder)
	words, err := s.indexes.Open(dir)
	if err != nil {
		s.reportIndex("build it again", d, err)
		if err = os.RemoveAll(dir); err == nil {
			words, err = s.indexes.Open(dir)
		}
	}
	if err != nil {
		s.reportIndex("open it", d, err)
		return nil
	}
	d.words = words
	if d.older {
		if err := blockindex.RemoveOlder(dir); err != nil {
			s.reportIndex("tidy up", d, err)
		}
		d.older = false
	}
	return words
}

// readNewestWords opens the newest day's index of words before a search asks for
// it, which would wait.
func (s *Store) readNewestWords(ctx context.Context) {
	defer s.warmOnce.Do(func() { close(s.warm) })
	if s.begin() != nil {
		return
	}
	defer s.inUse.Done()
	defer s.leases.give(s.leases.take())
	var newest *day
	var blocks []*storedBlock
	s.mu.Lock()
	for _, d := range s.days {
		if len(d.blocks) > 0 && (newest == nil || d.number > newest.number) {
			newest = d
		}
	}
	if newest != nil {
		blocks = slices.Clone(newest.blocks)
	}
	s.mu.Unlock()
	if newest == nil {
		return
	}
	if words := s.openWords(newest); words != nil {
		s.completeWords(ctx, newest, words, blocks)
		if err := words.ReadDictionary(); err != nil {
			s.reportIndex("read its words", newest, err)
		}
	}
}

// Warm is closed when Run has opened what searches ask first. Nobody has to wait
// for it; whoever does gets the first answer sooner.
func (s *Store) Warm() <-chan struct{} { return s.warm }

// completeWords sees to it once that all blocks of the day are in its index, as
// far as ctx and the store's end let it: a block that is not in it is looked
// through. Only searches wait for it: a block is indexed as it is sealed.
func (s *Store) completeWords(ctx context.Context, d *day, index *blockindex.Index, blocks []*storedBlock) {
	select {
	case d.completing <- struct{}{}:
	case <-ctx.Done():
		return
	case <-s.done:
		return
	}
	defer func() { <-d.completing }()
	if d.complete {
		return
	}
	if err := s.addMissing(ctx, index, blocks); err != nil {
		s.reportIndex("complete it", d, err)
		return
	}
	d.complete = true
}

// addMissing adds the blocks that are not in the index.
func (s *Store) addMissing(ctx context.Context, index *blockindex.Index, blocks []*storedBlock) error {
	ids, err := index.IDs()
	if err != nil {
		return err
	}
	marked, err := index.Marked()
	if err != nil {
		return err
	}
	for _, b := range blocks {
		if b.indexed.Load() == index || b.damaged.Load() {
			continue
		}
		if ids[b.id()] {
			b.marks.Store(uint32(marked[b.id()]))
			b.indexed.Store(index)
			continue
		}
		if err := s.stopped(ctx); err != nil {
			return err
		}
		if err := s.addBlock(index, b); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) addBlock(index *blockindex.Index, b *storedBlock) error {
	columns, err := s.load(b)
	if err != nil {
		return nil // it is reported, and has nothing that can be found
	}
	t := s.tokens.Get().(*tokens)
	defer s.tokens.Put(t)
	t.collect(columns.Message)
	if err := addWords(index, b, t); err != nil {
		return err
	}
	s.counters.rebuiltDoc.Add(1)
	return nil
}

func addWords(index *blockindex.Index, b *storedBlock, t *tokens) error {
	if err := index.Add(b.id(), t.words.list, t.marks()); err != nil {
		return err
	}
	b.marks.Store(uint32(t.marks()))
	b.indexed.Store(index)
	return nil
}

func (s *Store) reportIndex(doing string, d *day, err error) {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, ErrClosed) {
		return
	}
	s.counters.indexErrors.Add(1)
	if !s.indexReport.allow(s.cfg.now()) {
		return
	}
	s.cfg.Logger.Warn("word index has trouble", slog.String("doing", doing), slog.String("day", filepath.Base(d.dir)), slog.Any("err", err))
}
