// Package forward sends messages on to another log server.
//
//	Queue → spool on disk → connection → acknowledged → forgotten
//
// Invariants: what is in the spool survives a restart; by TCP and RELP it is
// sent until the other side has it, and perhaps twice; a server that is away
// costs no memory, and attempts to reach it become rarer. By plain TCP "has it"
// means the other machine's kernel: only RELP hears from the server itself.
// Start reading at Forwarder.
package forward

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tagtail/tagtail/ingest/rules/queue"
	"github.com/tagtail/tagtail/ingest/rules/spool"
)

// Config says where to forward to. The zero value of a field is its default.
type Config struct {
	// Protocol is udp, tcp or relp, Target host:port.
	Protocol, Target string
	// OctetCounted counts bytes on TCP; otherwise a line feed ends a message.
	OctetCounted bool
	// Spool is the queue on disk; its MaxBytes is 256 MiB by default.
	Spool spool.Config
	// QueueBytes bounds what waits in memory for the disk.
	QueueBytes int
	// MinPause is the first pause after a failure, 0 is 1 s; it doubles up to
	// 30 s.
	MinPause time.Duration
	// Trouble takes a sentence about what is wrong, and one when it is right
	// again.
	Trouble func(text string)
}

const (
	defaultSpoolBytes = 256 << 20
	defaultMinPause   = time.Second
	maxPause          = 30 * time.Second
	dialWithin        = 10 * time.Second
	writeWithin       = 30 * time.Second
	// lingerWithin is how long a stop waits for what is on its way. The rest
	// stays on the disk.
	lingerWithin = time.Second
	// readBytes is how much of the spool is sent at once.
	readBytes = 128 << 10
	// troubleEvery is how often the same trouble is told.
	troubleEvery = 10 * time.Second
)

// Forwarder forwards the messages of one action.
type Forwarder struct {
	cfg   Config
	queue *queue.Queue
	spool *spool.Spool

	done  atomic.Uint64
	wrong atomic.Pointer[string]

	mu      sync.Mutex // of what follows
	silence time.Time
	told    uint64
}

// New opens the spool. It connects to nobody yet.
func New(cfg Config) (*Forwarder, error) {
	if cfg.Spool.MaxBytes == 0 {
		cfg.Spool.MaxBytes = defaultSpoolBytes
	}
	if cfg.MinPause == 0 {
		cfg.MinPause = defaultMinPause
	}
	s, err := spool.Open(cfg.Spool)
	if err != nil {
		return nil, err
	}
	return &Forwarder{cfg: cfg, queue: queue.New(cfg.QueueBytes), spool: s}, nil
}

// Put hands over a message. It never waits.
func (f *Forwarder) Put(path, line []byte) { f.queue.Put(path, line) }

// Wake says that messages were put.
func (f *Forwarder) Wake() { f.queue.Wake() }

// Stats are counters since the start, what waits now, and what is wrong.
func (f *Forwarder) Stats() (done, dropped uint64, waiting int, wrong string) {
	if text := f.wrong.Load(); text != nil {
		wrong = *text
	}
	return f.done.Load(), f.queue.Dropped() + f.spool.Lost(), f.queue.Waiting() + f.spool.Len(), wrong
}

// Run forwards until ctx ends; then it brings everything to the disk, and what
// the server takes at once to the server.
func (f *Forwarder) Run(ctx context.Context) {
	sending, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	var wg sync.WaitGroup
	wg.Go(func() { f.send(sending) })
	for ctx.Err() == nil {
		select {
		case <-f.queue.Ready():
		case <-ctx.Done():
		}
		f.store()
	}
	f.queue.Close()
	f.store()
	f.linger()
	stop()
	wg.Wait()
	if err := f.spool.Close(); err != nil {
		f.trouble("queue cannot be closed", err)
	}
	f.report(true)
}

// Close frees the spool of a Forwarder that never ran.
func (f *Forwarder) Close() error { return f.spool.Close() }

// linger waits a little while the spool is not empty.
func (f *Forwarder) linger() {
	for end := time.Now().Add(lingerWithin); f.spool.Len() > 0 && f.wrong.Load() == nil && time.Now().Before(end); {
		time.Sleep(5 * time.Millisecond)
	}
}

