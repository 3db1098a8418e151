package ingest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"github.com/tagtail/tagtail/index"
	"github.com/tagtail/tagtail/ingest/relp"
)

// relpLinger is how long a connection is kept after its end, so that the
// client can read the last acknowledgements: a close with bytes unread would
// make the kernel throw them away, and their messages would come again. It is
// also the pause after which a client whose messages could not be stored
// connects again.
const relpLinger = time.Second

// listenRELP binds a TCP socket for rsyslog's omrelp.
func listenRELP(in *input, cfg *Config) (*streamListener, error) {
	sink, ok := in.sink.(Syncer)
	if !ok {
		return nil, in.spec.wrong("acknowledges messages when they are durable, and the store cannot tell when: use tcp:// instead")
	}
	serve := in.relp(cfg, sink)
	if in.spec.tls.on {
		var err error
		if serve, err = in.overTLS(serve); err != nil {
			return nil, err
		}
	}
	return newTCPListener(in, cfg, serve)
}

// relp serves RELP connections.
func (in *input) relp(cfg *Config, sink Syncer) serveFunc {
	stored := newResent(in)
	return func(ctx context.Context, conn net.Conn, from *peer) {
		s := &relpStream{
			feed: newFeed(in), sink: sink, conn: conn, from: from,
			reader: relp.NewReader(cfg.MaxMessageBytes), stored: stored, opened: time.Now(),
		}
		s.run(ctx)
	}
}

// relpStream reads one RELP connection. It belongs to one goroutine.
//
// All frames that are there are read, given to the Sink at once, synced once
// and acknowledged at once. A client has no more unacknowledged messages than
// its window allows; here their number is bounded by that of a batch.
//
// What is durable when a connection is lost, but not acknowledged yet, is sent
// again; resent knows it.
type relpStream struct {
	feed    *feed
	sink    Syncer
	conn    net.Conn
	from    *peer
	reader  *relp.Reader
	session relp.Session
	stored  *resent
	number  uint32 // of the session, in stored; 0 before the first message
	skipped bool   // since the last commit, messages were not stored again

	opened, last time.Time // last: when bytes came
	rested       bool      // since last, the memory was let go of
	mute         bool      // a write has failed
}

// Why a session ends.
var (
	errEnded     = errors.New("relp session ended")
	errRefused   = errors.New("relp session refused")
	errNotStored = errors.New("messages are not stored; the client will send them again")
)

// run serves until the client closes, stalls or breaks the protocol, a batch
// cannot be stored, or ctx ends, and closes.
func (s *relpStream) run(ctx context.Context) {
	// Wakes a waiting read, which then sees that ctx has ended. What was not
	// read by then was not acknowledged, and comes again.
	stopped := context.AfterFunc(ctx, func() { _ = s.conn.SetReadDeadline(time.Now()) })
	defer stopped()
	for {
		err := s.fill(ctx)
		if delivered := s.deliver(ctx); delivered != nil {
			s.end(ctx, delivered)
			return
		}
		switch {
		case err == nil:
		case errors.Is(err, os.ErrDeadlineExceeded) && s.mayPause(ctx):
			s.rest()
		default:
			s.end(ctx, err)
			return
		}
	}
}

// deliver takes all whole frames that were read, makes their messages durable
// and then acknowledges them.
func (s *relpStream) deliver(ctx context.Context) error {
	received := s.feed.clock()
	for {
		if s.feed.full() {
			if err := s.commit(ctx); err != nil {
				return err
			}
		}
		f, ok, err := s.reader.Next()
		if err != nil || !ok {
			return errors.Join(s.commit(ctx), err)
		}
		event, err := s.session.Take(f)
		if err != nil {
			return errors.Join(s.commit(ctx), err)
		}
		switch event {
		case relp.Message:
			var flags index.Flags
			if f.Cut {
				flags = index.FlagTruncated
			}
			n := len(s.feed.batch)
			s.feed.add(f.Data, received, s.from, flags)
			if err := s.skip(ctx, n); err != nil {
				return err
			}
		case relp.Closed:
			return errors.Join(s.commit(ctx), errEnded)
		case relp.Refused:
			return errors.Join(s.commit(ctx), errRefused)
		}
	}
}

