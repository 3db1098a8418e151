package ingest

import (
	"context"
	"errors"
	"net"
	"os"
	"sync"
	"time"
)

// How long sockets are read on after the shutdown began. What the kernel
// holds is there at once, so a socket that is silent for drainGrace is empty;
// a sender that never stops is cut off after drainWithin, or later if what the
// kernel may hold is not read by then.
const (
	drainGrace  = 50 * time.Millisecond
	drainWithin = time.Second
)

// deadliner is the part of a connection that ends a waiting read.
type deadliner interface {
	SetReadDeadline(time.Time) error
}

// receive runs the two goroutines of a datagram socket until ctx ends and the
// socket and the queue are empty: read fills the queue, a feed empties it.
func (in *input) receive(ctx context.Context, d *drainer, q *queue, read func(context.Context, *drainer)) {
	stopped := context.AfterFunc(ctx, func() {
		// An error means that the socket is closed, which ends read too.
		_ = d.conn.SetReadDeadline(time.Now().Add(drainGrace))
	})
	defer stopped()
	var wg sync.WaitGroup
	wg.Go(func() { newFeed(in).drain(q) })
	read(ctx, d)
	q.close()
	wg.Wait()
}

// receiveFailed deals with an error that may go away. That a deadline is past
// is no trouble: the drainer has set a new one.
func (in *input) receiveFailed(ctx context.Context, err error, pause *backoff) {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return
	}
	in.report("receive datagrams", err)
	pause.wait(ctx)
}

// drainer decides when a datagram socket is empty. It belongs to the reading
// goroutine.
type drainer struct {
	conn deadliner
	// most is how many datagrams the kernel can hold: so many are read after
	// the shutdown began even if that takes longer than drainWithin.
	most  int
	first time.Time // of the deadline being over; zero before the shutdown
	busy  bool      // something came since the last deadline
}

// got notes that n datagrams were read.
func (d *drainer) got(n int) {
	d.busy = true
	if !d.first.IsZero() {
		d.most -= n
	}
}

// over tells whether err, from a read, means that there is nothing more.
func (d *drainer) over(err error) bool {
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		return errors.Is(err, net.ErrClosed)
	}
	now := time.Now()
	again := d.busy || d.first.IsZero()
	if d.first.IsZero() {
		d.first = now
	}
	if !again || d.most <= 0 && now.Sub(d.first) > drainWithin {
		return true
	}
	// A read past its deadline fails without a look at the socket.
	d.busy = false
	return d.conn.SetReadDeadline(now.Add(drainGrace)) != nil
}

// backoff waits longer after each error in a row, from 5 ms to most.
type backoff struct{ last, most time.Duration }

func (b *backoff) reset() { b.last = 0 }

func (b *backoff) wait(ctx context.Context) {
	b.last = min(max(5*time.Millisecond, 2*b.last), b.most)
	timer := time.NewTimer(b.last)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// ignoreClosed makes closing twice no error.
func ignoreClosed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}
