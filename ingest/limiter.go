package ingest

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tagtail/tagtail/index"
)

// RateLimit bounds how many entries of each instance are stored. The zero
// value is no limit.
type RateLimit struct {
	// PerSecond is how many entries a second may come for long.
	PerSecond int
	// Burst is how many may come at once after a silence; 0 is PerSecond.
	Burst int
}

// limiter counts and suppresses the entries of instances that are over the
// limit. Entries without proof have a bucket of their own beside those with
// proof, so that nobody can use up another's limit by writing its tag. It may
// be used by several goroutines at once.
type limiter struct {
	rate, burst float64 // immutable

	mu         sync.Mutex
	byInstance map[string]*limited
}

// limited is an instance's part of a limiter.
type limited struct {
	buckets    [2]bucket // of entries without proof, and with
	suppressed uint64    // in all
	loss       lossState // of suppressed
}

// bucket holds the entries that may come at once.
type bucket struct {
	tokens float64
	filled time.Time
}

// newLimiter returns nil, which limits nothing, if limit is none.
func newLimiter(limit RateLimit) *limiter {
	if limit.PerSecond == 0 {
		return nil
	}
	orDefault(&limit.Burst, limit.PerSecond)
	return &limiter{rate: float64(limit.PerSecond), burst: float64(limit.Burst), byInstance: map[string]*limited{}}
}

// allow tells whether e may be stored, and counts it if not.
func (l *limiter) allow(e *index.Entry) bool {
	if l == nil {
		return true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	in := l.byInstance[e.Instance]
	if in == nil {
		full := bucket{tokens: l.burst, filled: e.Received}
		in = &limited{buckets: [2]bucket{full, full}}
		l.byInstance[e.Instance] = in
	}
	b := &in.buckets[0]
	if e.InstanceBy > index.ByContent {
		b = &in.buckets[1]
	}
	if b.take(e.Received, l.rate, l.burst) {
		return true
	}
	in.suppressed++
	in.loss.note(in.suppressed, e.Received, e.Received)
	return false
}

// take takes a token. Entries of several inputs come with clocks that are not
// quite in order.
func (b *bucket) take(now time.Time, rate, burst float64) bool {
	if elapsed := now.Sub(b.filled); elapsed > 0 {
		b.tokens = min(burst, b.tokens+rate*elapsed.Seconds())
		b.filled = now
	}
	if b.tokens < 1 {
		return false
	}
	b.tokens--
	return true
}

// suppressed returns how many entries of each instance were suppressed.
func (l *limiter) suppressed() map[string]uint64 {
	counts := map[string]uint64{}
	if l == nil {
		return counts
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for name, in := range l.byInstance {
		if in.suppressed > 0 {
			counts[name] = in.suppressed
		}
	}
	return counts
}

// due takes what is to be announced, of instances that were last announced at
// least every ago: the entries' Instance and Message. What is then not stored
// has to be given to restore.
func (l *limiter) due(every time.Duration, now time.Time) []suppression {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	var list []suppression
	for name, in := range l.byInstance {
		if in.loss.due(every, now) {
			list = append(list, suppression{name, fmt.Sprintf("%d messages suppressed between %s and %s (limit %.0f/s)",
				in.loss.pending, in.loss.from.Format(time.RFC3339), in.loss.to.Format(time.RFC3339), l.rate), in.loss})
			in.loss.pending, in.loss.reported = 0, now
		}
	}
	slices.SortFunc(list, func(a, b suppression) int { return strings.Compare(a.instance, b.instance) })
	return list
}

// suppression is an announcement.
type suppression struct {
	instance, message string
	loss              lossState // before it was taken
}

// restore makes s due again.
func (l *limiter) restore(s suppression) {
	l.mu.Lock()
	defer l.mu.Unlock()
	loss := &l.byInstance[s.instance].loss
	loss.pending += s.loss.pending
	loss.from, loss.reported = s.loss.from, s.loss.reported
}