// skip takes what is behind the first n entries of the batch, one or none, out
// again if it is stored already.
func (s *relpStream) skip(ctx context.Context, n int) error {
	if s.number == 0 {
		number, err := s.stored.session(ctx, s.from.source)
		if err != nil {
			return fmt.Errorf("%w: recall entries: %w", errNotStored, err)
		}
		s.number = number
	}
	if len(s.feed.batch) > n && s.stored.again(s.from.source, s.number, &s.feed.batch[n]) {
		s.feed.dropLast()
		s.skipped = true
	}
	return nil
}

// commit makes the batch durable and sends all responses that are owed.
func (s *relpStream) commit(ctx context.Context) error {
	if len(s.feed.batch) > 0 || s.skipped {
		// The end of ctx does not stop it: what is in the store already would
		// come again.
		err := s.feed.store(context.WithoutCancel(ctx), s.sink, func(stored []index.Entry) {
			s.stored.add(s.from.source, s.number, stored)
		})
		if err != nil {
			return fmt.Errorf("%w: %w", errNotStored, err)
		}
		s.skipped = false
	}
	return s.write(ctx, s.session.Release())
}

func (s *relpStream) write(ctx context.Context, responses []byte) error {
	if len(responses) == 0 || s.mute {
		return nil
	}
	within := s.feed.limits.stall
	if ctx.Err() != nil {
		within = drainWithin
	}
	if err := s.conn.SetWriteDeadline(time.Now().Add(within)); err != nil {
		return err
	}
	_, err := s.conn.Write(responses)
	s.mute = err != nil
	return err
}

func (s *relpStream) fill(ctx context.Context) error {
	if err := s.conn.SetReadDeadline(s.deadline()); err != nil {
		return err
	}
	if ctx.Err() != nil { // the deadline above may have replaced that of its end
		return ctx.Err()
	}
	n, err := s.reader.Fill(s.conn)
	if n > 0 {
		s.last, s.rested = time.Now(), false
	}
	return err
}

// deadline is until when to wait for bytes; zero is for ever.
func (s *relpStream) deadline() time.Time {
	switch {
	case s.last.IsZero():
		return s.opened.Add(s.feed.limits.firstByte)
	case s.reader.Pending():
		return s.last.Add(s.feed.limits.stall)
	case s.rested:
		return time.Time{}
	}
	return time.Now().Add(s.feed.limits.idleFlush)
}

// mayPause tells whether a client that has missed the deadline may go on.
func (s *relpStream) mayPause(ctx context.Context) bool {
	return ctx.Err() == nil && !s.last.IsZero() && !s.reader.Pending()
}

// rest lets go of memory until more comes.
func (s *relpStream) rest() {
	s.reader.Release()
	s.feed.release()
	s.rested = true
}

// end closes, after the client had the time to read what it was sent.
func (s *relpStream) end(ctx context.Context, why error) {
	defer func() { _ = s.conn.Close() }() // what was not acknowledged comes again
	switch {
	case errors.Is(why, errNotStored):
		s.feed.report("store relp messages", why)
	case errors.Is(why, errEnded) && !s.mute: // nothing is left that could come again
		s.stored.forget(s.from.source, s.number)
	case errors.Is(why, errRefused), errors.Is(why, relp.ErrFraming), errors.Is(why, relp.ErrProtocol):
		s.feed.report("read relp", fmt.Errorf("%s: %w", s.from.source, why))
	}
	if s.write(ctx, relp.Goodbye()) != nil || s.mute {
		return
	}
	if half, ok := s.conn.(interface{ CloseWrite() error }); !ok || half.CloseWrite() != nil {
		return
	}
	if s.conn.SetReadDeadline(time.Now().Add(relpLinger)) == nil {
		_, _ = io.Copy(io.Discard, s.conn)
	}
}
