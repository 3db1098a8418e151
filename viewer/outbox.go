package viewer

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/tagtail/tagtail/index"
)

// The size of one frame of a tail. A full frame is sent without waiting for
// more; a follower whose frame is full waits until it is taken.
const (
	maxFrameEntries = 500
	maxFrameBytes   = 256 << 10
)

// outbox is the one frame between the goroutine that follows the logs, which
// fills it, and the one that writes the socket, which takes it. Because there
// is only one, a slow browser makes the follower wait, and the store moves a
// follower that waits too long forward and says how much it has missed.
type outbox struct {
	ready chan struct{} // holds one token if there is something to take
	full  chan struct{} // holds one token if the frame can take no more
	taken chan struct{} // holds one token if the frame was taken

	mu    sync.Mutex
	gap   index.Gap // comes before the frame
	frame []byte    // entries frame without its end, empty if there are none
	count int       // entries in frame
	ends  []int     // where each of them ends in frame
	bad   []bool    // which of them are errors
	first uint64    // the Seq of the first of them
	seq   uint64    // how far the frame has read
	spare []byte    // the buffer that the next frame uses

	spareEnds []int // as spare is for frame
	spareBad  []bool
}

func newOutbox(seq uint64) *outbox {
	return &outbox{
		ready: make(chan struct{}, 1),
		full:  make(chan struct{}, 1),
		taken: make(chan struct{}, 1),
		seq:   seq,
	}
}

// put appends a batch, waiting for room where there is none. It keeps nothing
// of the batch.
func (o *outbox) put(ctx context.Context, batch index.FollowBatch) error {
	if batch.Gap.Count > 0 {
		if err := o.putGap(ctx, batch.Gap); err != nil {
			return err
		}
	}
	rest := batch.Entries
	for {
		n := o.fill(rest)
		rest = rest[n:]
		if len(rest) == 0 {
			break
		}
		if err := o.room(ctx); err != nil {
			return err
		}
	}
	o.mu.Lock()
	o.seq = max(o.seq, batch.Seq)
	o.mu.Unlock()
	return nil
}

// putGap waits until the entries before the gap are taken.
func (o *outbox) putGap(ctx context.Context, gap index.Gap) error {
	for {
		o.mu.Lock()
		if o.count == 0 && o.gap.Count == 0 {
			o.gap, o.seq = gap, gap.ToSeq
			o.mu.Unlock()
			signal(o.ready)
			return nil
		}
		o.mu.Unlock()
		if err := o.room(ctx); err != nil {
			return err
		}
	}
}

// fill appends entries until the frame is full, and returns how many.
func (o *outbox) fill(entries []index.Entry) int {
	o.mu.Lock()
	defer o.mu.Unlock()
	n := 0
	for n < len(entries) && !o.fullLocked() {
		if o.count == 0 {
			o.first = entries[n].Seq
		}
		o.frame = appendEntry(o.frame, &entries[n])
		o.ends, o.bad = append(o.ends, len(o.frame)), append(o.bad, entries[n].Severity <= index.Err)
		o.count++
		o.seq = entries[n].Seq
		n++
	}
	if o.count > 0 {
		signal(o.ready)
	}
	if o.fullLocked() {
		signal(o.full)
	}
	return n
}

func (o *outbox) fullLocked() bool {
	return o.count >= maxFrameEntries || len(o.frame) >= maxFrameBytes
}

// room waits until the frame was taken.
func (o *outbox) room(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-o.taken:
		return nil
	}
}

// mail is what take returns. Its frame is a whole entries frame, or empty,
// and valid until the next take, as ends and bad are.
type mail struct {
	gap   index.Gap
	frame []byte
	count int
	ends  []int  // where each entry ends in frame
	bad   []bool // which of them are errors
	first uint64 // the first Seq that the gap or the frame has
	seq   uint64
}

func (m mail) empty() bool { return m.count == 0 && m.gap.Count == 0 }

