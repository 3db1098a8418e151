package ingest

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tagtail/tagtail/index"
)

func TestTheLimitsOfStreamsCanBeSet(t *testing.T) {
	lines := func(t *testing.T, sink Sink, cfg Config) (net.Conn, <-chan struct{}) {
		return pipeServed(t, context.Background(), sink, cfg, (*input).lines)
	}
	relp := func(t *testing.T, _ Sink, cfg Config) (net.Conn, <-chan struct{}) { return pipeRELP(t, cfg) }
	tests := []struct {
		name string
		cfg  Config
		open func(*testing.T, Sink, Config) (net.Conn, <-chan struct{})
		text string
	}{
		{"first byte", Config{FirstByteWithin: 5 * time.Second}, lines, ""},
		{"stall in a counted frame", Config{StallWithin: 5 * time.Second}, lines, "14 <13>ap"},
		{"stall in a line", Config{StallWithin: 5 * time.Second}, lines, "<13>\n<13>ap\n9 <"},
		{"first byte of relp", Config{FirstByteWithin: 5 * time.Second}, relp, ""},
		{"stall in relp", Config{StallWithin: 5 * time.Second}, relp, "1 open 30"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				conn, ended := test.open(t, newFakeSink(), test.cfg)
				go func() { _, _ = conn.Read(make([]byte, 100)) }() // relp says goodbye
				send(t, conn, test.text)
				time.Sleep(4 * time.Second)
				if isClosed(ended) {
					t.Fatal("closed too early")
				}
				time.Sleep(time.Second + time.Millisecond)
				if !isClosed(ended) {
					t.Error("still open")
				}
			})
		})
	}
}

func TestThePauseAfterWhichALineIsTakenCanBeSet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := newFakeSink()
		conn, _ := pipeServed(t, context.Background(), sink, Config{IdleFlush: 7 * time.Second}, (*input).lines)
		send(t, conn, "<13>app: x")
		time.Sleep(6 * time.Second)
		if got := entriesNow(sink); len(got) != 0 {
			t.Fatalf("got %+v too early", got)
		}
		time.Sleep(time.Second)
		if got := entriesNow(sink); len(got) != 1 || !got[0].Flags.Has(index.FlagPartial) {
			t.Errorf("got %+v", got)
		}
	})
}

func TestAnOctetCountOverTheLimitIsText(t *testing.T) {
	for limit, want := range map[int]string{0: "y\nz", 500: "600 <13>app: y"} {
		sink := newFakeSink()
		r := start(t, Config{Inputs: []string{"tcp://127.0.0.1:0"}, MaxOctetCount: limit}, sink)
		conn := dial(t, r.Addrs()[0])
		text := "<13>app: y\nz"
		for len(text) < 600 {
			text += " "
		}
		send(t, conn, "600 "+text)
		if got := sink.wait(t, 1)[0].Message; got[:min(len(got), len(want))] != want {
			t.Errorf("limit %d: got %q", limit, got)
		}
	}
}

func TestConnectionsOfAllSourcesTogetherAreLimited(t *testing.T) {
	sink := newFakeSink()
	r := start(t, Config{Inputs: []string{"tcp://127.0.0.1:0"}, MaxConns: 1}, sink)
	send(t, dial(t, r.Addrs()[0]), "<13>app: one\n")
	sink.wait(t, 1)
	second := dial(t, r.Addrs()[0])
	if err := second.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	if n, err := second.Read(make([]byte, 1)); n != 0 || err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("got %d bytes, %v, want a closed connection", n, err)
	}
}

func TestAUserOfThisMachineIsOneSource(t *testing.T) {
	a, b := newPeer(sender{local: true, uid: 1001, pid: 7}), newPeer(sender{local: true, uid: 1001, pid: 8})
	if a.origin() != b.origin() || a.source == b.source {
		t.Errorf("got origins %q and %q, sources %q and %q", a.origin(), b.origin(), a.source, b.source)
	}
}

func TestTheLongestPauseOfAcceptingCanBeSet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		socket := &brokenSocket{expired: make(chan struct{})}
		cfg, err := Config{MaxAcceptPause: 20 * time.Millisecond}.withDefaults()
		if err != nil {
			t.Fatal(err)
		}
		l := &streamListener{input: &input{now: time.Now, log: slog.New(slog.DiscardHandler), limits: cfg.limits()}, socket: socket}
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			l.run(ctx)
		}()
		time.Sleep(time.Second)
		synctest.Wait()
		calls := slices.Clone(socket.calls)
		cancel()
		<-ended
		if n := len(calls); n < 45 || calls[n-1].Sub(calls[n-2]) != 20*time.Millisecond {
			t.Errorf("got %d attempts in a second", n)
		}
	})
}

func TestASilentConnectionGivesItsMemoryBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := newFakeSink()
		var s *stream
		conn, _ := pipeServed(t, context.Background(), sink, Config{}, func(in *input, cfg *Config) serveFunc {
			return func(ctx context.Context, conn net.Conn, from *peer) {
				s = newStream(in, framingOf(in, cfg), conn, from)
				s.run(ctx)
			}
		})
		send(t, conn, "<13>app: "+strings.Repeat("x", 50_000)+"\n")
		time.Sleep(defaultIdleFlush + time.Millisecond)
		synctest.Wait()
		if !s.rested || s.feed.batch != nil {
			t.Errorf("rested is %v, room for %d entries is kept", s.rested, cap(s.feed.batch))
		}
		send(t, conn, "<13>app: again\n")
		if got := entriesNow(sink); got[len(got)-1].Message != "again" {
			t.Errorf("got %+v", got[len(got)-1])
		}
	})
}
