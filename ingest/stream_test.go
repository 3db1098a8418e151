package ingest

import (
	"context"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tagtail/tagtail/index"
)

func defaultLimits(t *testing.T) limits {
	t.Helper()
	cfg, err := Config{}.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	return cfg.limits()
}

// pipeStream runs a stream on one end of a pipe and returns the other. It is
// for use in a synctest bubble.
func pipeStream(t *testing.T, ctx context.Context, sink Sink) (conn net.Conn, ended <-chan struct{}) {
	t.Helper()
	return pipeServed(t, ctx, sink, Config{}, (*input).lines)
}

// pipeServed serves one end of a pipe and returns the other. It is for use in
// a synctest bubble.
func pipeServed(t *testing.T, ctx context.Context, sink Sink, cfg Config, serve func(*input, *Config) serveFunc) (conn net.Conn, ended <-chan struct{}) {
	t.Helper()
	cfg, err := cfg.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	ours, theirs := net.Pipe()
	in := &input{
		name: "tcp://test", maxBytes: cfg.MaxMessageBytes, limits: cfg.limits(),
		sink: sink, identify: identifier(t), now: time.Now, log: slog.New(slog.DiscardHandler),
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		serve(in, &cfg)(ctx, ours, newPeer(sender{addr: netip.MustParseAddr("192.0.2.7")}))
	}()
	t.Cleanup(func() {
		_ = theirs.Close()
		<-done
	})
	return theirs, done
}

func entriesNow(s *fakeSink) []index.Entry {
	synctest.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.entries
}

func isClosed(ch <-chan struct{}) bool {
	synctest.Wait()
	select {
	case <-ch:
		return true
	default:
		return false
	}
}

func TestAnUnfinishedLineIsShownAfterAPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := newFakeSink()
		conn, ended := pipeStream(t, context.Background(), sink)
		send(t, conn, "<13>app: no line end")
		if got := entriesNow(sink); len(got) != 0 {
			t.Fatalf("got %+v at once", got)
		}
		time.Sleep(defaultIdleFlush + time.Millisecond)
		got := entriesNow(sink)
		if len(got) != 1 || got[0].Message != "no line end" || !got[0].Flags.Has(index.FlagPartial) {
			t.Fatalf("got %+v", got)
		}
		time.Sleep(24 * time.Hour)
		if isClosed(ended) {
			t.Error("a sender that is quiet for a day is cut off")
		}
		send(t, conn, "<13>app: back\n")
		if got := entriesNow(sink); len(got) != 2 || got[1].Message != "back" || got[1].Flags != 0 {
			t.Errorf("got %+v", got)
		}
	})
}

func TestACountedFrameMayStallForAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := newFakeSink()
		conn, ended := pipeStream(t, context.Background(), sink)
		send(t, conn, "14 <13>ap")
		time.Sleep(defaultStallWithin - time.Second)
		send(t, conn, "p: abc<")
		got := entriesNow(sink)
		if len(got) != 0 {
			t.Fatalf("got %+v, want nothing: a byte is missing", got)
		}
		time.Sleep(defaultStallWithin - time.Second)
		if isClosed(ended) {
			t.Fatal("closed too early")
		}
		time.Sleep(2 * time.Second)
		if !isClosed(ended) {
			t.Fatal("a stalled connection stays open")
		}
		if got := entriesNow(sink); len(got) != 1 || got[0].Message != "abc<" || !got[0].Flags.Has(index.FlagPartial) {
			t.Errorf("got %+v", got)
		}
	})
}

func TestASilentConnectionIsClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, ended := pipeStream(t, context.Background(), newFakeSink())
		time.Sleep(defaultFirstByteWithin - time.Second)
		if isClosed(ended) {
			t.Fatal("closed too early")
		}
		time.Sleep(2 * time.Second)
		if !isClosed(ended) {
			t.Error("a connection that never said anything stays open")
		}
	})
}

func TestTheShutdownKeepsAnUnfinishedLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		sink := newFakeSink()
		conn, ended := pipeStream(t, ctx, sink)
		send(t, conn, "<13>app: whole\n<13>app: tail")
		cancel()
		time.Sleep(2 * drainGrace)
		if !isClosed(ended) {
			t.Fatal("the stream goes on after the shutdown")
		}
		got := entriesNow(sink)
		if len(got) != 2 || got[1].Message != "tail" || !got[1].Flags.Has(index.FlagPartial) {
			t.Errorf("got %+v", got)
		}
	})
}

