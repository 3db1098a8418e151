package index

import (
	"sort"
	"time"

	"github.com/tagtail/tagtail/index/internal/block"
)

// instanceState is what InstanceStats are made of. Store.mu guards it.
type instanceState struct {
	entries, bytes  uint64
	last, lastError int64 // Received, in nanoseconds; 0 if there is none
	rate            rate
	room            int // entries that its last head had
}

func (s *Store) instanceLocked(name string) *instanceState {
	state := s.instances[name]
	if state == nil {
		state = &instanceState{}
		s.instances[name] = state
	}
	return state
}

func (i *instanceState) keep(e *Entry) {
	i.entries++
	i.bytes += textBytes(e)
	i.seen(e)
}

// seen takes note of when the entry was received.
func (i *instanceState) seen(e *Entry) {
	received := e.Received.UnixNano()
	i.last = max(i.last, received)
	if e.Severity <= Err {
		i.lastError = max(i.lastError, received)
	}
}

func (i *instanceState) keepBlock(h *block.Header) {
	i.entries += uint64(h.Entries)
	i.bytes += h.TextBytes
	i.seenBlock(h)
}

func (i *instanceState) seenBlock(h *block.Header) {
	i.last = max(i.last, h.MaxReceived)
	i.lastError = max(i.lastError, h.LastError)
}

// Instances tells what the store has of each instance, by name.
func (s *Store) Instances() []InstanceStats {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.cfg.now()
	stats := make([]InstanceStats, 0, len(s.instances))
	for name, state := range s.instances {
		stats = append(stats, InstanceStats{
			Instance: name, Entries: state.entries, Bytes: state.bytes,
			Last: moment(state.last), LastError: moment(state.lastError),
			Rate: state.rate.perSecond(now),
		})
	}
	sort.Slice(stats, func(i, j int) bool { return stats[i].Instance < stats[j].Instance })
	return stats
}

func moment(ns int64) time.Time {
	if ns == 0 {
		return time.Time{}
	}
	return time.Unix(0, ns).UTC()
}

const (
	rateBuckets       = 12
	rateBucketSeconds = 5
)

// rate counts entries in the last minute, in buckets of five seconds.
type rate struct {
	counts [rateBuckets]uint64
	newest int64 // number of the bucket that was added to last
}

// turn empties the buckets that have passed since the last call.
func (r *rate) turn(now time.Time) {
	bucket := now.Unix() / rateBucketSeconds
	for n := max(r.newest+1, bucket-rateBuckets+1); n <= bucket; n++ {
		r.counts[n%rateBuckets] = 0
	}
	r.newest = max(r.newest, bucket)
}

func (r *rate) add(now time.Time, n uint64) {
	r.turn(now)
	r.counts[r.newest%rateBuckets] += n
}

func (r *rate) perSecond(now time.Time) float64 {
	r.turn(now)
	sum := uint64(0)
	for _, n := range r.counts {
		sum += n
	}
	return float64(sum) / (rateBuckets * rateBucketSeconds)
}
