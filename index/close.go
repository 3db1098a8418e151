package index

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"
)

// Close ends followers and searches, waits for other calls, makes everything
// durable and gives the folder up. What is in heads goes to blocks, so that the
// next Open has nothing to replay. What takes too long, or cannot be written,
// stays in the journal if that could be synced, and is an error if not. It may
// be called again.
func (s *Store) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	close(s.done)
	s.mu.Unlock()
	s.inUse.Wait()

	// First: whoever has no patience with a block loses nothing.
	_ = s.sync(context.Background(), 0) // it is counted and logged, and Close of the journal says it again
	s.sealRest()
	s.bury()
	s.settleWords()
	err := s.journal.Close()
	clean := err == nil
	for _, d := range s.days {
		err = errors.Join(err, d.close())
	}
	if err = errors.Join(err, s.lock.release(clean)); err != nil {
		return fmt.Errorf("close data folder %s: %w", s.cfg.Dir, err)
	}
	return nil
}

// sealRest tries every head once, the oldest first, as long as Close may take.
// Those that the journal may have lost are tried in any case. Nobody else seals.
func (s *Store) sealRest() {
	unsynced := s.journal.Unsynced()
	deadline := time.Now().Add(s.cfg.sealWithin)
	s.mu.Lock()
	for _, h := range s.heads {
		s.retireHeadLocked(h)
	}
	heads := slices.Clone(s.pending)
	s.mu.Unlock()
	slices.SortFunc(heads, func(a, b *head) int { return cmp.Compare(a.first(), b.first()) })
	for _, h := range heads {
		if h.first() > unsynced && time.Now().After(deadline) {
			continue
		}
		s.mu.Lock()
		d := s.dayLocked(h.key.day)
		s.mu.Unlock()
		if err := s.seal(h, d); err != nil {
			s.sealFailed(h, err)
		}
	}
	s.mu.Lock()
	left := len(s.pending)
	s.mu.Unlock()
	if left > 0 {
		s.cfg.Logger.Info("entries stay in the journal until the next start", slog.Int("blocks", left))
		return
	}
	if err := s.leaveSegments(); err != nil {
		s.cfg.Logger.Warn("journal segment stays", slog.Any("err", err))
	}
}

// leaveSegments ends a journal of which nothing is needed any more.
func (s *Store) leaveSegments() error {
	next := s.LastSeq() + 1
	if err := s.journal.Turn(next); err != nil {
		return err
	}
	// The name of the new segment keeps the highest number.
	if err := s.journal.SyncFrom(context.Background(), next); err != nil {
		return err
	}
	return s.journal.Remove(next)
}

// settleWords waits a little for bleve: what it has not written is lost by
// closing, and added again by a search after the next start.
func (s *Store) settleWords() {
	deadline := time.Now().Add(s.cfg.wordsWithin)
	for _, d := range s.allDays() {
		d.mu.Lock()
		words := d.words
		d.mu.Unlock()
		if words == nil {
			continue
		}
		err := words.Flush(func() error {
			if time.Now().After(deadline) {
				return context.DeadlineExceeded
			}
			return nil
		})
		if err != nil {
			return
		}
	}
}
