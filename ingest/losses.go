package ingest

import (
	"context"
	"fmt"
	"time"

	"github.com/tagtail/tagtail/index"
)

// sampleEvery is how often the kernel is asked what it has dropped.
const sampleEvery = time.Second

// losses announces lost messages where they are missing: in the log. It
// belongs to the goroutine that runs watch, then to Run.
type losses struct {
	sink     Sink
	now      func() time.Time
	hostname string
	inputs   []*input
	sample   func()
	states   []lossState
}

// lossState is what is known of the losses of one input.
type lossState struct {
	seen     uint64    // of input.lost
	pending  uint64    // not announced yet
	from, to time.Time // when the pending ones were lost
	checked  time.Time
	reported time.Time
}

func newLosses(r *Receiver, cfg *Config) *losses {
	l := &losses{
		sink:     r.sink,
		now:      func() time.Time { return cfg.Now().UTC().Round(0) },
		hostname: cfg.Hostname,
		inputs:   r.inputs,
		states:   make([]lossState, len(r.inputs)),
		sample: func() {
			for _, li := range r.listeners {
				li.sample()
			}
		},
	}
	for i := range l.states {
		l.states[i].checked = l.now()
	}
	return l
}

// watch looks for losses until ctx ends.
func (l *losses) watch(ctx context.Context) {
	tick := time.NewTicker(sampleEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			l.sample()
			l.check(reportEvery)
		}
	}
}

// announce reports at once what was lost so far.
func (l *losses) announce() { l.check(0) }

// check takes the counters' new losses and announces those of an input if it
// last did so at least every ago. What the Sink does not take stays pending.
func (l *losses) check(every time.Duration) {
	now := l.now()
	for i, in := range l.inputs {
		s := &l.states[i]
		s.add(in.lost(), now)
		if s.pending == 0 || !s.reported.IsZero() && now.Sub(s.reported) < every {
			continue
		}
		if err := l.sink.Append([]index.Entry{l.entry(in, s, now)}); err != nil {
			in.report("announce losses", err)
			continue
		}
		s.pending, s.reported = 0, now
	}
}

// add notes that the counter of losses stood at total at the time now.
func (s *lossState) add(total uint64, now time.Time) {
	if total > s.seen {
		if s.pending == 0 {
			s.from = s.checked
		}
		s.pending += total - s.seen
		s.seen, s.to = total, now
	}
	s.checked = now
}

func (l *losses) entry(in *input, s *lossState, now time.Time) index.Entry {
	return index.Entry{
		Received:   now,
		Time:       now,
		Facility:   index.Syslog,
		Severity:   index.Warning,
		Format:     index.FormatOwn,
		InstanceBy: index.ByItself,
		Flags:      index.FlagLost,
		Hostname:   l.hostname,
		AppName:    "tagtail",
		Instance:   index.Unassigned,
		Input:      in.name,
		Message: fmt.Sprintf("%d messages lost between %s and %s (%s)",
			s.pending, s.from.Format(time.RFC3339), s.to.Format(time.RFC3339), in.name),
	}
}