// store moves everything from memory to the disk.
func (f *Forwarder) store() {
	for {
		slab := f.queue.Take()
		if slab.Len() == 0 {
			return
		}
		lines := make([][]byte, slab.Len())
		for i := range lines {
			_, lines[i] = slab.At(i)
		}
		if err := f.spool.Append(lines); err != nil {
			f.trouble("messages for it cannot be kept on the disk", err)
		}
		f.report(false)
	}
}

// send connects and sends, again and again, until ctx ends.
func (f *Forwarder) send(ctx context.Context) {
	pause := f.cfg.MinPause
	for ctx.Err() == nil {
		if f.spool.Len() == 0 {
			select {
			case <-f.spool.Ready():
			case <-ctx.Done():
			}
			continue
		}
		before := f.done.Load()
		err := f.session(ctx)
		f.spool.Rewind()
		if err == nil || ctx.Err() != nil {
			continue
		}
		f.trouble("it cannot be forwarded to", err)
		if f.done.Load() > before {
			pause = f.cfg.MinPause
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		}
		pause = min(2*pause, maxPause)
	}
}

// session is one connection, from its beginning to its end.
func (f *Forwarder) session(ctx context.Context) error {
	network := f.cfg.Protocol
	if network == "relp" {
		network = "tcp"
	}
	dialer := net.Dialer{Timeout: dialWithin, Control: giveUp}
	conn, err := dialer.DialContext(ctx, network, f.cfg.Target)
	if err != nil {
		return err
	}
	defer conn.Close()
	// Wakes a waiting read or write.
	stopped := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Now()) })
	defer stopped()
	switch f.cfg.Protocol {
	case "udp":
		return f.sendUDP(ctx, conn)
	case "tcp":
		return f.sendTCP(ctx, conn.(*net.TCPConn))
	case "relp":
		return f.sendRELP(ctx, conn)
	}
	return fmt.Errorf("the protocol %q is not known", f.cfg.Protocol)
}

// giveUp makes the kernel end a connection whose other side has vanished.
func giveUp(network, _ string, c syscall.RawConn) error {
	if !strings.HasPrefix(network, "tcp") {
		return nil
	}
	var inner error
	err := c.Control(func(fd uintptr) {
		inner = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(writeWithin.Milliseconds()))
	})
	return errors.Join(err, inner)
}

// ack says that records have arrived.
func (f *Forwarder) ack(to spool.Position, count int) error {
	f.done.Add(uint64(count))
	if f.wrong.Load() != nil {
		f.wrong.Store(nil)
		f.cfg.Trouble("messages are forwarded to " + f.name() + " again")
	}
	return f.spool.Ack(to, count)
}

func (f *Forwarder) name() string { return f.cfg.Protocol + "://" + f.cfg.Target }

// trouble tells of an error, but not again and again.
func (f *Forwarder) trouble(what string, err error) {
	var inner *net.OpError
	if errors.As(err, &inner) {
		err = inner.Err
	}
	text := fmt.Sprintf("%s: %s: %v; messages wait in a queue on the disk", f.name(), what, err)
	f.wrong.Store(&text)
	f.mu.Lock()
	now := time.Now()
	quiet := now.Before(f.silence)
	if !quiet {
		f.silence = now.Add(troubleEvery)
	}
	f.mu.Unlock()
	if !quiet {
		f.cfg.Trouble(text)
	}
}

// report tells how many messages were dropped, if any were and it is time.
func (f *Forwarder) report(atOnce bool) {
	lost := f.queue.Dropped() + f.spool.Lost()
	f.mu.Lock()
	now := time.Now()
	count := lost - f.told
	quiet := count == 0 || !atOnce && now.Before(f.silence)
	if !quiet {
		f.told, f.silence = lost, now.Add(troubleEvery)
	}
	f.mu.Unlock()
	if !quiet {
		f.cfg.Trouble(fmt.Sprintf("%d messages were not forwarded to %s, because their queue is full; they are in Tagtail's own store", count, f.name()))
	}
}
