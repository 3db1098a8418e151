package index

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/tagtail/tagtail/index/internal/blockindex"
)

const (
	// keepInterval is how often blocks are expired and merged, and keepFirst when
	// that is done first: also a process that is often started again comes to it.
	keepInterval = time.Minute
	keepFirst    = 5 * time.Second
	// optimiseTries is how often the word index of a day that is over is
	// optimised, if bleve does not come to one segment.
	optimiseTries = 3
	// optimiseWithin bounds one try: bleve goes on trying on a full disk, which
	// only expiry may free.
	optimiseWithin = time.Minute
)

// runKeeper looks after the blocks that are there.
func (s *Store) runKeeper(ctx context.Context) {
	var wg sync.WaitGroup
	defer wg.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	wg.Go(func() {
		select {
		case <-ctx.Done():
		case <-s.done:
			cancel()
		}
	})
	timer := time.NewTimer(keepFirst)
	defer timer.Stop()
	for ; ; timer.Reset(keepInterval) {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		if err := s.keep(ctx); err != nil && s.stopped(ctx) == nil {
			s.counters.keepErrors.Add(1)
			if s.keepReport.allow(s.cfg.now()) {
				s.cfg.Logger.Error("blocks cannot be expired or merged: trying again", slog.Any("err", err))
			}
		}
	}
}

// keep lets go of what is too old or too much, merges small blocks, and
// optimises the word indexes of days that are over.
func (s *Store) keep(ctx context.Context) error {
	if err := s.begin(); err != nil {
		return err
	}
	defer s.inUse.Done()
	err := s.whileLocked(ctx, func() error {
		s.bury()
		return s.expire(ctx)
	})
	// Day by day: after an import of many there is work on each, and its next batch,
	// or a purge, waits for one of them only.
	for _, d := range s.allDays() {
		if stop := s.stopped(ctx); stop != nil {
			return stop
		}
		err = errors.Join(err, s.whileLocked(ctx, func() error { return s.tidy(ctx, d) }))
	}
	return errors.Join(err, s.whileLocked(ctx, func() error {
		s.bury()
		s.indexes.Trim()
		return nil
	}))
}

// whileLocked does something while nobody else removes or replaces blocks.
func (s *Store) whileLocked(ctx context.Context, do func() error) error {
	if err := s.lockBlocks(ctx); err != nil {
		return err
	}
	defer s.unlockBlocks()
	return do()
}

// lockBlocks waits until nobody else removes or replaces blocks. New ones still
// come.
func (s *Store) lockBlocks(ctx context.Context) error {
	select {
	case s.keeping <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-s.done:
		return ErrClosed
	}
}

func (s *Store) unlockBlocks() { <-s.keeping }

// allDays lists the days, oldest first.
func (s *Store) allDays() []*day {
	s.mu.Lock()
	defer s.mu.Unlock()
	days := make([]*day, 0, len(s.days))
	for _, d := range s.days {
		days = append(days, d)
	}
	slices.SortFunc(days, func(a, b *day) int { return cmp.Compare(a.number, b.number) })
	return days
}

// tidy merges the small blocks of a day, and optimises its word index once the
// day is over.
func (s *Store) tidy(ctx context.Context, d *day) error {
	over := d.number < dayNumber(s.cfg.now())
	s.mu.Lock()
	blocks := len(d.blocks)
	s.mu.Unlock()
	if over && d.settled == blocks {
		return nil
	}
	runs := s.mergeRuns(d, over)
	for _, run := range runs {
		if err := s.stopped(ctx); err != nil {
			return err
		}
		if err := s.merge(d, run); err != nil {
			return err
		}
	}
	if err := s.joinFilters(ctx, d, over); err != nil {
		return fmt.Errorf("join filters: %w", err)
	}
	if !over || len(runs) > 0 {
		return nil // the word index of the merged ones is not written yet
	}
	done, err := s.optimise(ctx, d)
	if done {
		d.settled, d.tries = blocks, 0
	}
	return err
}

// optimise makes the word index of a day one segment, in a while. It tells
// whether there is nothing more to do.
func (s *Store) optimise(ctx context.Context, d *day) (done bool, err error) {
	d.mu.Lock()
	open := d.words
	d.mu.Unlock()
	if open != nil && !open.Written() {
		return false, nil
	}
	segments := blockindex.Segments(filepath.Join(d.dir, blockindex.Folder))
	if segments == 0 {
		return true, nil // a search that needs it builds it
	}
	words := s.openWords(d)
	if words == nil {
		return true, nil
	}
	if segments == 1 {
		words.Rest()
		return true, nil
	}
	ctx, cancel := context.WithTimeout(ctx, optimiseWithin)
	defer cancel()
	begun, err := words.Optimise(ctx)
	if begun {
		d.tries++
	}
	return d.tries >= optimiseTries, err
}
