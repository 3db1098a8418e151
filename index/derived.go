package index

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"

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

// warmDays is how many of the newest days have their words read at the start: two
// weeks are what people look back. Each takes a fifth of a millisecond once the
// kernel has its files, and longer for who has to wait for the disk.
const warmDays = 16

// warmAtOnce leaves time for who asks meanwhile.
const warmAtOnce = 2

// warmUp opens the newest days' indexes of words before a search asks for them,
// which would wait.
func (s *Store) warmUp(ctx context.Context) {
	defer s.warmOnce.Do(func() { close(s.warm) })
	if s.begin() != nil {
		return
	}
	defer s.inUse.Done()
	defer s.leases.give(s.leases.take())
	type part struct {
		day    *day
		blocks []*storedBlock
	}
	var newest []part
	s.mu.Lock()
	for _, d := range s.days {
		if len(d.blocks) > 0 {
			newest = append(newest, part{d, slices.Clone(d.blocks)})
		}
	}
	s.mu.Unlock()
	slices.SortFunc(newest, func(a, b part) int { return cmp.Compare(b.day.number, a.day.number) })
	newest = newest[:min(len(newest), warmDays)]
	var next atomic.Int64
	var readers sync.WaitGroup
	for range warmAtOnce {
		readers.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(newest)) && s.stopped(ctx) == nil; i = next.Add(1) - 1 {
				s.warmDay(ctx, newest[i].day, newest[i].blocks)
			}
		})
	}
	readers.Wait()
}

func (s *Store) warmDay(ctx context.Context, d *day, blocks []*storedBlock) {
	words := s.openWords(d)
	if words == nil {
		return
	}
	s.completeWords(ctx, d, words, blocks)
	if err := words.ReadDictionary(); err != nil {
		s.reportIndex("read its words", d, err)
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
		if b.indexed.Load() == index || b.damaged.Load() || b.moved.Load() != nil {
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
