package viewer

import (
	"sync"
	"time"
)

// throttle limits how many lines each client may send. Its buckets may be
// overdrawn: a client that has a full one may send more at once than it holds,
// and has to wait for as much longer.
type throttle struct {
	rate, burst float64 // immutable; lines a second, lines

	mu      sync.Mutex
	buckets map[string]bucket // by client
	swept   time.Time         // when full buckets were last forgotten
}

// sweepEvery bounds what looking for full buckets costs.
const sweepEvery = time.Second

// bucket holds the lines that a client may send at once.
type bucket struct {
	lines  float64
	filled time.Time
}

func newThrottle(rate, burst int) *throttle {
	return &throttle{rate: float64(rate), burst: float64(burst), buckets: make(map[string]bucket)}
}

// take takes n lines from the client's bucket, or none, and then returns how
// long to wait for them.
func (t *throttle) take(client string, n int, now time.Time) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, known := t.buckets[client]; !known && len(t.buckets) >= maxClients {
		if now.Sub(t.swept) >= sweepEvery {
			t.dropFullLocked(now)
			t.swept = now
		}
		if len(t.buckets) >= maxClients {
			client = "" // all that there is no room for share one
		}
	}
	b, known := t.buckets[client]
	if !known {
		b = bucket{t.burst, now}
	}
	b = t.filled(b, now)
	need := min(float64(n), t.burst)
	if b.lines < need {
		t.buckets[client] = b
		return max(time.Nanosecond, time.Duration((need-b.lines)/t.rate*float64(time.Second)))
	}
	b.lines -= float64(n)
	t.buckets[client] = b
	return 0
}

// filled is b with what has come into it since.
func (t *throttle) filled(b bucket, now time.Time) bucket {
	if elapsed := now.Sub(b.filled); elapsed > 0 {
		b.lines = min(t.burst, b.lines+t.rate*elapsed.Seconds())
		b.filled = now
	}
	return b
}

func (t *throttle) dropFullLocked(now time.Time) {
	for client, b := range t.buckets {
		if t.filled(b, now).lines >= t.burst {
			delete(t.buckets, client)
		}
	}
}
