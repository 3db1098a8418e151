package ingest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/tagtail/tagtail/index"
)

// from is a datagram of a sender with its own port.
func from(port int, text string) datagram {
	return datagram{data: []byte(text), from: sender{addr: netip.AddrFrom4([4]byte{127, 0, 0, 1})}, port: uint16(port)}
}

// fill puts datagrams of the ports in turn until none has room.
func fill(t *testing.T, q *queue, text string, ports ...int) {
	t.Helper()
	for put := true; put; {
		put = false
		for _, port := range ports {
			put = q.put([]datagram{from(port, text)}) == 0 || put
		}
	}
}

func TestAFloodLeavesRoomForOthersInTheQueue(t *testing.T) {
	text := strings.Repeat("x", 100)
	for _, flooders := range [][]int{{1}, {1, 2}, {1, 2, 3, 4, 5, 6, 7}} {
		t.Run(fmt.Sprint(len(flooders)), func(t *testing.T) {
			q := newQueue(1 << 20)
			fill(t, q, text, flooders...)
			held := q.filling.used
			if held < 8*q.maxBytes/10 {
				t.Errorf("a flood gets %d of %d bytes, want most", held, q.maxBytes)
			}
			for _, port := range flooders {
				d := from(port, "")
				share := q.filling.held[d.source()]
				if even := held / len(flooders); share < even-len(text) || share > even+len(text) {
					t.Errorf("sender %d holds %d bytes, want %d as all", port, share, even)
				}
			}
			for quiet := 100; quiet < 110; quiet++ {
				for range 10 {
					if q.put([]datagram{from(quiet, text)}) != 0 {
						t.Fatalf("sender %d lost a message to the flood", quiet)
					}
				}
			}
			if q.put([]datagram{from(1, text)}) == 0 {
				t.Error("the flood goes on at the cost of the others")
			}
			q.next(func(*datagram) {})
			if q.put([]datagram{from(1, text)}) != 0 {
				t.Error("there is no room in an empty queue")
			}
		})
	}
}

func TestASlabKeepsItsMemoryFromBurstToBurstAndFreesItAfterThem(t *testing.T) {
	var s slab
	burst, little := from(1, strings.Repeat("x", 2*keptBytes)), from(1, "x")
	s.add(&burst, len(burst.data))
	s.reset()
	s.reset() // as often as the parser looks whether there is more
	if got := cap(s.data); got < 2*keptBytes {
		t.Errorf("%d bytes are kept between bursts", got)
	}
	s.add(&little, 1)
	s.reset()
	if got := cap(s.data); got > keptBytes {
		t.Errorf("%d bytes are kept after them", got)
	}
}

func TestTheOrderOfEachSenderStaysWhileSmallOnesOvertake(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	q := newQueue(4 << 10)
	put, got := map[int]int{}, map[int]int{}
	overtaken, clock := 0, time.Time{}
	drop := func() {
		port := 1 + int(random.ExpFloat64())
		d := from(port, fmt.Sprintf("%d %d", port, put[port]))
		clock = clock.Add(1)
		d.received = clock
		if q.put([]datagram{d}) == 0 {
			put[port]++
		}
	}
	last := time.Time{}
	see := func(d *datagram) {
		if d.received.Before(last) {
			overtaken++
		}
		last = d.received
		var port, n int
		if _, err := fmt.Sscan(string(d.data), &port, &n); err != nil || n != got[port] {
			t.Fatalf("got %q, want message %d", d.data, got[port])
		}
		got[port]++
	}
	for range 40 {
		for range random.IntN(1000) {
			drop()
		}
		drop() // so that next does not wait
		q.next(func(d *datagram) {
			see(d)
			drop()
		})
	}
	q.close()
	for q.next(see) {
	}
	if diff := cmp.Diff(put, got); diff != "" || overtaken == 0 {
		t.Errorf("%d overtook (-put +got):\n%s", overtaken, diff)
	}
}

func TestTinyDatagramsCannotMakeAQueueEndless(t *testing.T) {
	q := newQueue(8 << 20)
	fill(t, q, "", 1)
	if n := len(q.filling.marks); n > maxQueuedDatagrams {
		t.Errorf("got %d datagrams", n)
	}
}

