package ingest

import (
	"context"
	"net"
	"sync/atomic"
	"testing"

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

// BenchmarkTCP is the whole way from a socket to the Sink.
func BenchmarkTCP(b *testing.B) {
	sink := &countingSink{target: uint64(b.N), there: make(chan struct{})}
	r, err := Listen(Config{Inputs: []string{"tcp://127.0.0.1:0"}}, sink)
	if err != nil {
		b.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- r.Run(context.Background()) }()
	conn, err := net.Dial("tcp", r.Addrs()[0].String())
	if err != nil {
		b.Fatal(err)
	}
	const perWrite = 100
	var block []byte
	for range perWrite {
		block = append(block, benchLine...)
	}
	b.SetBytes(int64(len(benchLine)))
	b.ReportAllocs()
	b.ResetTimer()
	for left := b.N; left > 0; left -= perWrite {
		if _, err := conn.Write(block[:min(left, perWrite)*len(benchLine)]); err != nil {
			b.Fatal(err)
		}
	}
	<-sink.there
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "entries/s")
	if err := conn.Close(); err != nil {
		b.Fatal(err)
	}
	if err := r.Close(); err != nil {
		b.Fatal(err)
	}
	if err := <-ended; err != nil {
		b.Fatal(err)
	}
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
