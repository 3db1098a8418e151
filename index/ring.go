package index

import (
	"slices"
	"sort"
	"sync"
)

// ring keeps the newest entries for followers, while there are some. Append
// writes to it and waits for nobody; a follower that is too slow finds its place
// overwritten.
type ring struct {
	mu     sync.Mutex
	slots  []*Entry
	users  int           // followers
	next   int           // where the next entry goes
	count  int           // of entries
	base   uint64        // every entry with a higher Seq is in the ring
	last   uint64        // the Seq of the newest entry, or base
	change chan struct{} // closed when entries come, then replaced
	waits  bool          // somebody has asked for change
}

// newRing returns a ring for entries with a Seq above base.
func newRing(size int, base uint64) *ring {
	return &ring{slots: make([]*Entry, size), base: base, last: base, change: make(chan struct{})}
}

// join makes the ring keep what comes from now on, until as many have left.
func (r *ring) join() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.users++
}

func (r *ring) leave() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.users--; r.users == 0 {
		clear(r.slots)
		r.count, r.base = 0, r.last
	}
}

// add is called in the order of Seq. It copies the entries.
func (r *ring) add(entries []Entry) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last = entries[len(entries)-1].Seq
	if r.users == 0 {
		r.base = r.last
		return
	}
	r.keepLocked(slices.Clone(entries))
	if r.waits {
		close(r.change)
		r.change, r.waits = make(chan struct{}), false
	}
}

// drop takes out the entries of which gone says so.
func (r *ring) drop(gone func(*Entry) bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	kept := make([]*Entry, 0, r.count)
	for i := range r.count {
		if e := r.slotLocked(i); !gone(e) {
			kept = append(kept, e)
		}
	}
	clear(r.slots)
	r.count = copy(r.slots, kept)
	r.next = r.count % len(r.slots)
}

// all copies the entries, oldest first.
func (r *ring) all() []*Entry {
	r.mu.Lock()
	defer r.mu.Unlock()
	entries := make([]*Entry, r.count)
	for i := range entries {
		entries[i] = r.slotLocked(i)
	}
	return entries
}

func (r *ring) keepLocked(entries []Entry) {
	fallOut := r.count+len(entries) > len(r.slots)
	for i := range entries {
		r.slots[r.next] = &entries[i]
		r.next = (r.next + 1) % len(r.slots)
	}
	r.count = min(r.count+len(entries), len(r.slots))
	if fallOut {
		r.base = r.slotLocked(0).Seq - 1
	}
}

// ringView is what the ring has for a reader.
type ringView struct {
	// entries are those after the reader's place, oldest first, at most as
	// many as it asked for.
	entries []*Entry
	// base is the Seq behind which nothing is missing in the ring; newest is
	// that of the newest entry, or base.
	base, newest uint64
	// change is closed when more comes; only set if there is nothing to read.
	change <-chan struct{}
}

// read copies entries with a Seq above after into buffer, up to its capacity.
func (r *ring) read(after uint64, buffer []*Entry) ringView {
	r.mu.Lock()
	defer r.mu.Unlock()
	v := ringView{entries: buffer[:0], base: r.base, newest: r.last}
	if after < r.base {
		return v
	}
	from := sort.Search(r.count, func(i int) bool { return r.slotLocked(i).Seq > after })
	for i := from; i < r.count && len(v.entries) < cap(buffer); i++ {
		v.entries = append(v.entries, r.slotLocked(i))
	}
	if len(v.entries) == 0 {
		v.change, r.waits = r.change, true
	}
	return v
}

// slotLocked returns the i-th oldest entry.
func (r *ring) slotLocked(i int) *Entry {
	return r.slots[(r.next-r.count+i+len(r.slots))%len(r.slots)]
}