func TestAFloodDoesNotCostOthersAMessage(t *testing.T) {
	const quietCount = 200
	sink := newFakeSink()
	sink.gate = make(chan struct{})
	r := start(t, Config{Inputs: []string{"udp://127.0.0.1:0"}, QueueBytes: 64 << 10}, sink)
	flooder, quiet := dial(t, r.Addrs()[0]), dial(t, r.Addrs()[0])
	for r.Stats()[0].Dropped == 0 { // the Sink stands still
		send(t, flooder, "<15>flood_dev1: "+strings.Repeat("debug ", 200))
	}
	waitUntilRead(t, r.listeners[0].(*udpListener))
	for i := range quietCount {
		send(t, quiet, fmt.Sprintf("<11>quiet_dev2: %d", i))
	}
	close(sink.gate)
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	arrived := 0
	for _, e := range sink.wait(t, 1) {
		if e.Instance == "quiet/dev2" {
			if want := fmt.Sprint(arrived); e.Message != want {
				t.Fatalf("got message %s, want %s", e.Message, want)
			}
			arrived++
		}
	}
	if arrived != quietCount {
		t.Errorf("%d of %d messages arrived", arrived, quietCount)
	}
}

// waitUntilRead returns when the kernel holds nothing for l: what it drops is
// not the queue's fault.
func waitUntilRead(t *testing.T, l *udpListener) {
	t.Helper()
	for size := 1; size > 0; runtime.Gosched() {
		err := control(l.conn, func(fd int) (err error) {
			size, err = unix.IoctlGetInt(fd, unix.SIOCINQ)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// slowSink takes a while for each entry and notes the delay of the quiet ones.
type slowSink struct {
	perEntry time.Duration
	took     atomic.Uint64
	delays   chan time.Duration
}

func (s *slowSink) Append(entries []index.Entry) error {
	for until := time.Now().Add(time.Duration(len(entries)) * s.perEntry); time.Now().Before(until); {
	}
	now := time.Now()
	for i := range entries {
		if sent, err := time.Parse(time.RFC3339Nano, entries[i].Message); err == nil {
			s.delays <- now.Sub(sent)
		}
	}
	s.took.Add(uint64(len(entries)))
	return nil
}

// BenchmarkQuietSenderBesideAFlood tells what a flood costs a sender of a
// thousand messages a second, on the same input and on its own.
func BenchmarkQuietSenderBesideAFlood(b *testing.B) {
	for _, test := range []struct {
		name   string
		inputs []string
	}{
		{"same input", []string{"udp://127.0.0.1:0"}},
		{"own input", []string{"udp://127.0.0.1:0", "udp://127.0.0.1:0"}},
	} {
		b.Run(test.name, func(b *testing.B) {
			sink := &slowSink{perEntry: 20 * time.Microsecond, delays: make(chan time.Duration, 1<<20)}
			r, err := Listen(Config{Inputs: test.inputs}, sink)
			if err != nil {
				b.Fatal(err)
			}
			ended := make(chan error, 1)
			go func() { ended <- r.Run(context.Background()) }()
			ctx, stop := context.WithCancel(context.Background())
			flooded := make(chan error, 1)
			go func() { flooded <- flood(ctx, r.Addrs()[0]) }()
			conn, err := net.Dial("udp", r.Addrs()[len(test.inputs)-1].String())
			if err != nil {
				b.Fatal(err)
			}
			pace := time.NewTicker(time.Millisecond)
			for b.Loop() {
				<-pace.C
				if _, err := fmt.Fprintf(conn, "<11>quiet_dev2: %s", time.Now().Format(time.RFC3339Nano)); err != nil {
					b.Fatal(err)
				}
			}
			pace.Stop()
			stop()
			for _, err := range []error{<-flooded, conn.Close(), r.Close(), <-ended} {
				if err != nil {
					b.Fatal(err)
				}
			}
			close(sink.delays)
			var delays []time.Duration
			for d := range sink.delays {
				delays = append(delays, d)
			}
			slices.Sort(delays)
			b.ReportMetric(float64(b.N-len(delays)), "lost")
			b.ReportMetric(float64(delays[len(delays)/2].Milliseconds()), "p50-ms")
			b.ReportMetric(float64(delays[len(delays)*99/100].Milliseconds()), "p99-ms")
			b.ReportMetric(100*float64(r.Stats()[0].Dropped)/float64(r.Stats()[0].Dropped+r.Stats()[0].Received), "%dropped")
		})
	}
}

// flood sends as fast as it can until ctx ends.
func flood(ctx context.Context, addr net.Addr) error {
	conn, err := net.Dial("udp", addr.String())
	if err != nil {
		return err
	}
	for ctx.Err() == nil {
		for range 40 {
			if _, err := conn.Write([]byte(benchLine)); err != nil {
				return err
			}
		}
	}
	return conn.Close()
}
