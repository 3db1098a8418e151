package index

import (
	"errors"
	"fmt"

	"github.com/tagtail/tagtail/index/internal/journal"
)

const (
	// pendingHelp is how many heads may wait for their blocks before Append
	// writes some itself: it is what makes senders wait for the disk.
	pendingHelp = 8
	// pendingMost is how many may wait when blocks cannot be written: past
	// that Append drops, to bound memory.
	pendingMost = 64
	// recordBytes is about how large a frame of the journal may be.
	recordBytes = 32 << 20
	// frameKeep is how large a buffer may be to be used again.
	frameKeep = 1 << 20
)

// errBacklog is why Append drops while blocks cannot be written.
var errBacklog = errors.New("too many entries wait for blocks that cannot be written")

// Append keeps the entries: when it returns, they are found, followed and
// outlive a crash of the process; with BatchSync a power cut as well. It sets
// Seq, and Received and Instance where they are empty. It does not keep the
// slice, but its strings. After an error the entries without a Seq are dropped
// and counted; the next call tries again. Those with a Seq are kept like all
// others, so nobody should append them again: with BatchSync the error tells
// that they were not on the disk yet, since neither the journal could be synced
// nor their block be written, which is tried again until it is possible.
func (s *Store) Append(entries []Entry) error {
	if len(entries) == 0 {
		return nil
	}
	now := s.cfg.now().UTC()
	for i := range entries {
		if entries[i].Received.IsZero() {
			entries[i].Received = now
		}
		// Without the monotonic reading, which would make an entry in a head
		// compare otherwise than in its block.
		entries[i].Received = entries[i].Received.Round(0)
		if entries[i].Instance == "" {
			entries[i].Instance = Unassigned
		}
		// A PRI has no other; headers count eight.
		entries[i].Severity &= Debug
	}
	buffer := s.frames.Get().(*[]byte)
	defer func() {
		if cap(*buffer) <= frameKeep {
			s.frames.Put(buffer)
		}
	}()
	frame := append((*buffer)[:0], make([]byte, journal.HeaderBytes)...)
	frame = appendRecord(frame, entries)
	*buffer = frame
	if len(frame) > recordBytes && len(entries) > 1 {
		half := len(entries) / 2
		return errors.Join(s.Append(entries[:half]), s.Append(entries[half:]))
	}
	help, err := s.appendFrame(frame, entries)
	if err != nil {
		for i := range entries {
			entries[i].Seq = 0
		}
		s.counters.dropped.Add(uint64(len(entries)))
		s.trouble.failed(len(entries), err, now)
		return fmt.Errorf("append %d entries: %w", len(entries), err)
	}
	defer s.inUse.Done()
	s.counters.appended.Add(uint64(len(entries)))
	s.trouble.passed()
	if help {
		s.sealNext() // it has counted and logged its error
	}
	if s.cfg.Sync != BatchSync {
		return nil
	}
	if err := s.syncFrom(entries[0].Seq); err != nil {
		return fmt.Errorf("sync %d entries, which are kept: %w", len(entries), err)
	}
	return nil
}

// appendFrame does what must happen in one order for all: number, journal,
// heads, ring. Without an error the caller owes an inUse.Done and, if it says
// help, a sealNext before.
func (s *Store) appendFrame(frame []byte, entries []Entry) (help bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false, ErrClosed
	}
	now := s.cfg.now()
	if len(s.pending) >= pendingMost && now.Before(s.retrySeal) {
		return false, errBacklog
	}
	first := s.lastSeq + 1
	// After an error the numbers are not used again: a part of the frame may
	// be on the disk.
	s.lastSeq += uint64(len(entries))
	if err := s.journal.Append(frame, first, s.lastSeq); err != nil {
		return false, err
	}
	for i := range entries {
		e := &entries[i]
		e.Seq = first + uint64(i)
		s.addToHeadLocked(e, now)
		state := s.instanceLocked(e.Instance)
		state.keep(e)
		state.rate.add(now, 1)
	}
	s.ring.add(entries)
	if len(s.pending) >= pendingHelp && !now.Before(s.retrySeal) {
		help = true
	}
	s.inUse.Add(1)
	return help, nil
}