// take empties the outbox.
func (o *outbox) take() mail {
	o.mu.Lock()
	defer o.mu.Unlock()
	unsignal(o.full)
	m := mail{gap: o.gap, count: o.count, first: o.first, seq: o.seq}
	if m.gap.Count > 0 {
		m.first = m.gap.FromSeq
	}
	if o.count > 0 {
		m.frame = endEntries(o.frame, o.seq)
		o.frame, o.spare = o.spare[:0], m.frame
		m.ends, m.bad = o.ends, o.bad
		o.ends, o.spareEnds = o.spareEnds[:0], o.ends
		o.bad, o.spareBad = o.spareBad[:0], o.bad
	}
	o.gap, o.count = index.Gap{}, 0
	signal(o.taken)
	return m
}

// errFollowed wraps why the goroutine that fills the outbox has ended.
var errFollowed = errors.New("the logs are followed no more")

// pump is what becomes of an outbox's mail.
type pump struct {
	deliver func(mail) error // keeps nothing of the mail
	tick    <-chan time.Time
	ticked  func() error // at each tick, between two deliveries
	ended   <-chan error // of the goroutine that fills the outbox
}

// pump delivers what the outbox gets, at once when little comes and once in
// frameEvery when much does, until something ends it.
func (o *outbox) pump(ctx context.Context, p pump) error {
	pace := time.NewTimer(0)
	defer pace.Stop()
	<-pace.C
	var sent time.Time
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-p.ended:
			return fmt.Errorf("%w: %w", errFollowed, err)
		case <-p.tick:
			if err := p.ticked(); err != nil {
				return err
			}
			continue
		case <-o.ready:
		}
		if wait := frameEvery - time.Since(sent); wait > 0 {
			pace.Reset(wait)
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-o.full:
				pace.Stop()
			case <-pace.C:
			}
		}
		m := o.take()
		if m.empty() {
			continue // the token was of a frame that went with the one before
		}
		if err := p.deliver(m); err != nil {
			return err
		}
		sent = time.Now()
	}
}

// shrink frees the buffers of a quiet tail. The caller must be done with the
// frames it took.
func (o *outbox) shrink() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.count == 0 {
		o.frame, o.spare = nil, nil
		o.ends, o.spareEnds, o.bad, o.spareBad = nil, nil, nil, nil
	}
}

// read is how far the frames that were taken have read, if nothing waits.
func (o *outbox) read() (seq uint64, idle bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.seq, o.count == 0 && o.gap.Count == 0
}

// appendEntry appends e to an entries frame, and its beginning to an empty one.
func appendEntry(frame []byte, e *index.Entry) []byte {
	if len(frame) == 0 {
		frame = append(frame, `{"type":"entries","entries":[`...)
	} else {
		frame = append(frame, ',')
	}
	return e.AppendJSON(frame)
}

// endEntries completes an entries frame.
func endEntries(frame []byte, seq uint64) []byte {
	if len(frame) == 0 {
		frame = append(frame, `{"type":"entries","entries":[`...)
	}
	frame = append(frame, `],"seq":`...)
	frame = strconv.AppendUint(frame, seq, 10)
	return append(frame, '}')
}

// endHistory completes the entries frame of a tail's history. If that was not
// looked through to its end, next is the cursor of the search that goes on, and
// reached how far it is.
func endHistory(frame []byte, seq uint64, next string, reached time.Time) []byte {
	frame = endEntries(frame, seq)
	if next == "" {
		return frame
	}
	frame = append(frame[:len(frame)-1], `,"next":"`...)
	frame = append(append(frame, next...), `","reached":"`...)
	frame = reached.AppendFormat(frame, time.RFC3339Nano)
	return append(frame, `"}`...)
}

// signal leaves a token in c, which has room for one.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// unsignal takes the token out of c, if there is one.
func unsignal(c chan struct{}) {
	select {
	case <-c:
	default:
	}
}
