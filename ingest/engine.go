package ingest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"

	library "gopkg.in/mcuadros/go-syslog.v2"

	"github.com/tagtail/tagtail/ingest/gosyslog"
	"github.com/tagtail/tagtail/ingest/syslog"
)

// engineListener receives with a stock go-syslog Server instead of our own
// listeners (option engine=go-syslog). The library cannot make a sender wait
// and cannot drain: a full queue drops and counts also for TCP, and what is in
// its hands at the shutdown is lost.
type engineListener struct {
	*input
	server *library.Server
	bound  net.Addr
	queue  *queue

	handled atomic.Uint64 // frames given to take
	ended   atomic.Bool   // frames are dropped from now on
	killing sync.Once
}

func listenEngine(in *input, cfg *Config) (*engineListener, error) {
	l := &engineListener{input: in, server: library.NewServer(), queue: newQueue(cfg.QueueBytes)}
	framing := syslog.Framing{MaxBytes: cfg.MaxMessageBytes, Multiline: in.spec.multiline}
	l.server.SetFormat(&gosyslog.Format{Framing: framing, Datagrams: in.spec.scheme == schemeUnixgram})
	l.server.SetHandler(&gosyslog.Handler{Take: l.take})
	if in.spec.scheme == schemeUnixgram {
		return l, l.listenUnixgram()
	}
	return l, l.listenTCP()
}

func (l *engineListener) listenTCP() error {
	// The library does not tell which port it was given: ask first.
	probe, err := net.Listen("tcp", l.spec.address)
	if err != nil {
		return bindError(&l.spec, err)
	}
	l.bound = probe.Addr()
	if err := probe.Close(); err != nil {
		return bindError(&l.spec, err)
	}
	if err := l.server.ListenTCP(l.bound.String()); err != nil {
		return bindError(&l.spec, err)
	}
	return nil
}

func (l *engineListener) listenUnixgram() error {
	path := l.spec.address
	if err := prepareSocketPath(&l.spec); err != nil {
		return err
	}
	l.bound = &net.UnixAddr{Name: path, Net: "unixgram"}
	if err := l.server.ListenUnixgram(path); err != nil {
		return l.spec.wrong("cannot be made: %w", err)
	}
	if err := os.Chmod(path, l.spec.mode); err != nil {
		return errors.Join(fmt.Errorf("set permissions of socket: %w", err), l.close())
	}
	return nil
}

// take is called by the library with every frame.
func (l *engineListener) take(raw, client, _ string) {
	l.handled.Add(1)
	if l.ended.Load() {
		l.dropped.Add(1)
		return
	}
	d := [1]datagram{{data: []byte(raw), from: clientSender(client), received: l.clock()}}
	l.dropped.Add(uint64(l.queue.put(d[:])))
}

// clientSender reads the address that the library gives, which for a unix
// socket says nothing.
func clientSender(client string) sender {
	ap, err := netip.ParseAddrPort(client)
	if err != nil {
		return sender{local: true, pid: unknownPID}
	}
	return sender{addr: ap.Addr().Unmap()}
}

func (l *engineListener) addr() net.Addr { return l.bound }

func (l *engineListener) run(ctx context.Context) {
	if err := l.server.Boot(); err != nil {
		l.report("start go-syslog", err)
		return
	}
	var wg sync.WaitGroup
	wg.Go(func() { newFeed(l.input).drain(l.queue) })
	<-ctx.Done()
	quiet := l.quiet()
	l.ended.Store(true)
	if !quiet && l.spec.scheme == schemeUnixgram {
		l.killing.Do(func() {})
		l.report("stop go-syslog", errBusy)
	}
	if err := l.close(); err != nil {
		l.report("stop go-syslog", err)
	}
	l.queue.close()
	wg.Wait()
}

// errBusy is why a server was left alone.
var errBusy = errors.New("senders do not pause; the socket stays open until the program ends")

// quiet waits until nothing comes for drainGrace, at most drainWithin, and
// tells whether that was so. The library panics if a datagram comes while it
// is stopped.
func (l *engineListener) quiet() bool {
	for deadline := time.Now().Add(drainWithin); time.Now().Before(deadline); {
		before := l.handled.Load()
		time.Sleep(drainGrace)
		if l.handled.Load() == before {
			return true
		}
	}
	return false
}

func (l *engineListener) sample() string { return "" }

func (l *engineListener) close() (err error) {
	l.killing.Do(func() {
		err = l.server.Kill()
		if l.spec.scheme == schemeUnixgram && err == nil {
			err = os.Remove(l.spec.address)
		}
	})
	return err
}
