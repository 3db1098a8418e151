package viewer

import (
	"fmt"
	"time"
)

// When a tail is too much to read. A person reads some rows a second; what is
// more than a screen a second is a blur that costs the browser all it has.
const (
	// fastRate is how many entries a second are too many, in fastSeconds of the
	// last paceSeconds; slowRate is how few end that, in as many.
	fastRate    = 200
	slowRate    = 100
	fastSeconds = 6
	paceSeconds = 10
	// floodRate is too much at once.
	floodRate = 2000
	// sampleRate is how many entries a second a sample has.
	sampleRate = 50
)

// pace knows whether what comes can be read. Only one goroutine uses it.
type pace struct {
	counts [paceSeconds]int // entries of each second, the running one at 0
	since  time.Time        // when the running second began
	fast   bool
	due    float64 // entries of the sample that are to be shown
	last   time.Time
}

// add notes n entries at a time that is not before the one before, and returns
// how many of them a sample shows; all of them while they can be read.
func (p *pace) add(now time.Time, n int) (shown int) {
	p.turn(now)
	p.counts[0] += n
	if p.counts[0] >= floodRate {
		p.fast = true
	}
	if !p.fast {
		p.last, p.due = now, 0
		return n
	}
	p.due = min(p.due+now.Sub(p.last).Seconds()*sampleRate, sampleRate)
	p.last = now
	shown = min(int(p.due), n)
	p.due -= float64(shown)
	return shown
}

// turn ends the seconds that are over.
func (p *pace) turn(now time.Time) {
	if p.since.IsZero() {
		p.since, p.last = now, now
	}
	over := int(now.Sub(p.since) / time.Second)
	if over == 0 {
		return
	}
	p.since = p.since.Add(time.Duration(over) * time.Second)
	for range min(over, paceSeconds) {
		copy(p.counts[1:], p.counts[:paceSeconds-1])
		p.counts[0] = 0
		fast, slow := 0, 0
		for _, count := range p.counts[1:] {
			if count > fastRate {
				fast++
			}
			if count < slowRate {
				slow++
			}
		}
		p.fast = fast >= fastSeconds || p.fast && slow < fastSeconds
	}
}

// tally counts entries.
type tally struct {
	entries uint64
	errors  uint64 // of severity err or worse
}

func (t tally) plus(o tally) tally  { return tally{t.entries + o.entries, t.errors + o.errors} }
func (t tally) minus(o tally) tally { return tally{t.entries - o.entries, t.errors - o.errors} }

func (m mail) tally() tally {
	t := tally{entries: uint64(m.count)}
	for _, bad := range m.bad {
		if bad {
			t.errors++
		}
	}
	return t
}

// beginSample is what a sample frame begins with.
const beginSample = `{"type":"sample","entries":[`

// endSample completes a sample frame of what was counted, which reads up to a Seq.
func endSample(frame []byte, counted tally, seq uint64) []byte {
	return fmt.Appendf(frame, `],"count":%d,"error_count":%d,"seq":%d}`, counted.entries, counted.errors, seq)
}

// sampleOf makes the frame that shows so many of the mail's entries, as far from
// one another as they can be, and says what it leaves out.
func sampleOf(m mail, shown int) []byte {
	out := []byte(beginSample)
	begin := len(`{"type":"entries","entries":[`)
	for i := range shown {
		at := (2*i + 1) * m.count / (2 * shown)
		from := begin
		if at > 0 {
			from = m.ends[at-1] + 1 // behind the comma
		}
		if i > 0 {
			out = append(out, ',')
		}
		out = append(out, m.frame[from:m.ends[at]]...)
	}
	return endSample(out, m.tally(), m.seq)
}
