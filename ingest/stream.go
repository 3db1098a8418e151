package ingest

import (
	"context"
	"errors"
	"net"
	"os"
	"time"

	"github.com/tagtail/tagtail/ingest/syslog"
)

// stream reads one connection. It belongs to one goroutine.
type stream struct {
	feed   *feed
	reader *syslog.Reader
	conn   net.Conn
	from   *peer

	opened, last, stopped time.Time // last: when bytes came; stopped: when the shutdown was seen
	flushed               bool      // since last
	rested                bool      // since last, the memory was let go of
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
			s.pause()
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
		s.last, s.flushed, s.rested = time.Now(), false, false
	}
	return err
}

// pause takes an unfinished line as it is, or else lets go of memory.
func (s *stream) pause() {
	if s.reader.Pending() == 0 {
		s.reader.Release()
		s.feed.release()
		s.rested = true
		return
	}
	s.reader.Flush()
	s.flushed = true
}

// deadline is until when to wait for bytes; zero is for ever.
func (s *stream) deadline() time.Time {
	switch {
	case s.last.IsZero():
		return s.opened.Add(s.feed.limits.firstByte)
	case s.reader.Pending() == 0 && s.rested:
		return time.Time{}
	case s.flushed:
		return s.last.Add(s.feed.limits.stall)
	}
	return time.Now().Add(s.feed.limits.idleFlush)
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
	return ctx.Err() == nil && !s.last.IsZero() &&
		(s.reader.Pending() == 0 || time.Since(s.last) < s.feed.limits.stall)
}
