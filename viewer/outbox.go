package viewer

import (
	"context"
	"strconv"
	"sync"

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
	seq   uint64    // how far the frame has read
	spare []byte    // the buffer that the next frame uses
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
		o.frame = appendEntry(o.frame, &entries[n])
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
// and valid until the next take.
type mail struct {
	gap   index.Gap
	frame []byte
	count int
	seq   uint64
}

func (m mail) empty() bool { return m.count == 0 && m.gap.Count == 0 }

// take empties the outbox.
func (o *outbox) take() mail {
	o.mu.Lock()
	defer o.mu.Unlock()
	unsignal(o.full)
	m := mail{gap: o.gap, count: o.count, seq: o.seq}
	if o.count > 0 {
		m.frame = endEntries(o.frame, o.seq)
		o.frame, o.spare = o.spare[:0], m.frame
	}
	o.gap, o.count = index.Gap{}, 0
	signal(o.taken)
	return m
}

// shrink frees the buffers of a quiet tail. The caller must be done with the
// frames it took.
func (o *outbox) shrink() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.count == 0 {
		o.frame, o.spare = nil, nil
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
