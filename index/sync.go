package index

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/tagtail/tagtail/index/internal/journal"
)

// SyncMode is what a Store does, beside Sync and Close, so that entries outlive
// a power cut. A crash of the process costs nothing in any mode.
type SyncMode uint8

// The modes, as Config.Sync has them.
const (
	// IntervalSync syncs the journal once each Config.SyncInterval.
	IntervalSync SyncMode = iota
	// BatchSync makes Append wait until its entries are on the disk. Callers at
	// the same time share the work.
	BatchSync
	// NoSync leaves the journal to the kernel, which writes it back in half a
	// minute or so. Blocks are synced all the same.
	NoSync
)

var syncModeNames = [...]string{IntervalSync: "interval", BatchSync: "batch", NoSync: "none"}

// String is the word that ParseSyncMode reads.
func (m SyncMode) String() string { return keyword(syncModeNames[:], int(m)) }

// ParseSyncMode reads interval, batch or none; "" is interval.
func ParseSyncMode(text string) (SyncMode, error) {
	if text == "" {
		return IntervalSync, nil
	}
	i := slices.Index(syncModeNames[:], text)
	if i < 0 {
		return 0, fmt.Errorf("sync %q is not possible: give %s", text, strings.Join(syncModeNames[:], ", "))
	}
	return SyncMode(i), nil
}

// unsyncedSegments is how many finished segments may wait for a sync with
// NoSync: each keeps a file open.
const unsyncedSegments = 64

func (s *Store) runSyncer(ctx context.Context) {
	ticker := time.NewTicker(s.cfg.SyncInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.done:
			return
		case <-ticker.C:
		}
		if s.cfg.Sync == NoSync && s.journal.Waiting() <= unsyncedSegments {
			continue
		}
		_ = s.sync(ctx, 0) // it is counted and logged
	}
}

// Sync returns when everything that was appended before the call outlives a
// power cut. Callers at the same time share the work. After an error it goes on
// to return one until all that the journal may have lost is in blocks.
func (s *Store) Sync(ctx context.Context) error {
	if err := s.begin(); err != nil {
		return err
	}
	defer s.inUse.Done()
	return s.sync(ctx, 0)
}

// sync makes the journal durable, as far as it has numbers from first on. After
// an error, what the journal may have lost goes to blocks.
func (s *Store) sync(ctx context.Context, first uint64) error {
	err := s.journal.SyncFrom(ctx, first)
	if err == nil || ctx.Err() != nil || errors.Is(err, journal.ErrClosed) {
		return err
	}
	s.counters.syncErrors.Add(1)
	if s.syncReport.allow(s.cfg.now()) {
		s.cfg.Logger.Error("journal could not be synced", slog.Any("err", err))
	}
	// Only these: while the error lasts, what came since is synced elsewhere
	// and need not become small blocks.
	unsynced := s.journal.Unsynced()
	s.mu.Lock()
	for _, h := range s.heads {
		if h.first() <= unsynced {
			s.retireHeadLocked(h)
		}
	}
	before := s.firstUnsealedLocked()
	s.mu.Unlock()
	if e := s.journal.Remove(before); e != nil { // it may all be in blocks already
		s.cfg.Logger.Warn("journal segment stays", slog.Any("err", e))
	}
	return err
}

// syncFrom returns when the entries from the Seq on are durable: in the journal,
// or in blocks if the journal cannot be synced.
func (s *Store) syncFrom(first uint64) error {
	ctx := context.Background() // an fsync cannot be cut short
	if s.sync(ctx, first) == nil {
		return nil
	}
	for s.sealNext() { // it counts and logs its error
	}
	if err := s.journal.Remove(s.awaitSealing(first)); err != nil {
		s.cfg.Logger.Warn("journal segment stays", slog.Any("err", err))
	}
	return s.journal.SyncFrom(ctx, first)
}

// awaitSealing waits for the blocks with entries from the Seq on that others are
// writing, and returns the lowest Seq that is in no block.
func (s *Store) awaitSealing(first uint64) uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	for slices.ContainsFunc(s.pending, func(h *head) bool { return h.sealing && h.last() >= first }) {
		s.sealEnd.Wait()
	}
	return s.firstUnsealedLocked()
}
