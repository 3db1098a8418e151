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
	// Recall calls yield with the newest entries that came through an input
	// from a source (Entry.Input, Entry.Source), at most limit, newest first.
	// All of them may be gigabytes: an entry is valid until yield returns.
	Recall(ctx context.Context, input, source string, limit int, yield func(*index.Entry)) error
}

const (
	// rememberedEntries is how many of a source's newest entries are known
	// again: many times what rsyslog can have sent without an answer, because
	// what its disk-assisted queue takes back when a connection breaks goes to
	// the end of that queue, and comes after everything in it.
	rememberedEntries = 1 << 16
	// allRememberedEntries bounds those of all sources of an input, 90 MB. The
	// sources that were quiet longest are forgotten first.
	allRememberedEntries = 16 * rememberedEntries
	// sourceCost is what a source counts for in entries besides its own, so
	// that there are at most 4,096: whoever has a network has more addresses.
	sourceCost = 256
)

// resent knows which messages of an input are in the store already. A client
// sends again what it got no acknowledgement for, and the protocol has nothing
// to tell it by. A message was sent again if it equals one that another session
// of the same source has sent, in all that the sender has written, the time
// included, and is of the same instance: nobody can have a neighbour's message
// dropped by sending it first. One without a time of its own is always new.
//
// Two equal messages of the same second that a client sends through two
// sessions are taken for one; what one session sends twice is there twice.
type resent struct {
	seed   maphash.Seed
	recall func(ctx context.Context, source string, yield func(*index.Entry)) error // nil: the store cannot

	mu        sync.Mutex
	sources   map[string]*sentBefore
	recalling map[string]chan struct{} // by source; closed when the store has answered
	sessions  uint32                   // given out
	clock     uint64                   // counts the commits
	entries   int                      // remembered, of all sources, and what those cost
}

// sentBefore is what is remembered of a source.
type sentBefore struct {
	copies map[uint64]copies // by hash
	order  []uint64          // the hashes in the order they were stored in; again if there are several copies
	used   uint64            // resent.clock of the last commit
}

// copies are equal messages of a source.
type copies struct {
	stored uint32 // how many
	// last and before are the two sessions that sent one last: two of a client
	// may take turns, and each is known to have sent its own.
	last, before copiesOf
}

// copiesOf are those of copies that a session has sent.
type copiesOf struct {
	session uint32
	sent    uint32
}

// by makes session the last to send one.
func (c *copies) by(session uint32) {
	if c.last.session == session {
		return
	}
	c.last, c.before = c.before, c.last
	if c.last.session != session {
		c.last = copiesOf{session: session}
	}
}

func newResent(in *input) *resent {
	r := &resent{seed: maphash.MakeSeed(), sources: map[string]*sentBefore{}, recalling: map[string]chan struct{}{}}
	if sink, ok := in.sink.(Recaller); ok {
		r.recall = func(ctx context.Context, source string, yield func(*index.Entry)) error {
			return sink.Recall(ctx, in.name, source, rememberedEntries, yield)
		}
	}
	return r
}

// session returns a number for a new session. The store is asked once for each
// source what it has of it: it may have to look through all that it has, and
// the sessions that come meanwhile wait for the answer.
func (r *resent) session(ctx context.Context, source string) (uint32, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sessions++
	session := r.sessions
	for r.recall != nil && r.sources[source] == nil {
		answered, asked := r.recalling[source]
		if !asked {
			return session, r.recallLocked(ctx, source)
		}
		r.mu.Unlock()
		select {
		case <-answered:
		case <-ctx.Done():
		}
		r.mu.Lock()
		if err := ctx.Err(); err != nil {
			return 0, err
		}
	}
	return session, nil
}

// recallLocked asks the store, without the lock.
func (r *resent) recallLocked(ctx context.Context, source string) error {
	answered := make(chan struct{})
	r.recalling[source] = answered
	r.mu.Unlock()
	var hashes []uint64
	err := r.recall(ctx, source, func(e *index.Entry) {
		if !e.Time.IsZero() {
			hashes = append(hashes, r.hash(e))
		}
	})
	slices.Reverse(hashes)
	r.mu.Lock()
	delete(r.recalling, source)
	close(answered)
	if err != nil {
		return err
	}
	if r.sources[source] == nil { // else a session that was forgotten has stored more
		r.addLocked(source, 0, hashes)
	}
	return nil
}

