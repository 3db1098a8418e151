package viewer

import (
	"net"
	"sync"
)

// limitListener accepts a connection only while fewer than its limit are open;
// others wait in the kernel's queue. Its connections stay TCP connections,
// which net/http closes in halves so that a refused client can read why.
type limitListener struct {
	*net.TCPListener
	slots  chan struct{} // has one for each open connection
	closed chan struct{}
	once   sync.Once
}

func newLimitListener(l *net.TCPListener, limit int) *limitListener {
	return &limitListener{TCPListener: l, slots: make(chan struct{}, limit), closed: make(chan struct{})}
}

// Accept implements net.Listener.
func (l *limitListener) Accept() (net.Conn, error) {
	select {
	case l.slots <- struct{}{}:
	case <-l.closed:
		return nil, net.ErrClosed
	}
	conn, err := l.AcceptTCP()
	if err != nil {
		<-l.slots
		return nil, err
	}
	return &limitedConn{TCPConn: conn, free: sync.OnceFunc(func() { <-l.slots })}, nil
}

// Close implements net.Listener.
func (l *limitListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.TCPListener.Close()
}

// limitedConn frees its slot when it is closed.
type limitedConn struct {
	*net.TCPConn
	free func()
}

// Close implements net.Conn.
func (c *limitedConn) Close() error {
	defer c.free()
	return c.TCPConn.Close()
}
