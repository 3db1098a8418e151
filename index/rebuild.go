package index

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/tagtail/tagtail/index/internal/block"
	"github.com/tagtail/tagtail/index/internal/blockindex"
	"github.com/tagtail/tagtail/index/internal/files"
	"github.com/tagtail/tagtail/index/internal/filter"
)

// Rebuild makes filters and word indexes again from the blocks. The store goes
// on meanwhile; searches of the day in question are slower.
func (s *Store) Rebuild(ctx context.Context, progress func(Progress)) error {
	if err := s.begin(); err != nil {
		return err
	}
	defer s.inUse.Done()
	if progress == nil {
		progress = func(Progress) {}
	}
	done := Progress{Total: s.Stats().Blocks}
	for _, d := range s.allDays() {
		err := s.rebuildDay(ctx, d, func() {
			done.Done++
			done.Total = max(done.Total, done.Done)
			progress(done)
		})
		if err != nil {
			return fmt.Errorf("rebuild index of %s: %w", filepath.Base(d.dir), err)
		}
	}
	return nil
}

// Rebuild does so in cfg.Dir, which nobody has open: else the error is
// ErrLocked.
func Rebuild(ctx context.Context, cfg Config, progress func(Progress)) error {
	if _, err := os.Stat(cfg.Dir); err != nil {
		return fmt.Errorf("there is no store in %s: %w", cfg.Dir, err)
	}
	s, err := Open(cfg)
	if err != nil {
		return err
	}
	return errors.Join(s.Rebuild(ctx, progress), s.Close())
}

func (s *Store) rebuildDay(ctx context.Context, d *day, step func()) error {
	if err := s.lockBlocks(ctx); err != nil {
		return err
	}
	defer s.unlockBlocks()
	return s.rebuildDayLocked(ctx, d, step)
}

// rebuildDayLocked is for who has locked the blocks.
func (s *Store) rebuildDayLocked(ctx context.Context, d *day, step func()) error {
	if err := s.forgetWords(ctx, d); err != nil {
		return err
	}
	s.mu.Lock()
	blocks := slices.Clone(d.blocks)
	s.mu.Unlock()
	words := s.openWords(d)
	if words == nil {
		return errors.New("the word index cannot be opened: the log says why")
	}
	for _, b := range blocks {
		if err := s.stopped(ctx); err != nil {
			return err
		}
		if err := s.rebuildBlock(words, d, b); err != nil {
			return err
		}
		step()
	}
	if err := s.joinFilters(ctx, d, d.number < dayNumber(s.cfg.now())); err != nil {
		return fmt.Errorf("join filters: %w", err)
	}
	return s.flushWords(ctx, words)
}

// flushWords waits until the word index is written. On a full disk bleve goes on
// trying, which only the keeper may end: it must not wait for this.
func (s *Store) flushWords(ctx context.Context, words *blockindex.Index) error {
	deadline := time.Now().Add(s.cfg.flushWithin)
	return words.Flush(func() error {
		if time.Now().After(deadline) {
			return fmt.Errorf("the word index is not written after %v: see that the disk has room, then rebuild again", s.cfg.flushWithin)
		}
		return s.stopped(ctx)
	})
}

// forgetWords deletes the word index of a day, and filters without a block.
// Searches that use it look through all blocks.
func (s *Store) forgetWords(ctx context.Context, d *day) error {
	select {
	case d.completing <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	case <-s.done:
		return ErrClosed
	}
	defer func() { <-d.completing }()
	d.complete, d.settled = false, 0 // that a block is in the old index says nothing of the next
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.words != nil {
		_ = d.words.Close() // what it has is deleted
		d.words = nil
	}
	s.forgetMissed(d)
	for _, path := range files.Glob(d.dir, "*"+filter.Suffix) {
		if _, err := os.Stat(strings.TrimSuffix(path, filter.Suffix) + block.Suffix); os.IsNotExist(err) {
			if err := removeFile(path); err != nil {
				return err
			}
		}
	}
	return os.RemoveAll(filepath.Join(d.dir, blockindex.Folder))
}

// rebuildBlock writes what is derived from a block, if that can be read.
func (s *Store) rebuildBlock(words *blockindex.Index, d *day, b *storedBlock) error {
	columns, err := s.load(b)
	if err != nil {
		return nil // load has reported it
	}
	t := s.tokens.Get().(*tokens)
	defer s.tokens.Put(t)
	t.collect(columns.Message)
	if _, err := s.writeFilter(d, b, t); err != nil {
		return fmt.Errorf("write filter: %w", err)
	}
	s.counters.rebuiltFilters.Add(1)
	if err := addWords(words, b, t); err != nil {
		return err
	}
	s.counters.rebuiltDoc.Add(1)
	return nil
}
