package index

import (
	"slices"
	"time"
	"unsafe"
)

// headKey is what the entries of a head, and of the block that it becomes,
// have in common. Within one key, blocks and the head are runs of Seq that do
// not overlap: this is how a replay knows what is in a block already.
type headKey struct {
	instance string
	day      int64 // of Received, in UTC, since 1970
}

func keyOf(e *Entry) headKey { return headKey{e.Instance, dayNumber(e.Received)} }

func dayNumber(t time.Time) int64 {
	const secondsPerDay = 24 * 60 * 60
	sec := t.Unix()
	day := sec / secondsPerDay
	if sec%secondsPerDay < 0 {
		day--
	}
	return day
}

// head gathers the newest entries of an instance. Store.mu guards it, but the
// entries in it are never changed: a slice of them may be read without. They
// lie in memory as their Append has copied them, and are shared with the ring.
type head struct {
	key        headKey
	entries    []*Entry // ascending by Seq
	bytes      int
	severities uint8 // bit n: there is an entry of severity n
	minTime    int64 // of Received
	maxTime    int64
	begun      time.Time // when the first entry came
	sealing    bool      // a goroutine is writing its block
	failed     bool      // its block could not be written once
}

func (h *head) add(e *Entry) {
	received := e.Received.UnixNano()
	if len(h.entries) == 0 {
		h.minTime, h.maxTime = received, received
	}
	h.minTime, h.maxTime = min(h.minTime, received), max(h.maxTime, received)
	h.entries = append(h.entries, e)
	h.bytes += int(textBytes(e))
	h.severities |= 1 << (e.Severity & 7)
}

// addToHeadLocked puts e, which it keeps, into its head, and moves the head to the pending ones
// when it is full.
func (s *Store) addToHeadLocked(e *Entry, now time.Time) {
	key := keyOf(e)
	h := s.lastHead
	if h == nil || h.key != key {
		if h = s.heads[key]; h == nil {
			h = &head{key: key, begun: now}
			s.heads[key] = h
		}
		s.lastHead = h
	}
	h.add(e)
	if len(h.entries) >= s.cfg.HeadEntries || h.bytes >= s.cfg.HeadBytes {
		s.retireHeadLocked(h)
	}
}

// retireHeadLocked makes h wait for its block.
func (s *Store) retireHeadLocked(h *head) {
	delete(s.heads, h.key)
	if s.lastHead == h {
		s.lastHead = nil
	}
	s.pending = append(s.pending, h)
	select {
	case s.sealWake <- struct{}{}:
	default:
	}
}

// retireOldLocked retires the heads that began before the moment.
func (s *Store) retireOldLocked(before time.Time) {
	for _, h := range s.heads {
		if h.begun.Before(before) {
			s.retireHeadLocked(h)
		}
	}
}

// retireLargeLocked retires the largest heads while all of them together take
// more than the budget: many instances must not fill the memory.
func (s *Store) retireLargeLocked() {
	total := 0
	var heads []*head
	for _, h := range s.heads {
		total += h.memory()
		heads = append(heads, h)
	}
	if total <= s.cfg.HeadsBytes {
		return
	}
	slices.SortFunc(heads, func(a, b *head) int { return b.memory() - a.memory() })
	for _, h := range heads {
		if total <= s.cfg.HeadsBytes {
			return
		}
		total -= h.memory()
		s.retireHeadLocked(h)
	}
}

// memory is about what the head takes.
func (h *head) memory() int {
	return h.bytes + len(h.entries)*int(unsafe.Sizeof(Entry{})+unsafe.Sizeof(&Entry{}))
}

// firstUnsealedLocked is the lowest Seq that is in no block yet.
func (s *Store) firstUnsealedLocked() uint64 {
	first := s.lastSeq + 1
	for _, h := range s.heads {
		first = min(first, h.entries[0].Seq)
	}
	for _, h := range s.pending {
		first = min(first, h.entries[0].Seq)
	}
	return first
}
