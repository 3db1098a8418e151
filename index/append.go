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
// outlive a crash of the process. It sets Seq, and Received and Instance where
// they are empty. It does not keep the slice, but its strings. After an error
// the entries without a Seq are dropped and counted; the next call tries again.
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
		return fmt.Errorf("append %d entries: %w", len(entries), err)
	}
	s.counters.appended.Add(uint64(len(entries)))
	if help {
		s.sealNext() // it has counted and logged its error
		s.inUse.Done()
	}
	return nil
}

// appendFrame does what must happen in one order for all: number, journal,
// heads, ring. If it says help, the caller owes a sealNext and inUse.Done.
func (s *Store) appendFrame(frame []byte, entries []Entry) (help bool, err error) {
	kept := make([]Entry, len(entries)) // for the heads and the ring
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
		entries[i].Seq = first + uint64(i)
		kept[i] = entries[i]
		e := &kept[i]
		s.addToHeadLocked(e, now)
		state := s.instanceLocked(e.Instance)
		state.keep(e)
		state.rate.add(now, 1)
	}
	s.ring.add(kept)
	if len(s.pending) >= pendingHelp && !now.Before(s.retrySeal) {
		s.inUse.Add(1)
		help = true
	}
	return help, nil
}
