package index

import (
	"sync"
	"sync/atomic"
	"time"
)

// counters are what Stats shows.
type counters struct {
	appended, dropped                        atomic.Uint64
	damagedFrames, damagedBlocks             atomic.Uint64
	sealErrors, syncErrors, indexErrors      atomic.Uint64
	sealedBlocks, rebuiltFilters, rebuiltDoc atomic.Uint64
	mergedBlocks, keepErrors                 atomic.Uint64
	expiredBlocks, expiredEntries            atomic.Uint64
	expiredBytes                             atomic.Uint64
	importedEntries                          atomic.Uint64
}

// Stats are counts since Open, and sizes.
type Stats struct {
	// Appended entries were kept, Dropped ones could not be written.
	Appended, Dropped uint64
	// Imported entries were kept under their own times.
	Imported uint64
	// DamagedFrames and DamagedBlocks were skipped; the log says where.
	DamagedFrames, DamagedBlocks uint64
	// SealErrors, SyncErrors and IndexErrors are failed tries to write a
	// block, sync the journal and keep the word index.
	SealErrors, SyncErrors, IndexErrors uint64
	// SealedBlocks were written; RebuiltFilters and RebuiltDocuments are
	// derived data that was missing or damaged and is there again.
	SealedBlocks, RebuiltFilters, RebuiltDocuments uint64

	// MergedBlocks became part of larger ones. ExpiredBlocks, with so many
	// entries and bytes, were let go of as the Config says. KeepErrors are
	// failed tries to do either.
	MergedBlocks, ExpiredBlocks, ExpiredEntries, ExpiredBytes, KeepErrors uint64

	// Blocks and BlockBytes are all blocks' number and size; Heads and
	// Pending are runs of entries in memory, growing and full.
	Blocks         int
	BlockBytes     int64
	Heads, Pending int
	// JournalBytes and JournalSegments are the size of the journal.
	JournalBytes    int64
	JournalSegments int
}

// Stats returns what the store has done and has.
func (s *Store) Stats() Stats {
	c := &s.counters
	stats := Stats{
		Appended: c.appended.Load(), Dropped: c.dropped.Load(), Imported: c.importedEntries.Load(),
		DamagedFrames: c.damagedFrames.Load(), DamagedBlocks: c.damagedBlocks.Load(),
		SealErrors: c.sealErrors.Load(), SyncErrors: c.syncErrors.Load(), IndexErrors: c.indexErrors.Load(),
		SealedBlocks: c.sealedBlocks.Load(), RebuiltFilters: c.rebuiltFilters.Load(), RebuiltDocuments: c.rebuiltDoc.Load(),
		MergedBlocks: c.mergedBlocks.Load(), KeepErrors: c.keepErrors.Load(),
		ExpiredBlocks: c.expiredBlocks.Load(), ExpiredEntries: c.expiredEntries.Load(), ExpiredBytes: c.expiredBytes.Load(),
	}
	stats.JournalBytes, stats.JournalSegments = s.journal.Size()
	s.mu.Lock()
	defer s.mu.Unlock()
	stats.Heads, stats.Pending = len(s.heads), len(s.pending)
	for _, d := range s.days {
		for _, b := range d.blocks {
			stats.Blocks++
			stats.BlockBytes += b.size
		}
	}
	return stats
}

// reportInterval bounds how often trouble of one kind is logged.
const reportInterval = 10 * time.Second

// throttle allows one report in an interval.
type throttle struct {
	mu   sync.Mutex
	last time.Time
}

func (t *throttle) allow(now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.last.IsZero() && now.Sub(t.last) < reportInterval {
		return false
	}
	t.last = now
	return true
}
