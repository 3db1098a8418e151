package ingest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"time"
)

// errTooMany is why a connection was refused.
var errTooMany = errors.New("too many connections")

// streamSocket is a socket that accepts connections.
type streamSocket interface {
	net.Listener
	SetDeadline(time.Time) error
}

// serveFunc reads a connection until it or ctx ends, and closes it. It runs in
// a goroutine of its own.
type serveFunc func(ctx context.Context, conn net.Conn, from *peer)

// streamListener accepts connections, with one goroutine each, and does
// nothing else in the accepting goroutine. A slow Sink makes it stop reading,
// so that the sender waits.
type streamListener struct {
	*input
	socket streamSocket
	// sender is who a connection is from.
	sender   func(net.Conn) sender
	serve    serveFunc
	maxConns int
	maxEach  int
	release  func() error // what is to do besides closing the socket, or nil

	mu      sync.Mutex
	open    map[string]int // connections by origin
	total   int
	refused uint64
}

func newStreamListener(in *input, cfg *Config, socket streamSocket, from func(net.Conn) sender, serve serveFunc) *streamListener {
	return &streamListener{
		input:    in,
		socket:   socket,
		sender:   from,
		serve:    serve,
		maxConns: cfg.MaxConns,
		maxEach:  cfg.MaxConnsPerSource,
		open:     map[string]int{},
	}
}

func (l *streamListener) addr() net.Addr { return l.socket.Addr() }

func (l *streamListener) run(ctx context.Context) {
	// Connections that the kernel has accepted already are still served.
	stopped := context.AfterFunc(ctx, func() { _ = l.socket.SetDeadline(time.Now().Add(drainGrace)) })
	defer stopped()
	var wg sync.WaitGroup
	defer wg.Wait()
	pause := backoff{most: l.limits.acceptPause}
	for {
		conn, err := l.socket.Accept()
		switch {
		case errors.Is(err, net.ErrClosed), errors.Is(err, os.ErrDeadlineExceeded):
			return
		case err != nil: // such as EMFILE, which lasts until something closes
			l.report("accept connection", err)
			pause.wait(ctx)
			continue
		}
		pause.reset()
		from := newPeer(l.sender(conn))
		origin := from.origin()
		if !l.admit(origin) {
			l.report("admit connection", errors.Join(fmt.Errorf("%s: %w", origin, errTooMany), conn.Close()))
			continue
		}
		wg.Go(func() {
			defer l.leave(origin)
			l.serve(ctx, conn, from)
		})
	}
}

// admit counts a connection in, unless there are too many.
func (l *streamListener) admit(origin string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.total >= l.maxConns || l.open[origin] >= l.maxEach {
		l.refused++
		return false
	}
	l.total++
	l.open[origin]++
	return true
}

func (l *streamListener) leave(origin string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.total--
	l.open[origin]--
	if l.open[origin] == 0 {
		delete(l.open, origin)
	}
}

func (l *streamListener) sample() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	detail := fmt.Sprintf("%d connections", l.total)
	if l.refused > 0 {
		detail += fmt.Sprintf(", %d refused", l.refused)
	}
	return detail
}

func (l *streamListener) close() error {
	if err := l.socket.Close(); err != nil || l.release == nil {
		return ignoreClosed(err)
	}
	return l.release()
}
