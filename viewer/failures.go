package viewer

import (
	"cmp"
	"net/http"
	"sync"
	"time"
)

const (
	// freeFailures are forgiven: people paste the wrong thing.
	freeFailures = 5
	// freeNameFailures are forgiven to all who guess one person's password.
	freeNameFailures = 20
	// maxWait is the longest back-off; it also forgets a client that has
	// been quiet for as long again.
	maxWait = time.Minute
	// maxClients bounds the memory. Past it all new clients share one count.
	maxClients = 10_000
	// maxGuesses is how many passwords are compared at once or wait to be: as
	// many take about a second.
	maxGuesses = 64
)

// failures slows down who guesses tokens: past those that are free, each failure
// doubles the time for which the client is not listened to.
type failures struct {
	free int // 0: freeFailures

	mu     sync.Mutex
	client map[string]failure
}

type failure struct {
	count   int
	pending int // begun and not ended
	until   time.Time
}

// wait is how long the client must not try.
func (f *failures) wait(client string, now time.Time) time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	return max(0, f.client[f.keyLocked(client)].until.Sub(now))
}

// begin lets a client try, or says how long it must wait. Tries that have not
// ended count as failures: many at once are no way around the limit. A try that
// was let has to end, by the key it is given.
func (f *failures) begin(client string, now time.Time) (key string, wait time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	key = f.roomLocked(client, now)
	v := f.client[key]
	if wait := v.until.Sub(now); wait > 0 {
		return key, wait
	}
	if v.pending > 0 && v.count+v.pending >= cmp.Or(f.free, freeFailures) {
		return key, time.Second
	}
	v.pending++
	f.client[key] = v
	return key, 0
}

// end takes back a begin. What became of the try, add or forget tells.
func (f *failures) end(key string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	v := f.client[key]
	if v.pending--; v == (failure{}) {
		delete(f.client, key)
		return
	}
	f.client[key] = v
}

// add counts a failure.
func (f *failures) add(client string, now time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	key := f.roomLocked(client, now)
	v := f.client[key]
	v.count++
	v.until = now
	if over := v.count - cmp.Or(f.free, freeFailures); over >= 0 {
		v.until = now.Add(min(maxWait, time.Second<<min(over, 10)))
	}
	f.client[key] = v
}

// forget clears the count after a success.
func (f *failures) forget(client string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if v := f.client[client]; v.pending > 0 {
		f.client[client] = failure{pending: v.pending}
		return
	}
	delete(f.client, client)
}

// roomLocked is the key of a client that is going to be written down.
func (f *failures) roomLocked(client string, now time.Time) string {
	if f.client == nil {
		f.client = make(map[string]failure)
	}
	if len(f.client) >= maxClients {
		f.dropQuietLocked(now)
	}
	return f.keyLocked(client)
}

// keyLocked is the client, or the key of all clients that there is no room for.
func (f *failures) keyLocked(client string) string {
	if _, known := f.client[client]; !known && len(f.client) >= maxClients {
		return ""
	}
	return client
}

func (f *failures) dropQuietLocked(now time.Time) {
	for client, v := range f.client {
		if v.pending == 0 && now.Sub(v.until) > maxWait {
			delete(f.client, client)
		}
	}
}

// guessing bounds what it costs us that somebody guesses passwords: by where they
// come from, by whose it is, and by how many are compared at once.
type guessing struct {
	clients *failures
	names   failures
	room    chan struct{} // has one for each password that is compared
}

// guess is one try.
type guess struct {
	of                 *guessing
	client, name       string
	clientKey, nameKey string
}

// begin lets a client try a password of name; that is "" for tokens. Who is
// trusted there needs not wait for what others have guessed: a storm from
// elsewhere does not keep them out. Every guess that is let has to end.
func (g *guessing) begin(client, name string, trusted func() (bool, error), now time.Time) (*guess, error) {
	t := &guess{of: g, client: client, name: name}
	var wait time.Duration
	if t.clientKey, wait = g.clients.begin(client, now); wait > 0 {
		return nil, tooManyFailures(wait)
	}
	if name != "" {
		if t.nameKey, wait = g.names.begin(name, now); wait > 0 {
			t.name = ""
			if ok, err := trusted(); err != nil || !ok {
				t.leave()
				return nil, cmp.Or(err, error(tooManyFailures(wait)))
			}
		}
	}
	select {
	case g.room <- struct{}{}:
		return t, nil
	default:
		t.leave()
		return nil, newProblem(http.StatusServiceUnavailable, "Too many people are logging in at this moment: try again in a second.").after(time.Second)
	}
}

func (t *guess) leave() {
	t.of.clients.end(t.clientKey)
	if t.name != "" {
		t.of.names.end(t.nameKey)
	}
}

// end counts what became of the guess: nothing, if it could not be decided.
func (t *guess) end(ok bool, err error, now time.Time) {
	<-t.of.room
	t.leave()
	if err != nil {
		return
	}
	if ok {
		t.of.clients.forget(t.client)
		if t.name != "" {
			t.of.names.forget(t.name)
		}
		return
	}
	t.of.clients.add(t.client, now)
	if t.name != "" {
		t.of.names.add(t.name, now)
	}
}
