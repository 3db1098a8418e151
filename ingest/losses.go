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
	rates    *limiter
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
		rates:    r.rates,
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
		if !s.due(every, now) {
			continue
		}
		e := l.entry(now, index.Unassigned, fmt.Sprintf("%d messages lost between %s and %s (%s)",
			s.pending, s.from.Format(time.RFC3339), s.to.Format(time.RFC3339), in.name))
		e.Input = in.name
		if err := l.append(e); err != nil {
			in.report("announce losses", err)
			continue
		}
		s.pending, s.reported = 0, now
	}
	for _, s := range l.rates.due(every, now) {
		if err := l.append(l.entry(now, s.instance, s.message)); err != nil {
			l.rates.restore(s)
			l.inputs[0].report("announce suppressed messages", err)
		}
	}
}

// append returns an error unless the Sink keeps e.
func (l *losses) append(e index.Entry) error {
	entries := []index.Entry{e}
	if err := l.sink.Append(entries); err != nil && unkept(entries) > 0 {
		return err
	}
	return nil
}

// due tells whether there is something to announce that was not lately.
func (s *lossState) due(every time.Duration, now time.Time) bool {
	return s.pending > 0 && (s.reported.IsZero() || now.Sub(s.reported) >= every)
}

// add notes that the counter of losses stood at total at the time now.
func (s *lossState) add(total uint64, now time.Time) {
	s.note(total, s.checked, now)
	s.checked = now
}

// note is add for losses that are known to be from then until now.
func (s *lossState) note(total uint64, then, now time.Time) {
	if total <= s.seen {
		return
	}
	if s.pending == 0 {
		s.from = then
	}
	s.pending += total - s.seen
	s.seen, s.to = total, now
}

// entry is an announcement.
func (l *losses) entry(now time.Time, instance, message string) index.Entry {
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
		Instance:   instance,
		Message:    message,
	}
}
