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
	held map[lease]bool // true for those of calls that end by themselves
}

func (l *leases) take() lease { return l.hold(true) }

// takeLong is for a call that takes as long as who reads its answer.
func (l *leases) takeLong() lease { return l.hold(false) }

func (l *leases) hold(short bool) lease {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.held == nil {
		l.held = make(map[lease]bool)
	}
	l.last++
	l.held[l.last] = short
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

// overShort tells whether all leases up to n were given back but for long ones.
func (l *leases) overShort(n lease) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for held, short := range l.held {
		if short && held <= n {
			return false
		}
	}
	return true
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
