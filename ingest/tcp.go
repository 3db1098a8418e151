package ingest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync"
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
	// keepAlive finds senders that have vanished. There is no other limit for
	// connections that have sent something: Lua keeps pools of them.
	keepAlive = 30 * time.Second
)

// errTooMany is why a connection was refused.
var errTooMany = errors.New("too many connections")

// tcpListener receives on a TCP socket, with one goroutine a connection. A
// slow Sink makes it stop reading, so that the sender waits.
type tcpListener struct {
	*input
	socket   *net.TCPListener
	framing  syslog.Framing
	maxConns int
	maxEach  int

	mu      sync.Mutex
	open    map[netip.Addr]int // connections by source
	total   int
	refused uint64
}

func listenTCP(in *input, cfg *Config) (*tcpListener, error) {
	lc := net.ListenConfig{KeepAlive: keepAlive}
	socket, err := lc.Listen(context.Background(), "tcp", in.spec.address)
	if err != nil {
		return nil, bindError(&in.spec, err)
	}
	return &tcpListener{
		input:    in,
		socket:   socket.(*net.TCPListener),
		framing:  syslog.Framing{MaxBytes: cfg.MaxMessageBytes, Multiline: in.spec.multiline},
		maxConns: cfg.MaxConns,
		maxEach:  cfg.MaxConnsPerSource,
		open:     map[netip.Addr]int{},
	}, nil
}

func (l *tcpListener) addr() net.Addr { return l.socket.Addr() }

func (l *tcpListener) run(ctx context.Context) {
	// Connections that the kernel has accepted already are still served.
	stopped := context.AfterFunc(ctx, func() { _ = l.socket.SetDeadline(time.Now().Add(drainGrace)) })
	defer stopped()
	var wg sync.WaitGroup
	defer wg.Wait()
	var pause backoff
	for {
		conn, err := l.socket.AcceptTCP()
		switch {
		case errors.Is(err, net.ErrClosed), errors.Is(err, os.ErrDeadlineExceeded):
			return
		case err != nil: // such as EMFILE, which lasts until something closes
			l.report("accept connection", err)
			pause.wait(ctx)
			continue
		}
		pause.reset()
		source := conn.RemoteAddr().(*net.TCPAddr).AddrPort().Addr().Unmap()
		if !l.admit(source) {
			l.report("accept connection from "+source.String(), errors.Join(errTooMany, conn.Close()))
			continue
		}
		wg.Go(func() {
			defer l.leave(source)
			newStream(l.input, l.framing, conn, source.String()).run(ctx)
		})
	}
}

// admit counts a connection in, unless there are too many.
func (l *tcpListener) admit(source netip.Addr) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.total >= l.maxConns || l.open[source] >= l.maxEach {
		l.refused++
		return false
	}
	l.total++
	l.open[source]++
	return true
}

func (l *tcpListener) leave(source netip.Addr) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.total--
	l.open[source]--
	if l.open[source] == 0 {
		delete(l.open, source)
	}
}

func (l *tcpListener) sample() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	detail := fmt.Sprintf("%d connections", l.total)
	if l.refused > 0 {
		detail += fmt.Sprintf(", %d refused", l.refused)
	}
	return detail
}

func (l *tcpListener) close() error { return ignoreClosed(l.socket.Close()) }

// stream reads one connection. It belongs to one goroutine.
type stream struct {
	feed   *feed
	reader *syslog.Reader
	conn   net.Conn
	source string

	opened, last, stopped time.Time // last: when bytes came; stopped: when the shutdown was seen
	flushed               bool      // since last
}

func newStream(in *input, framing syslog.Framing, conn net.Conn, source string) *stream {
	return &stream{feed: newFeed(in), reader: syslog.NewReader(framing), conn: conn, source: source, opened: time.Now()}
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
		s.feed.add(f.Bytes, received, s.source, f.Flags)
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
