package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// loadEvery is how often a load writes its share.
const loadEvery = 10 * time.Millisecond

// load writes entries that no tail looks for, at a steady rate as far as the
// peer takes them.
type load struct {
	lines atomic.Int64 // written so far

	cancel context.CancelFunc
	done   chan struct{}
	err    error // valid when done is closed
	once   sync.Once
}

// startLoad writes rate entries a second to the address until stop.
func startLoad(ctx context.Context, address string, rate int) *load {
	ctx, cancel := context.WithCancel(ctx)
	l := &load{cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(l.done)
		if rate > 0 {
			l.err = l.run(ctx, address, rate)
		}
	}()
	return l
}

func (l *load) run(ctx context.Context, address string, rate int) error {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	defer context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Now()) })()
	bodies := loadBodies()
	tick := time.NewTicker(loadEvery)
	defer tick.Stop()
	var batch []byte
	began := time.Now()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		due := int64(time.Since(began).Seconds()*float64(rate)) - l.lines.Load()
		// What a peer did not take in a second is let go of: it is no faster than that.
		due = min(due, int64(rate))
		batch = batch[:0]
		for i := range due {
			if i%250 == 0 && len(batch) > 0 {
				if err := write(ctx, conn, batch); err != nil {
					return err
				}
				batch = batch[:0]
			}
			batch = append(append(batch, header(time.Now(), loadApps[i%int64(len(loadApps))])...), bodies[rand.IntN(len(bodies))]...)
		}
		if err := write(ctx, conn, batch); err != nil {
			return err
		}
		l.lines.Add(due)
	}
}

// write tells no error of a connection that we have cut ourselves.
func write(ctx context.Context, conn net.Conn, batch []byte) error {
	_, err := conn.Write(batch)
	if err != nil && ctx.Err() == nil {
		return fmt.Errorf("send load: %w", err)
	}
	return nil
}

// stop ends the load. It may be called again.
func (l *load) stop() error {
	l.once.Do(l.cancel)
	<-l.done
	if errors.Is(l.err, context.Canceled) {
		return nil
	}
	return l.err
}

var loadApps = [...]string{"socketserver_dev1", "socketserver_dev2", "httpserver_dev3", "redis_dev4"}

// loadBodies are messages such as servers write, with the end of the line.
func loadBodies() [][]byte {
	bodies := make([][]byte, 4096)
	for i := range bodies {
		switch i % 3 {
		case 0:
			bodies[i] = fmt.Appendf(nil, " *%d [lua] main.lua:%d: enter(): uid=%d entered room %d\n", i, i%90, 100_000+i*7, i%12)
		case 1:
			bodies[i] = fmt.Appendf(nil, " 10.0.%d.%d \"GET /hhl?uid=%d HTTP/1.1\" 200 %d 0.%03d\n", i%200, i%250, 100_000+i*7, 200+i%900, i%1000)
		default:
			bodies[i] = fmt.Appendf(nil, " http process request line, keepalive 65000 ms, reused %d of %d\n", i%40, i)
		}
	}
	return bodies
}
