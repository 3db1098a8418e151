package ingest

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tagtail/tagtail/index"
)

// countingSink counts entries and wakes a waiter at a number.
type countingSink struct {
	count  atomic.Uint64
	target uint64
	there  chan struct{}
}

func (s *countingSink) Append(entries []index.Entry) error {
	before := s.count.Add(uint64(len(entries))) - uint64(len(entries))
	if before < s.target && before+uint64(len(entries)) >= s.target {
		close(s.there)
	}
	return nil
}

const benchLine = "<171>Nov 22 08:53:08 vm socketserver_dev1: 2026/11/22 08:53:08 [error] 18331#18331: *9 [lua] log.lua:2: x\n"

// debugText is what an nginx worker writes at error_log … debug.
func debugText(count int) []byte {
	bodies := []string{
		"http process request line", "http request line: \"GET /login?user=%d HTTP/1.1\"", "http header: \"Host: dev1.example.org\"",
		"event timer del: 12: %d", "malloc: 000055D0C0A%05X:1024", "rewrite phase: 1", "test location: \"/websocket\"",
		"using configuration \"=/login\"", "http cl:-1 max:1048576", "lua run write event handler: timedout:0, ready:1, writing_raw_req_headers:0",
		"event timer add: 12: 60000:%d", "http set discard body", "post event 000055D0C0%06X", "free: 000055D0C0A%05X, unused: 8",
	}
	var text []byte
	for i := range count {
		text = fmt.Appendf(text, "<175>Nov 22 08:53:08 vm socketserver_dev1: 2026/11/22 08:53:08 [debug] 18331#18331: *%d ", i/100+1)
		if body := bodies[i%len(bodies)]; strings.Contains(body, "%") {
			text = fmt.Appendf(text, body, i*7919%1_000_000)
		} else {
			text = append(text, body...)
		}
		text = append(text, '\n')
	}
	return text
}

// helpFlood is a process that writes debugText again and again: FLOOD_COUNT
// lines to the TCP address FLOOD_ADDRESS.
func helpFlood() {
	count, err := strconv.Atoi(os.Getenv("FLOOD_COUNT"))
	if err != nil {
		fail(err)
	}
	conn, err := net.Dial("tcp", os.Getenv("FLOOD_ADDRESS"))
	if err != nil {
		fail(err)
	}
	const lines = 10_000
	for text := debugText(lines); count > 0; count -= lines {
		if count < lines {
			text = debugText(count)
		}
		if _, err := conn.Write(text); err != nil {
			fail(err)
		}
	}
	if err := conn.Close(); err != nil {
		fail(err)
	}
}

// BenchmarkTCP is the whole way of nginx's debug lines from a socket to the
// Sink: receive, frame, parse, identify. The sender is another process, so the
// processor time is the receiver's.
func BenchmarkTCP(b *testing.B) {
	sink := &countingSink{target: uint64(b.N), there: make(chan struct{})}
	r, err := Listen(Config{Inputs: []string{"tcp://127.0.0.1:0"}}, sink)
	if err != nil {
		b.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- r.Run(context.Background()) }()
	flood := exec.Command(os.Args[0])
	flood.Env = append(os.Environ(), helperVariable+"=flood", "FLOOD_ADDRESS="+r.Addrs()[0].String(), "FLOOD_COUNT="+strconv.Itoa(b.N))
	flood.Stderr = os.Stderr
	b.ReportAllocs()
	b.ResetTimer()
	before := processorSeconds(b)
	if err := flood.Start(); err != nil {
		b.Fatal(err)
	}
	<-sink.there
	b.StopTimer()
	b.ReportMetric((processorSeconds(b)-before)*1e6/float64(b.N), "cpu-s/Mentries")
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "entries/s")
	if err := flood.Wait(); err != nil {
		b.Fatal(err)
	}
	if err := r.Close(); err != nil {
		b.Fatal(err)
	}
	if err := <-ended; err != nil {
		b.Fatal(err)
	}
}

// processorSeconds is what this process has used, in user and system mode.
func processorSeconds(b *testing.B) float64 {
	b.Helper()
	var usage unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano()).Seconds()
}

// BenchmarkUDP sends as fast as one socket can and tells how much arrived.
func BenchmarkUDP(b *testing.B) {
	if b.N == 1 {
		return // Close could come before Run
	}
	sink := &countingSink{target: ^uint64(0), there: make(chan struct{})}
	r, err := Listen(Config{Inputs: []string{"udp://127.0.0.1:0"}}, sink)
	if err != nil {
		b.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- r.Run(context.Background()) }()
	conn, err := net.Dial("udp", r.Addrs()[0].String())
	if err != nil {
		b.Fatal(err)
	}
	line := []byte(benchLine)
	b.SetBytes(int64(len(line)))
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		if _, err := conn.Write(line); err != nil {
			b.Fatal(err)
		}
	}
	b.StopTimer()
	if err := conn.Close(); err != nil {
		b.Fatal(err)
	}
	if err := r.Close(); err != nil {
		b.Fatal(err)
	}
	if err := <-ended; err != nil {
		b.Fatal(err)
	}
	s := r.Stats()[0]
	if s.Received+s.Dropped+s.KernelDropped != uint64(b.N) {
		b.Errorf("sent %d, counted %+v", b.N, s)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "sent/s")
	b.ReportMetric(100*float64(s.Received)/float64(b.N), "%received")
}
