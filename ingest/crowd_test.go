package ingest

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tagtail/tagtail/index"
)

// crowdSink counts entries by AppName and tells of those of one.
type crowdSink struct {
	of      string
	arrived chan string // its messages
	idle    chan struct{}
}

func (s *crowdSink) Append(entries []index.Entry) error {
	for i := range entries {
		switch entries[i].AppName {
		case s.of:
			s.arrived <- strings.Clone(entries[i].Message)
		case "idle":
			s.idle <- struct{}{}
		}
	}
	return nil
}

// descriptors raises the limit of open files and returns it.
func descriptors(t *testing.T) int {
	t.Helper()
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	limit.Cur = limit.Max
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	return int(min(limit.Cur, 1<<20))
}

func memoryInUse() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc + m.StackInuse
}

func TestACrowdOfBadSendersCostsBoundedMemoryAndNobodyElsesTime(t *testing.T) {
	const slow, spare = 1000, 200
	idle := 10_000
	if allowed := descriptors(t) - slow - spare; allowed < idle {
		t.Logf("the limit of open files allows %d idle connections instead of %d", allowed, idle)
		idle = allowed
	}
	ca := newAuthority(t)
	cert, key := ca.server(t, "server")
	sink := &crowdSink{of: "normal", arrived: make(chan string, 100), idle: make(chan struct{}, idle)}
	before := memoryInUse()
	r := start(t, Config{
		Inputs:   []string{"tcp://127.0.0.1:0", tlsInput(cert, key, "", "")},
		MaxConns: idle + slow + spare, MaxConnsPerSource: idle + slow + spare,
		IdleFlush: 100 * time.Millisecond,
	}, sink)
	tcp, secure := r.Addrs()[0], r.Addrs()[1]
	_, lines := helper(t, "crowd", "CROWD_ADDRESS="+tcp.String(), "CROWD_TLS="+secure.String(),
		fmt.Sprintf("CROWD_IDLE=%d", idle), fmt.Sprintf("CROWD_SLOW=%d", slow))
	if line, err := lines.ReadString('\n'); err != nil {
		t.Fatalf("got %q, %v", line, err)
	}
	for range idle {
		<-sink.idle
	}

	var slowest time.Duration
	for i, conn := range []net.Conn{dial(t, tcp), dialTLS(t, ca, secure)} {
		for j := range 50 {
			message := fmt.Sprintf("message %d of %d", j, i)
			began := time.Now()
			send(t, conn, "<13>normal: "+message+"\n")
			select {
			case got := <-sink.arrived:
				if got != message {
					t.Fatalf("got %q, want %q", got, message)
				}
			case <-time.After(patience):
				t.Fatalf("%q has not arrived", message)
			}
			slowest = max(slowest, time.Since(began))
		}
	}
	// The idle ones have had the time to let go of their buffers by now, or
	// have it here.
	used := memoryInUse() - before
	for deadline := time.Now().Add(patience); used/uint64(idle+slow) > 20<<10 && time.Now().Before(deadline); {
		runtime.Gosched()
		used = memoryInUse() - before
	}
	t.Logf("%d connections cost %d KiB, %d bytes each; the slowest message took %v; %s",
		idle+slow, used>>10, used/uint64(idle+slow), slowest, r.Stats()[0].Detail)
	if each := used / uint64(idle+slow); each > 20<<10 {
		t.Errorf("a connection costs %d bytes", each)
	}
	if slowest > 20*time.Second {
		t.Errorf("a message took %v", slowest)
	}
}

func dialTLS(t *testing.T, ca *authority, addr net.Addr) net.Conn {
	t.Helper()
	conn := tls.Client(dial(t, addr), ca.clientConfig(t, "", ""))
	if err := conn.HandshakeContext(context.Background()); err != nil {
		t.Fatal(err)
	}
	return conn
}
