package index

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// Trouble is why nothing new is kept. The zero value is none.
type Trouble struct {
	// Since is when the first entries could not be kept, Dropped how many have
	// been dropped from then on.
	Since   time.Time
	Dropped uint64
	// Err is why the newest of them could not be.
	Err error
}

// Trouble is that of the last Append, if it has kept nothing.
func (s *Store) Trouble() Trouble { return s.trouble.now() }

// trouble is a Trouble that begins with a failure and ends with a success.
type trouble struct {
	there atomic.Bool // so that a success costs nothing

	mu sync.Mutex
	is Trouble
}

func (t *trouble) failed(entries int, err error, now time.Time) {
	if errors.Is(err, ErrClosed) {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.is.Since.IsZero() {
		t.is.Since = now
	}
	t.is.Dropped += uint64(entries) //nolint:gosec // a length
	t.is.Err = err
	t.there.Store(true)
}

func (t *trouble) passed() {
	if !t.there.Load() {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.is = Trouble{}
	t.there.Store(false)
}

func (t *trouble) now() Trouble {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.is
}
