package push

import (
	"crypto/rand"
	"sync"
	"time"
)

// passLife is how long a push may take from its beginning to its last hook.
const passLife = 10 * time.Minute

// maxPasses bounds the memory; more pushes at once are refused.
const maxPasses = 1000

// pass is who pushes what, as the Gate knows it.
type pass struct {
	person Person
	repo   Repository
	from   string // an address, "path" or "ssh"

	asked   bool // pre-receive has been called; it is not called twice
	expires time.Time
	// open are the updates that pre-receive has let through and post-receive
	// has not been told of.
	open map[update]bool
}

// passes are those that are under way, by their ids, which only the Gate and
// the git that it runs know; those of people who push over a path are by uid
// and folder.
type passes struct {
	mu   sync.Mutex
	byID map[string]*pass
}

// add gives the pass an id that cannot be guessed; none if there are too many.
func (ps *passes) add(p pass, now time.Time) (id string) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	ps.sweepLocked(now)
	if len(ps.byID) >= maxPasses {
		return ""
	}
	id = rand.Text()
	p.expires = now.Add(passLife)
	ps.byID[id] = &p
	return id
}

func (ps *passes) sweepLocked(now time.Time) {
	if ps.byID == nil {
		ps.byID = map[string]*pass{}
	}
	for id, p := range ps.byID {
		if !now.Before(p.expires) {
			delete(ps.byID, id)
		}
	}
}

func (ps *passes) remove(id string) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	delete(ps.byID, id)
}

// find gives a copy of the pass.
func (ps *passes) find(id string, now time.Time) (pass, bool) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	p, ok := ps.byID[id]
	if !ok || !now.Before(p.expires) {
		return pass{}, false
	}
	return *p, true
}

// ask uses the pass's one question.
func (ps *passes) ask(id string) bool {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	p, ok := ps.byID[id]
	if !ok || p.asked {
		return false
	}
	p.asked = true
	return true
}

// allow remembers what was let through.
func (ps *passes) allow(id string, updates []update) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	p, ok := ps.byID[id]
	if !ok {
		return
	}
	if p.open == nil {
		p.open = map[update]bool{}
	}
	for _, u := range updates {
		p.open[u] = true
	}
}

// use tells whether the update was let through, and forgets it.
func (ps *passes) use(id string, u update) bool {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	p, ok := ps.byID[id]
	if !ok || !p.open[u] {
		return false
	}
	delete(p.open, u)
	return true
}

// local is the pass of somebody who pushes over a path; such a pass may be
// asked again and again.
func (ps *passes) local(id string, p pass, now time.Time) bool {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	ps.sweepLocked(now)
	if old, ok := ps.byID[id]; ok {
		old.asked, old.expires = false, now.Add(passLife)
		return true
	}
	if len(ps.byID) >= maxPasses {
		return false
	}
	p.expires = now.Add(passLife)
	ps.byID[id] = &p
	return true
}
