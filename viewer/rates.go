package viewer

import (
	"context"
	"math"
	"sync"
	"time"

	"github.com/tagtail/tagtail/index"
)

const (
	rateEvery  = 5 * time.Second
	rateWindow = time.Minute
)

// rates measures how many entries a second each instance gets, by looking at
// the store's counts from time to time. The counts also fall, when old
// entries are removed: an interval in which they do counts as quiet, so a
// rate is at worst too low.
type rates struct {
	mu      sync.Mutex
	samples []rateSample // oldest first, of one rateWindow
}

type rateSample struct {
	at      time.Time
	entries map[string]uint64
}

// run samples until ctx ends.
func (r *rates) run(ctx context.Context, logs Logs) {
	tick := time.NewTicker(rateEvery)
	defer tick.Stop()
	for {
		r.sample(time.Now(), logs.Instances())
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (r *rates) sample(now time.Time, stats []index.InstanceStats) {
	entries := make(map[string]uint64, len(stats))
	for _, s := range stats {
		entries[s.Instance] = s.Entries
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for len(r.samples) > 0 && now.Sub(r.samples[0].at) > rateWindow {
		r.samples = r.samples[1:]
	}
	r.samples = append(r.samples, rateSample{now, entries})
}

// of is the rate of an instance in entries/s, with two decimals.
func (r *rates) of(instance string) float64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.samples) < 2 {
		return 0
	}
	var sum uint64
	for i, s := range r.samples[1:] {
		if before := r.samples[i].entries[instance]; s.entries[instance] > before {
			sum += s.entries[instance] - before
		}
	}
	span := r.samples[len(r.samples)-1].at.Sub(r.samples[0].at)
	if span <= 0 {
		return 0
	}
	return math.Round(float64(sum)/span.Seconds()*100) / 100
}

// recent is how many entries an instance got in each rateEvery of the last
// rateWindow, oldest first.
func (r *rates) recent(instance string) []uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	counts := []uint64{}
	for i := 1; i < len(r.samples); i++ {
		before, now := r.samples[i-1].entries[instance], r.samples[i].entries[instance]
		counts = append(counts, max(before, now)-before)
	}
	return counts
}
