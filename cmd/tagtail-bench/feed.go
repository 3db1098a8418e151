package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"time"
)

const (
	// stuckAfter is how long a peer may store nothing before it is given up.
	stuckAfter = time.Minute
	// A peer is idle if it needs less than idleCPU in a while; it is given
	// idleWithin to become so.
	idleCPU    = 100 * time.Millisecond
	idleWithin = 5 * time.Minute
)

// feed sends a file through one connection and returns when the peer has want
// entries.
func feed(ctx context.Context, p peer, file string, want int) error {
	if err := send(ctx, p.syslog(), file); err != nil {
		return fmt.Errorf("feed %s: %w", p.name(), err)
	}
	last, since := -1, time.Now()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		n, err := p.stored(ctx)
		if err != nil {
			return fmt.Errorf("feed %s: %w", p.name(), err)
		}
		if n == want {
			return nil
		}
		if n != last {
			last, since = n, time.Now()
		}
		if n > want || time.Since(since) > stuckAfter {
			return fmt.Errorf("feed %s: it has %d entries of %d", p.name(), n, want)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func send(ctx context.Context, address, file string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Now()) })()
	if _, err := io.Copy(conn, f); err != nil { // by sendfile, which leaves the processor to the peer
		return err
	}
	return conn.Close()
}

// settle waits until a peer has been idle for a while: until it has done what
// it does behind its sender's back, such as merging.
func settle(ctx context.Context, p *process, while time.Duration) error {
	var seen []time.Duration // one a second
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for range int(idleWithin / time.Second) {
		now, err := p.cpu()
		if err != nil {
			return err
		}
		seen = append(seen, now)
		if n := int(while / time.Second); len(seen) > n && now-seen[len(seen)-1-n] < idleCPU {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return fmt.Errorf("wait for %s: it is still busy after %v", p.cmd.Path, idleWithin)
}
