package index

import (
	"slices"
	"time"

	"github.com/tagtail/tagtail/index/internal/block"
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
	sec := t.Unix()
	day := sec / secondsPerDay
	if sec%secondsPerDay < 0 {
		day--
	}
	return day
}

// head gathers the newest entries of an instance, column by column, as its
// block will have them. Store.mu guards it, but what a copy of its columns has
// never changes: a search reads that without. The strings lie in memory as
// their receiver has put them there.
type head struct {
	key        headKey
	columns    block.Columns
	severities uint8 // bit n: there is an entry of severity n
	minTime    int64 // of Received
	maxTime    int64
	begun      time.Time // when the first entry came
	sealing    bool      // a goroutine is writing its block
	failed     bool      // its block could not be written once
}

// newHead returns an empty head with room for so many entries.
func newHead(key headKey, now time.Time, room int) *head {
	return &head{key: key, begun: now, columns: block.NewColumns(key.instance, room)}
}

func (h *head) add(e *Entry) {
	received := e.Received.UnixNano()
	if h.len() == 0 {
		h.minTime, h.maxTime = received, received
	}
	h.minTime, h.maxTime = min(h.minTime, received), max(h.maxTime, received)
	h.severities |= 1 << (e.Severity & 7)
	appendEntry(&h.columns, e)
}

func (h *head) len() int { return len(h.columns.Seq) }

func (h *head) first() uint64 { return h.columns.Seq[0] }

func (h *head) last() uint64 { return h.columns.Seq[h.len()-1] }

func (h *head) bytes() int { return int(h.columns.TextBytes) }

// addToHeadLocked adds e to its head, and moves the head to the pending ones
// when it is full.
func (s *Store) addToHeadLocked(e *Entry, now time.Time) {
	key := keyOf(e)
	h := s.lastHead
	if h == nil || h.key != key {
		if h = s.heads[key]; h == nil {
			h = newHead(key, now, s.instanceLocked(key.instance).room)
			s.heads[key] = h
		}
		s.lastHead = h
	}
	h.add(e)
	if h.len() >= s.cfg.HeadEntries || h.bytes() >= s.cfg.HeadBytes {
		s.retireHeadLocked(h)
	}
}

// retireHeadLocked makes h wait for its block.
func (s *Store) retireHeadLocked(h *head) {
	delete(s.heads, h.key)
	if s.lastHead == h {
		s.lastHead = nil
	}
	s.instanceLocked(h.key.instance).room = h.len()
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
	return h.bytes() + h.len()*block.EntryBytes
}

// firstUnsealedLocked is the lowest Seq that is in no block yet.
func (s *Store) firstUnsealedLocked() uint64 {
	first := s.lastSeq + 1
	for _, h := range s.heads {
		first = min(first, h.first())
	}
	for _, h := range s.pending {
		first = min(first, h.first())
	}
	return first
}
