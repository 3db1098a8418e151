package ingest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"time"

	"github.com/tagtail/tagtail/ingest/syslog"
)

// keepAlive finds senders that have vanished. There is no other limit for
// connections that have sent something: Lua keeps pools of them.
const keepAlive = 30 * time.Second

// errTooMany is why a connection was refused.
var errTooMany = errors.New("too many connections")

// streamSocket is a socket that accepts connections.
type streamSocket interface {
	net.Listener
	SetDeadline(time.Time) error
}

// streamListener accepts connections, with one goroutine each. A slow Sink
// makes it stop reading, so that the sender waits.
type streamListener struct {
	*input
	socket  streamSocket
	framing syslog.Framing
	// sender is who a connection is from.
	sender   func(net.Conn) sender
	maxConns int
	maxEach  int

	mu      sync.Mutex
	open    map[string]int // connections by source
	total   int
	refused uint64
}

func listenTCP(in *input, cfg *Config) (*streamListener, error) {
	lc := net.ListenConfig{KeepAlive: keepAlive}
	socket, err := lc.Listen(context.Background(), "tcp", in.spec.address)
	if err != nil {
		return nil, bindError(&in.spec, err)
	}
	return &streamListener{
		input:    in,
		socket:   socket.(*net.TCPListener),
		sender:   addrSender,
		framing:  syslog.Framing{MaxBytes: cfg.MaxMessageBytes, Multiline: in.spec.multiline},
		maxConns: cfg.MaxConns,
		maxEach:  cfg.MaxConnsPerSource,
		open:     map[string]int{},
	}, nil
}

func (l *streamListener) addr() net.Addr { return l.socket.Addr() }

func (l *streamListener) run(ctx context.Context) {
	// Connections that the kernel has accepted already are still served.
	stopped := context.AfterFunc(ctx, func() { _ = l.socket.SetDeadline(time.Now().Add(drainGrace)) })
	defer stopped()
	var wg sync.WaitGroup
	defer wg.Wait()
	var pause backoff
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
		if !l.admit(from.source) {
			l.report("admit connection", errors.Join(fmt.Errorf("%s: %w", from.source, errTooMany), conn.Close()))
			continue
		}
		wg.Go(func() {
			defer l.leave(from.source)
			newStream(l.input, l.framing, conn, from).run(ctx)
		})
	}
}

// admit counts a connection in, unless there are too many.
func (l *streamListener) admit(source string) bool {
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

func (l *streamListener) leave(source string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.total--
	l.open[source]--
	if l.open[source] == 0 {
		delete(l.open, source)
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

func (l *streamListener) close() error { return ignoreClosed(l.socket.Close()) }