// again tells whether a message that a session has got is stored already.
func (r *resent) again(source string, session uint32, e *index.Entry) bool {
	if e.Time.IsZero() {
		return false
	}
	hash := r.hash(e)
	r.mu.Lock()
	defer r.mu.Unlock()
	known := r.sources[source]
	if known == nil {
		return false
	}
	c, ok := known.copies[hash]
	if !ok {
		return false
	}
	c.by(session)
	if c.last.sent == c.stored {
		return false
	}
	c.last.sent++
	known.copies[hash] = c
	return true
}

// add notes that a session has stored entries.
func (r *resent) add(source string, session uint32, entries []index.Entry) {
	hashes := make([]uint64, 0, len(entries))
	for i := range entries {
		if e := &entries[i]; !e.Time.IsZero() {
			hashes = append(hashes, r.hash(e))
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.addLocked(source, session, hashes)
}

func (r *resent) addLocked(source string, session uint32, hashes []uint64) {
	known := r.sources[source]
	if known == nil {
		known = &sentBefore{copies: map[uint64]copies{}}
		r.sources[source] = known
		r.entries += sourceCost
	}
	r.clock++
	known.used = r.clock
	before := len(known.order)
	for _, hash := range hashes {
		known.add(session, hash)
	}
	known.trim()
	r.entries += len(known.order) - before
	for r.entries > allRememberedEntries {
		r.forgetQuietestLocked(known)
	}
}

func (s *sentBefore) add(session uint32, hash uint64) {
	c := s.copies[hash]
	c.by(session)
	c.stored++
	c.last.sent++
	s.copies[hash] = c
	s.order = append(s.order, hash)
}

// trim forgets the oldest.
func (s *sentBefore) trim() {
	over := len(s.order) - rememberedEntries
	if over <= 0 {
		return
	}
	for _, hash := range s.order[:over] {
		s.drop(hash)
	}
	// What is cut off at the front is freed when append moves the rest.
	s.order = s.order[over:]
}

// drop forgets one copy.
func (s *sentBefore) drop(hash uint64) {
	c := s.copies[hash]
	if c.stored <= 1 {
		delete(s.copies, hash)
		return
	}
	c.stored--
	c.last.sent, c.before.sent = min(c.last.sent, c.stored), min(c.before.sent, c.stored)
	s.copies[hash] = c
}

func (r *resent) forgetQuietestLocked(except *sentBefore) {
	var quietest string
	var since uint64
	for source, s := range r.sources {
		if s != except && (since == 0 || s.used < since) {
			quietest, since = source, s.used
		}
	}
	r.entries -= len(r.sources[quietest].order) + sourceCost
	delete(r.sources, quietest)
}

// forget notes that a session has got all acknowledgements: nothing of it comes
// again.
func (r *resent) forget(source string, session uint32) {
	r.mu.Lock()
	defer r.mu.Unlock()
	known := r.sources[source]
	if known == nil {
		return
	}
	kept := known.order[:0]
	for _, hash := range known.order {
		if known.copies[hash].last.session == session {
			delete(known.copies, hash)
		} else if _, ok := known.copies[hash]; ok {
			kept = append(kept, hash)
		}
	}
	r.entries -= len(known.order) - len(kept)
	known.order = kept
}

// hash is of all that the sender has written, and of its instance.
func (r *resent) hash(e *index.Entry) uint64 {
	var h maphash.Hash
	h.SetSeed(r.seed)
	var fixed [10]byte
	binary.LittleEndian.PutUint64(fixed[:], uint64(e.Time.UnixNano()))
	fixed[8], fixed[9] = byte(e.Facility), byte(e.Severity)
	_, _ = h.Write(fixed[:]) // never fails
	for _, s := range [...]string{e.Instance, e.Hostname, e.AppName, e.ProcID, e.MsgID, e.StructuredData, e.Message} {
		_, _ = h.WriteString(s)
		_ = h.WriteByte(0)
	}
	return h.Sum64()
}
