package ingest

import (
	"context"
	"errors"
	"net"
	"os"
	"time"

	"github.com/tagtail/tagtail/ingest/syslog"
)

// Patience with the senders of a stream.
const (
	// firstByteWithin is how long a new connection may say nothing.
	firstByteWithin = time.Minute
	// idleFlush is when an unfinished line is taken as it is: some loggers
	// write no line ends.
	idleFlush = 2 * time.Second
	// stallWithin is how long a counted frame may stop in its middle.
	stallWithin = 30 * time.Second
)

// stream reads one connection. It belongs to one goroutine.
type stream struct {
	feed   *feed
	reader *syslog.Reader
	conn   net.Conn
	from   *peer

	opened, last, stopped time.Time // last: when bytes came; stopped: when the shutdown was seen
	flushed               bool      // since last
}

func newStream(in *input, framing syslog.Framing, conn net.Conn, from *peer) *stream {
	return &stream{feed: newFeed(in), reader: syslog.NewReader(framing), conn: conn, from: from, opened: time.Now()}
}

// run reads until the sender closes, stalls, or ctx ends, and closes.
func (s *stream) run(ctx context.Context) {
	// Wakes a waiting read, which then sees that ctx has ended.
	stopped := context.AfterFunc(ctx, func() { _ = s.conn.SetReadDeadline(time.Now().Add(drainGrace)) })
	defer stopped()
	for {
		s.deliver()
		err := s.fill(ctx)
		switch {
		case err == nil:
		case errors.Is(err, os.ErrDeadlineExceeded) && s.mayPause(ctx):
			s.reader.Flush()
			s.flushed = true
		default:
			s.reader.End()
			s.deliver()
			_ = s.conn.Close() // all is read; the sender learns nothing from it
			return
		}
	}
}

// deliver gives the Sink all whole messages that were read.
func (s *stream) deliver() {
	received := s.feed.clock()
	for f, ok := s.reader.Next(); ok; f, ok = s.reader.Next() {
		s.feed.add(f.Bytes, received, s.from, f.Flags)
	}
	s.feed.flush()
}

func (s *stream) fill(ctx context.Context) error {
	if err := s.conn.SetReadDeadline(s.deadline()); err != nil {
		return err
	}
	if ctx.Err() != nil {
		// The order matters: the deadline above may have replaced the one
		// that the end of ctx set.
		if err := s.conn.SetReadDeadline(s.drainDeadline()); err != nil {
			return err
		}
	}
	before := s.reader.Pending()
	err := s.reader.Fill(s.conn)
	if s.reader.Pending() > before {
		s.last, s.flushed = time.Now(), false
	}
	return err
}

// deadline is until when to wait for bytes; zero is for ever.
func (s *stream) deadline() time.Time {
	switch {
	case s.last.IsZero():
		return s.opened.Add(firstByteWithin)
	case s.reader.Pending() == 0:
		return time.Time{}
	case s.flushed:
		return s.last.Add(stallWithin)
	}
	return time.Now().Add(idleFlush)
}

func (s *stream) drainDeadline() time.Time {
	now := time.Now()
	if s.stopped.IsZero() {
		s.stopped = now
	}
	if now.Sub(s.stopped) > drainWithin {
		return now
	}
	return now.Add(drainGrace)
}

// mayPause tells whether a sender that has missed the deadline may go on.
func (s *stream) mayPause(ctx context.Context) bool {
	return ctx.Err() == nil && !s.last.IsZero() && time.Since(s.last) < stallWithin
}
