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
	// tailEntries is how many of a source's newest entries are remembered:
	// the windows (omrelp: 128) of several sessions at once, of which rsyslog
	// has two with a disk-assisted queue.
	tailEntries = 1024
	// maxTails bounds the sources that are remembered.
	maxTails = 256
)

// tails remembers the newest stored entries of each source of an input, as
// hashes.
type tails struct {
	seed   maphash.Seed
	recall func(ctx context.Context, source string) ([]index.Entry, error) // nil: the store cannot

	mu       sync.Mutex
	bySource map[string][]uint64
}

func newTails(in *input) *tails {
	t := &tails{seed: maphash.MakeSeed(), bySource: map[string][]uint64{}}
	if sink, ok := in.sink.(Recaller); ok {
		t.recall = func(ctx context.Context, source string) ([]index.Entry, error) {
			return sink.Recall(ctx, in.name, source, tailEntries)
		}
	}
	return t
}

// of returns the hashes of the newest entries of a source, oldest first. The
// store is asked once for each source.
func (t *tails) of(ctx context.Context, source string) ([]uint64, error) {
	t.mu.Lock()
	tail, known := t.bySource[source]
	t.mu.Unlock()
	if known || t.recall == nil {
		return tail, nil
	}
	entries, err := t.recall(ctx, source)
	if err != nil {
		return nil, err
	}
	t.add(source, entries)
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.bySource[source], nil
}

// add notes that entries were stored.
func (t *tails) add(source string, entries []index.Entry) {
	hashes := make([]uint64, len(entries))
	for i := range entries {
		hashes[i] = t.hash(&entries[i])
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, known := t.bySource[source]; !known && len(t.bySource) >= maxTails {
		clear(t.bySource)
	}
	old := t.bySource[source]
	keep := min(len(old), max(0, tailEntries-len(hashes)))
	// A new slice: sessions hold the old one.
	t.bySource[source] = append(append(make([]uint64, 0, keep+len(hashes)), old[len(old)-keep:]...), hashes...)
}

// forget notes that a source has got all acknowledgements.
func (t *tails) forget(source string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, known := t.bySource[source]; known {
		t.bySource[source] = nil
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