func TestASenderThatNeverStopsDoesNotHoldUpTheShutdown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		conn, ended := pipeStream(t, ctx, newFakeSink())
		send(t, conn, "<13>app: first\n")
		cancel()
		began := time.Now()
		for {
			if _, err := conn.Write([]byte("<13>app: more\n")); err != nil {
				break
			}
			time.Sleep(drainGrace / 2)
		}
		<-ended
		if took := time.Since(began); took > drainWithin+2*drainGrace {
			t.Errorf("took %v", took)
		}
	})
}

func TestASlowSinkMakesTheSenderWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := newFakeSink()
		sink.gate = make(chan struct{})
		conn, _ := pipeStream(t, context.Background(), sink)
		send(t, conn, "<13>app: one\n")
		sent := make(chan struct{})
		go func() {
			defer close(sent)
			send(t, conn, "<13>app: two\n")
		}()
		if isClosed(sent) {
			t.Fatal("the second message is read while the sink is busy")
		}
		close(sink.gate)
		if !isClosed(sent) {
			t.Fatal("the second message is not read when the sink is free")
		}
		if got := entriesNow(sink); len(got) != 2 {
			t.Errorf("got %+v", got)
		}
	})
}

func TestLossesAreAnnouncedAtMostEveryTenSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := newFakeSink()
		in := &input{name: "udp://127.0.0.1:514", now: time.Now, log: slog.New(slog.DiscardHandler)}
		l := newLosses(&Receiver{sink: sink, inputs: []*input{in}}, &Config{Now: time.Now, Hostname: "collector"})
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			l.watch(ctx)
		}()
		defer func() {
			cancel()
			<-ended
		}()
		steps := []struct {
			drop, kernel uint64
			wait         time.Duration
			want         string // the newest announcement, "" for none yet
			count        int
		}{
			{0, 0, 5*time.Second + time.Millisecond, "", 0},
			{3, 4, time.Second, "7 messages lost between 2000-01-01T00:00:05Z and 2000-01-01T00:00:06Z (udp://127.0.0.1:514)", 1},
			{1, 0, time.Second, "7 messages lost between 2000-01-01T00:00:05Z and 2000-01-01T00:00:06Z (udp://127.0.0.1:514)", 1},
			{1, 0, 10 * time.Second, "2 messages lost between 2000-01-01T00:00:06Z and 2000-01-01T00:00:08Z (udp://127.0.0.1:514)", 2},
			{0, 0, time.Minute, "2 messages lost between 2000-01-01T00:00:06Z and 2000-01-01T00:00:08Z (udp://127.0.0.1:514)", 2},
		}
		for i, step := range steps {
			in.dropped.Add(step.drop)
			in.kernelDropped.Add(step.kernel)
			time.Sleep(step.wait)
			got := entriesNow(sink)
			if len(got) != step.count {
				t.Fatalf("step %d: got %d announcements, want %d", i, len(got), step.count)
			}
			if step.count > 0 && got[step.count-1].Message != step.want {
				t.Errorf("step %d: got %q, want %q", i, got[step.count-1].Message, step.want)
			}
		}
	})
}

// brokenSocket is a socket whose Accept fails until its deadline.
type brokenSocket struct {
	streamSocket
	calls   []time.Time
	expired chan struct{}
}

func (s *brokenSocket) Accept() (net.Conn, error) {
	s.calls = append(s.calls, time.Now())
	select {
	case <-s.expired:
		return nil, os.ErrDeadlineExceeded
	default:
		return nil, syscall.EMFILE
	}
}

func (s *brokenSocket) SetDeadline(time.Time) error {
	close(s.expired)
	return nil
}

func TestAcceptErrorsMakeTheListenerWaitLongerAndLonger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		socket := &brokenSocket{expired: make(chan struct{})}
		l := &streamListener{input: &input{now: time.Now, log: slog.New(slog.DiscardHandler), limits: defaultLimits(t)}, socket: socket}
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			l.run(ctx)
		}()
		time.Sleep(10 * time.Second)
		cancel()
		<-ended
		var waits []time.Duration
		for i := 1; i < 11; i++ {
			waits = append(waits, socket.calls[i].Sub(socket.calls[i-1]))
		}
		const ms = time.Millisecond
		want := []time.Duration{5 * ms, 10 * ms, 20 * ms, 40 * ms, 80 * ms, 160 * ms, 320 * ms, 640 * ms, time.Second, time.Second}
		if diff := cmp.Diff(want, waits); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}
