package ingest

import (
	"context"
	"encoding/binary"
	"hash/maphash"
	"slices"
	"sync"

	"github.com/tagtail/tagtail/index"
)

// Recaller is implemented by a Syncer that can tell what it has stored. With
// it, messages that a RELP client sends again after a crash, because it did
// not get their acknowledgement, are not stored twice.
type Recaller interface {
	// Recall returns the newest entries that came through an input from a
	// source (Entry.Input, Entry.Source), at most limit, oldest first.
	Recall(ctx context.Context, input, source string, limit int) ([]index.Entry, error)
}

const (
	// recalledEntries is how many of a source's newest entries are asked of
	// the store: what several sessions of rsyslog can have sent without an
	// answer when we were killed, a batch of 1,024 each and a window of 128.
	recalledEntries = 4096
	// recentEntries is how many of those stored since are remembered.
	recentEntries = 1024
	// maxTails bounds the sources that are remembered.
	maxTails = 256
)

// tails remembers the newest stored entries of each source of an input, as
// hashes.
type tails struct {
	seed   maphash.Seed
	recall func(ctx context.Context, source string) ([]index.Entry, error) // nil: the store cannot

	mu       sync.Mutex
	bySource map[string]*tail
	sessions uint64 // given out
}

// tail is what is remembered of a source, oldest first.
type tail struct {
	// recalled was in the store when the source's first session came. It stays:
	// a disk-assisted queue of rsyslog's has two sessions, and the second may
	// come long after the first has gone on.
	recalled []uint64
	recent   []storedHash
}

// storedHash is an entry that a session of ours has stored.
type storedHash struct{ hash, session uint64 }

func newTails(in *input) *tails {
	t := &tails{seed: maphash.MakeSeed(), bySource: map[string]*tail{}}
	if sink, ok := in.sink.(Recaller); ok {
		t.recall = func(ctx context.Context, source string) ([]index.Entry, error) {
			return sink.Recall(ctx, in.name, source, recalledEntries)
		}
	}
	return t
}

// session returns a number for a new session.
func (t *tails) session() uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sessions++
	return t.sessions
}

// of returns the hashes of the newest entries of a source, oldest first. The
// store is asked once for each source.
func (t *tails) of(ctx context.Context, source string) ([]uint64, error) {
	t.mu.Lock()
	known := t.bySource[source]
	hashes := known.hashes()
	t.mu.Unlock()
	if known != nil || t.recall == nil {
		return hashes, nil
	}
	entries, err := t.recall(ctx, source)
	if err != nil {
		return nil, err
	}
	recalled := t.hashes(entries)
	t.mu.Lock()
	defer t.mu.Unlock()
	known = t.bySource[source]
	if known == nil { // else another session was faster
		known = t.newLocked(source)
		known.recalled = recalled
	}
	return known.hashes(), nil
}

func (t *tails) newLocked(source string) *tail {
	if len(t.bySource) >= maxTails {
		clear(t.bySource)
	}
	known := new(tail)
	t.bySource[source] = known
	return known
}

// hashes returns all of the tail's, in a slice of their own.
func (k *tail) hashes() []uint64 {
	if k == nil {
		return nil
	}
	all := make([]uint64, 0, len(k.recalled)+len(k.recent))
	all = append(all, k.recalled...)
	for _, s := range k.recent {
		all = append(all, s.hash)
	}
	return all
}

// add notes that a session has stored entries.
func (t *tails) add(source string, session uint64, entries []index.Entry) {
	hashes := t.hashes(entries)
	t.mu.Lock()
	defer t.mu.Unlock()
	known := t.bySource[source]
	if known == nil {
		known = t.newLocked(source)
	}
	for _, hash := range hashes {
		known.recent = append(known.recent, storedHash{hash, session})
	}
	if over := len(known.recent) - recentEntries; over > 0 {
		known.recent = append(known.recent[:0], known.recent[over:]...)
	}
}

func (t *tails) hashes(entries []index.Entry) []uint64 {
	hashes := make([]uint64, len(entries))
	for i := range entries {
		hashes[i] = t.hash(&entries[i])
	}
	return hashes
}

// take notes that a session has sent an entry again: it is that session's now.
func (t *tails) take(source string, session, hash uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	known := t.bySource[source]
	if known == nil {
		return
	}
	if i := slices.Index(known.recalled, hash); i >= 0 {
		known.recalled = slices.Delete(known.recalled, i, i+1)
	} else if i := slices.IndexFunc(known.recent, func(s storedHash) bool { return s.hash == hash }); i >= 0 {
		known.recent = slices.Delete(known.recent, i, i+1)
	}
	known.recent = append(known.recent, storedHash{hash, session})
}

// forget notes that a session has got all acknowledgements: nothing of it comes
// again.
func (t *tails) forget(source string, session uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if known := t.bySource[source]; known != nil {
		known.recent = slices.DeleteFunc(known.recent, func(s storedHash) bool { return s.session == session })
	}
}

// hash is of all that the sender has written.
func (t *tails) hash(e *index.Entry) uint64 {
	var h maphash.Hash
	h.SetSeed(t.seed)
	var fixed [10]byte
	binary.LittleEndian.PutUint64(fixed[:], uint64(e.Time.UnixNano()))
	fixed[8], fixed[9] = byte(e.Facility), byte(e.Severity)
	_, _ = h.Write(fixed[:]) // never fails
	for _, s := range [...]string{e.Hostname, e.AppName, e.ProcID, e.MsgID, e.StructuredData, e.Message} {
		_, _ = h.WriteString(s)
		_ = h.WriteByte(0)
	}
	return h.Sum64()
}

// resent finds out which of a session's first messages are in the store
// already. A client sends again, in order and at first, all messages from the
// first without acknowledgement on. What is stored of them is their beginning,
// and is in the tail in the same order, with those of other sessions between.
//
// A new message at the beginning of a session is taken for one that was sent
// again only if it equals, with its time, one of the tail, and all before it
// did so too.
type resent struct {
	tail []uint64 // what may still come again
}

// look takes the hash of the next message and tells whether it was sent again.
// After the first that was not, none is.
func (r *resent) look(hash uint64) bool {
	i := slices.Index(r.tail, hash)
	if i < 0 {
		r.tail = nil
		return false
	}
	r.tail = r.tail[i+1:]
	return true
}
