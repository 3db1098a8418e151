package index

import "sync"

// lease is the number of a call that reads blocks: later ones have higher
// numbers. It is taken before the blocks are listed.
type lease uint64

// leases tell whether the searches that may still read a block have ended. The
// zero value is ready.
type leases struct {
	mu   sync.Mutex
	last lease
	held map[lease]bool
}

func (l *leases) take() lease {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.held == nil {
		l.held = make(map[lease]bool)
	}
	l.last++
	l.held[l.last] = true
	return l.last
}

func (l *leases) give(n lease) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.held, n)
}

// newest is the last lease that was taken.
func (l *leases) newest() lease {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.last
}

// over tells whether all leases up to n were given back.
func (l *leases) over(n lease) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for held := range l.held {
		if held <= n {
			return false
		}
	}
	return true
}
