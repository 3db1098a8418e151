package ingest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"
)

// leastBuffered is what the smallest datagram takes of the kernel's buffer, or
// less.
const leastBuffered = 512

// udpListener receives on a UDP socket: one goroutine only moves datagrams
// from the socket into the queue, a second parses them.
type udpListener struct {
	*input
	conn      *net.UDPConn
	datagrams *datagramReader
	queue     *queue
	// buffer is the socket's, wantBuffer what was asked for, in bytes.
	buffer, wantBuffer int

	mu    sync.Mutex
	drops uint32 // as the kernel last counted them
}

func listenUDP(in *input, cfg *Config) (*udpListener, error) {
	conn, err := net.ListenPacket(udpNetwork(in.spec.address), in.spec.address)
	if err != nil {
		return nil, bindError(&in.spec, err)
	}
	l := &udpListener{input: in, conn: conn.(*net.UDPConn), queue: newQueue(cfg.QueueBytes), wantBuffer: cfg.ReceiveBufferBytes}
	l.buffer, err = setReceiveBuffer(l.conn, l.wantBuffer)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("set receive buffer of %s: %w", in.spec.text, err), conn.Close())
	}
	if l.datagrams, err = newDatagramReader(l.conn); err != nil {
		return nil, errors.Join(fmt.Errorf("read from %s: %w", in.spec.text, err), conn.Close())
	}
	if l.buffer < l.wantBuffer {
		in.log.Warn("udp receive buffer is smaller than wanted; raise net.core.rmem_max",
			"input", in.spec.text, "wanted_bytes", l.wantBuffer, "got_bytes", l.buffer)
	}
	return l, nil
}

// udpNetwork keeps an IPv4 address from getting a dual-stack socket.
func udpNetwork(address string) string {
	if ap, err := netip.ParseAddrPort(address); err == nil && ap.Addr().Is4() {
		return "udp4"
	}
	return "udp"
}

func (l *udpListener) addr() net.Addr { return l.conn.LocalAddr() }

func (l *udpListener) run(ctx context.Context) {
	d := &drainer{conn: l.conn, most: 2 * l.buffer / leastBuffered}
	l.receive(ctx, d, l.queue, l.read)
}

// read moves datagrams into the queue until d says that it is over.
func (l *udpListener) read(ctx context.Context, d *drainer) {
	list := make([]datagram, 0, datagramBatch)
	pause := backoff{most: time.Second}
	for {
		n, err := l.datagrams.read()
		if err != nil {
			if d.over(err) {
				return
			}
			l.receiveFailed(ctx, err, &pause)
			continue
		}
		d.got(n)
		pause.reset()
		received := l.clock()
		list = list[:0]
		for i := range n {
			from, port := l.datagrams.sender(i)
			list = append(list, datagram{data: l.datagrams.data(i), from: from, port: port, received: received})
		}
		l.dropped.Add(uint64(l.queue.put(list)))
	}
}

// sample adds the kernel's new drops to the counter. Their counter has 32
// bits: the difference is right also when it wraps.
func (l *udpListener) sample() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if drops, err := kernelDrops(l.conn); err == nil {
		l.kernelDropped.Add(uint64(drops - l.drops))
		l.drops = drops
	}
	if l.buffer < l.wantBuffer {
		return fmt.Sprintf("The kernel grants a receive buffer of %d KiB instead of %d: raise net.core.rmem_max.",
			l.buffer>>10, l.wantBuffer>>10)
	}
	return ""
}

func (l *udpListener) close() error { return ignoreClosed(l.conn.Close()) }
