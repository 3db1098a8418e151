package ingest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/tagtail/tagtail/index"
)

// helperVariable makes the test program run one of the helpers instead of the
// tests: what has to be another process, to be killed or for its descriptors.
const helperVariable = "TAGTAIL_TEST_HELPER"

func TestMain(m *testing.M) {
	switch os.Getenv(helperVariable) {
	case "":
		goleak.VerifyTestMain(m)
	case "relp":
		helpRELP()
	case "flood":
		helpFlood()
	case "crowd":
		helpCrowd()
	}
}

// patience is how long a test waits for what must happen at once.
const patience = 2 * time.Minute

// fakeSink keeps what it gets.
type fakeSink struct {
	mu      sync.Mutex
	entries []index.Entry
	changed chan struct{} // closed and replaced with every Append
	err     error
	keeps   bool          // the entries although there is an err
	gate    chan struct{} // if not nil, Append waits until it is closed
}

func newFakeSink() *fakeSink { return &fakeSink{changed: make(chan struct{})} }

func (s *fakeSink) Append(entries []index.Entry) error {
	if s.gate != nil {
		<-s.gate
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil && !s.keeps {
		return s.err
	}
	for i := range entries {
		entries[i].Seq = uint64(len(s.entries) + 1)
		s.entries = append(s.entries, entries[i])
	}
	close(s.changed)
	s.changed = make(chan struct{})
	return s.err
}

func (s *fakeSink) setErr(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
}

// wait returns the entries when there are at least n.
func (s *fakeSink) wait(t *testing.T, n int) []index.Entry {
	t.Helper()
	timeout := time.After(patience)
	for {
		s.mu.Lock()
		entries, changed := s.entries, s.changed
		s.mu.Unlock()
		if len(entries) >= n {
			return entries
		}
		select {
		case <-changed:
		case <-timeout:
			t.Fatalf("got %d entries, want %d; the newest are %+v", len(entries), n, entries[max(0, len(entries)-3):])
		}
	}
}

// start listens and runs until the test ends.
func start(t *testing.T, cfg Config, sink Sink) *Receiver {
	t.Helper()
	if cfg.Hostname == "" {
		cfg.Hostname = "collector"
	}
	r, err := Listen(cfg, sink)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- r.Run(context.Background()) }()
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
		if err := <-ended; err != nil && !errors.Is(err, ErrClosed) {
			t.Error(err)
		}
	})
	return r
}

func dial(t *testing.T, addr net.Addr) net.Conn {
	t.Helper()
	conn, err := net.Dial(addr.Network(), addr.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func send(t *testing.T, conn net.Conn, text string) {
	t.Helper()
	if _, err := conn.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
}

// socketPath is a path short enough for a socket.
func socketPath(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "tt") //nolint:usetesting // t.TempDir is too long for a socket address
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return filepath.Join(dir, "log.sock")
}

func TestMessagesArriveThroughEveryKindOfInput(t *testing.T) {
	const message = "<171>Nov 22 08:51:14 vm socketserver_dev1: boom"
	path := socketPath(t)
	tests := []struct{ input, text, wantSource string }{
		{"udp://127.0.0.1:0", message, "127.0.0.1"},
		{"udp://[::1]:0", message, "::1"},
		{"tcp://127.0.0.1:0", message + "\n", "127.0.0.1"},
		{"tcp://127.0.0.1:0?engine=go-syslog", message + "\n", "127.0.0.1"},
		{"unixgram://" + path + "?engine=go-syslog", message, "unix"},
		{"unixgram://" + path, message, fmt.Sprintf("unix:uid=%d,pid=%d", os.Getuid(), os.Getpid())},
		{"unix://" + path, message + "\n", fmt.Sprintf("unix:uid=%d,pid=%d", os.Getuid(), os.Getpid())},
		{"unix://" + path, message, fmt.Sprintf("unix:uid=%d,pid=%d", os.Getuid(), os.Getpid())},
	}
	for _, test := range tests {
		t.Run(test.input, func(t *testing.T) {
			sink := newFakeSink()
			r := start(t, Config{Inputs: []string{test.input}}, sink)
			send(t, dial(t, r.Addrs()[0]), test.text)
			got := sink.wait(t, 1)[0]
			wantInput := strings.Split(test.input, ":")[0] + "://" + r.Addrs()[0].String()
			if got.Source != test.wantSource || got.Input != wantInput || got.Message != "boom" ||
				got.Hostname != "vm" || got.AppName != "socketserver_dev1" || got.Severity != index.Err ||
				got.Instance != "socketserver/dev1" || got.InstanceBy != index.ByContent || got.Flags&^index.FlagPartial != 0 {
				t.Errorf("got %+v, input want %q", got, wantInput)
			}
			if since := time.Since(got.Received); since < 0 || since > patience || got.Received.Location() != time.UTC {
				t.Errorf("got received %v", got.Received)
			}
			if s := r.Stats()[0]; s.Received != 1 || s.Dropped+s.KernelDropped+s.Rejected != 0 || s.Input != wantInput {
				t.Errorf("got stats %+v", s)
			}
		})
	}
}

func TestADatagramIsOneMessageUnlessTheInputSplits(t *testing.T) {
	const two = "<134>1 2015-01-06T20:07:10.000000+08:00 HOSTNAME team_dev1 APP-NAME 9999 - - a \n" +
		"<134>1 2015-01-06T20:07:10.000000+08:00 HOSTNAME team_dev1 APP-NAME 9999 - - b\nc \n"
	for input, want := range map[string][]string{
		"udp://127.0.0.1:0":                         {"- a \n" + two[len("<134>1 2015-01-06T20:07:10.000000+08:00 HOSTNAME team_dev1 APP-NAME 9999 - - a \n"):len(two)-1]},
		"udp://127.0.0.1:0?split=lf-pri":            {"- a ", "- b\nc "},
		"udp://127.0.0.1:0?split=lf-pri&fixups=lua": {"a", "b\nc"},
	} {
		t.Run(input, func(t *testing.T) {
			sink := newFakeSink()
			r := start(t, Config{Inputs: []string{input}}, sink)
			send(t, dial(t, r.Addrs()[0]), two)
			for i, e := range sink.wait(t, len(want)) {
				if e.Message != want[i] || e.Instance != "team/dev1" {
					t.Errorf("got %q of %s, want %q", e.Message, e.Instance, want[i])
				}
			}
		})
	}
}

func TestWhatWasReceivedBeforeTheShutdownIsAppended(t *testing.T) {
	const count = 2000
	path := socketPath(t)
	for _, input := range []string{"udp://127.0.0.1:0", "tcp://127.0.0.1:0", "unixgram://" + path} {
		t.Run(input, func(t *testing.T) {
			sink := newFakeSink()
			sink.gate = make(chan struct{})
			r := start(t, Config{Inputs: []string{input}}, sink)
			conn := dial(t, r.Addrs()[0])
			for i := range count {
				send(t, conn, fmt.Sprintf("<13>app: message %d\n", i))
			}
			closed := make(chan error, 1)
			go func() { closed <- r.Close() }()
			close(sink.gate)
			if err := <-closed; err != nil {
				t.Fatal(err)
			}
			got := sink.wait(t, 0)
			if len(got) != count || got[count-1].Message != fmt.Sprintf("message %d", count-1) {
				t.Errorf("got %d entries, want %d; stats %+v", len(got), count, r.Stats())
			}
		})
	}
}

func TestASinkThatFailsIsCountedAndForgotten(t *testing.T) {
	sink := newFakeSink()
	sink.setErr(errors.New("disk full"))
	var logged bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&logged, nil))
	r := start(t, Config{Inputs: []string{"tcp://127.0.0.1:0"}, Logger: logger}, sink)
	conn := dial(t, r.Addrs()[0])
	for i := 0; r.Stats()[0].Dropped < 3; i++ {
		send(t, conn, "<13>app: lost\n")
	}
	sink.setErr(nil)
	send(t, conn, "<13>app: stored\n")
	for n := 1; ; n++ {
		if sink.wait(t, n)[n-1].Message == "stored" {
			break
		}
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	entries := sink.wait(t, 2)
	last := entries[len(entries)-1]
	if !last.Flags.Has(index.FlagLost) || last.Format != index.FormatOwn || last.Severity != index.Warning ||
		last.Instance != index.Unassigned || last.InstanceBy != index.ByItself || !strings.Contains(last.Message, "messages lost between") {
		t.Errorf("got last entry %+v, want the announcement of the loss", last)
	}
	if n := strings.Count(logged.String(), "disk full"); n != 1 {
		t.Errorf("the error was logged %d times, want once in 10 s:\n%s", n, &logged)
	}
}

func TestEntriesThatTheSinkKeepsInSpiteOfAnErrorAreNotLost(t *testing.T) {
	sink := newFakeSink()
	sink.keeps = true
	sink.setErr(errors.New("not on the disk yet"))
	r := start(t, Config{Inputs: []string{"tcp://127.0.0.1:0"}, HTTP: httpURL, Logger: slog.New(slog.DiscardHandler)}, sink)
	send(t, dial(t, r.Addrs()[0]), "<13>app: kept\n")
	sink.wait(t, 1)
	given := []index.Entry{jsonEntry("", "kept too")}
	if err := r.Ingest(phone, "", given); err != nil || given[0].Seq != 2 {
		t.Errorf("seq = %d, error %v, want 2 and none: the client would send it again", given[0].Seq, err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	for _, s := range r.Stats() {
		if s.Received != 1 || s.Dropped != 0 {
			t.Errorf("stats = %+v, want one received and none dropped", s)
		}
	}
	if entries := sink.wait(t, 2); len(entries) != 2 {
		t.Errorf("entries = %+v, want no announcement of a loss", entries)
	}
}

func TestKernelDropsAreCounted(t *testing.T) {
	sink := newFakeSink()
	r, err := Listen(Config{Inputs: []string{"udp://127.0.0.1:0"}, ReceiveBufferBytes: 4096}, sink)
	if err != nil {
		t.Fatal(err)
	}
	conn := dial(t, r.Addrs()[0])
	const count = 500
	for range count { // nobody reads yet
		send(t, conn, "<13>app: x")
	}
	dropped := r.Stats()[0].KernelDropped
	if dropped == 0 || dropped >= count {
		t.Fatalf("got %d kernel drops of %d", dropped, count)
	}
	ended := make(chan error, 1)
	go func() { ended <- r.Run(context.Background()) }()
	sink.wait(t, count-int(dropped))
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	entries := sink.wait(t, count-int(dropped)+1)
	if got := entries[len(entries)-1].Message; !strings.HasPrefix(got, fmt.Sprintf("%d messages lost between ", dropped)) {
		t.Errorf("got last message %q", got)
	}
	if s := r.Stats()[0]; s.KernelDropped != dropped {
		t.Errorf("got %d kernel drops after the end, want still %d", s.KernelDropped, dropped)
	}
}

func TestAFullQueueDropsAndCounts(t *testing.T) {
	q := newQueue(10)
	list := []datagram{{data: []byte("1234")}, {data: []byte("5678")}, {data: []byte("abc")}, {data: []byte("9")}}
	if dropped := q.put(list); dropped != 1 {
		t.Errorf("got %d dropped, want 1", dropped)
	}
	q.close()
	var got []string
	for q.next(func(d *datagram) { got = append(got, string(d.data)) }) {
	}
	if text := strings.Join(got, " "); text != "1234 5678 9" {
		t.Errorf("got %q", text)
	}
}

func TestADatagramSenderNeverWaitsForASlowSink(t *testing.T) {
	path := socketPath(t)
	for _, input := range []string{"udp://127.0.0.1:0", "unixgram://" + path} {
		t.Run(input, func(t *testing.T) {
			sink := newFakeSink()
			sink.gate = make(chan struct{})
			r := start(t, Config{Inputs: []string{input}, QueueBytes: 64 << 10}, sink)
			conn := dial(t, r.Addrs()[0])
			if err := conn.SetWriteDeadline(time.Now().Add(patience)); err != nil {
				t.Fatal(err)
			}
			var count uint64
			for ; r.Stats()[0].Dropped == 0; count++ { // a write that waits ends at the deadline
				send(t, conn, "<13>app: "+strings.Repeat("long enough to fill the queue ", 10))
			}
			close(sink.gate)
			if err := r.Close(); err != nil {
				t.Fatal(err)
			}
			s := r.Stats()[0]
			if s.Received+s.Dropped+s.KernelDropped != count || s.Dropped == 0 {
				t.Errorf("got %+v, want %d in all and some dropped", s, count)
			}
			entries := sink.wait(t, int(s.Received)+1)
			if last := entries[len(entries)-1]; !last.Flags.Has(index.FlagLost) {
				t.Errorf("the loss is not announced: %+v", last)
			}
		})
	}
}

func TestConnectionsOverTheLimitAreRefusedAndCounted(t *testing.T) {
	sink := newFakeSink()
	r := start(t, Config{Inputs: []string{"tcp://127.0.0.1:0"}, MaxConnsPerSource: 1}, sink)
	first := dial(t, r.Addrs()[0])
	send(t, first, "<13>app: one\n")
	sink.wait(t, 1)
	second := dial(t, r.Addrs()[0])
	if n, err := second.Read(make([]byte, 1)); n != 0 || err == nil {
		t.Errorf("got %d bytes, %v, want a closed connection", n, err)
	}
	send(t, first, "<13>app: two\n")
	sink.wait(t, 2)
	if got, want := r.Stats()[0].Detail, "1 connections were refused: more were open than max_conns or max_conns_per_source allow."; got != want {
		t.Errorf("got detail %q, want %q", got, want)
	}
}

func TestALongMessageIsCutAndTheNextOneIsWhole(t *testing.T) {
	path := socketPath(t)
	for _, input := range []string{"udp://127.0.0.1:0", "tcp://127.0.0.1:0", "unixgram://" + path} {
		t.Run(input, func(t *testing.T) {
			sink := newFakeSink()
			r := start(t, Config{Inputs: []string{input}, MaxMessageBytes: 1000}, sink)
			conn := dial(t, r.Addrs()[0])
			send(t, conn, "<13>app: "+strings.Repeat("x", 20000)+"\n")
			send(t, conn, "<13>app: whole\n")
			got := sink.wait(t, 2)
			if len(got[0].Message) != 1000-len("<13>app: ") || !got[0].Flags.Has(index.FlagTruncated) {
				t.Errorf("got %d bytes, flags %v", len(got[0].Message), got[0].Flags.Names())
			}
			if got[1].Message != "whole" || got[1].Flags != 0 {
				t.Errorf("got %+v", got[1])
			}
		})
	}
}

func TestBindErrorsSayWhatToDo(t *testing.T) {
	udp, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = udp.Close() }()
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	path := socketPath(t)
	other, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = other.Close() }()
	tests := []struct{ name, input, want string }{
		{"port in use", "udp://" + udp.LocalAddr().String(), "is in use by another program: choose another or stop it"},
		{"foreign address", "tcp://192.0.2.1:5514", "the address is not one of this machine's"},
		{"a file is there", "unixgram://" + file, "something else than a socket"},
		{"somebody answers", "unixgram://" + path, "in use by another program"},
		{"a file in the place of the folder", "unixgram://" + filepath.Join(file, "s"), "needs the folder " + file + ", which cannot be made (not a directory): make it, or choose another path"},
		{"a folder that nobody can make", "unix:///proc/none/of/s", "needs the folder /proc/none/of, which cannot be made (no such file or directory): make it"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := Listen(Config{Inputs: []string{"tcp://127.0.0.1:0", test.input}}, newFakeSink())
			if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), test.input) {
				t.Errorf("got %v, want it to say %q", err, test.want)
			}
		})
	}
}

func TestTheFolderOfASocketIsMade(t *testing.T) {
	old := syscall.Umask(0o077)
	defer syscall.Umask(old)
	for _, input := range []string{"unixgram://%s", "unix://%s", "unixgram://%s?engine=go-syslog"} {
		t.Run(input, func(t *testing.T) {
			top := filepath.Dir(socketPath(t))
			path := filepath.Join(top, "run", "web-dev1", "log.sock")
			sink := newFakeSink()
			r := start(t, Config{Inputs: []string{fmt.Sprintf(input, path)}}, sink)
			for _, folder := range []string{filepath.Dir(path), filepath.Join(top, "run")} {
				info, err := os.Stat(folder)
				if err != nil {
					t.Fatal(err)
				}
				if got, want := info.Mode(), fs.ModeDir|0o755; got != want {
					t.Errorf("%s has mode %v, want %v", folder, got, want)
				}
			}
			if info, err := os.Stat(top); err != nil || info.Mode().Perm() != 0o700 {
				t.Errorf("the mode of a folder that was there is %v, %v", info.Mode(), err)
			}
			send(t, dial(t, r.Addrs()[0]), "<13>Nov 22 08:51:14 app: message\n")
			sink.wait(t, 1)
		})
	}
}

func TestAStaleSocketIsReplacedAndOursIsRemoved(t *testing.T) {
	for _, scheme := range []string{"unixgram", "unix"} {
		t.Run(scheme, func(t *testing.T) {
			path := socketPath(t)
			stale, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
			if err != nil {
				t.Fatal(err)
			}
			if err := stale.Close(); err != nil { // leaves its file
				t.Fatal(err)
			}
			r, err := Listen(Config{Inputs: []string{scheme + "://" + path + "?mode=0620"}}, newFakeSink())
			if err != nil {
				t.Fatal(err)
			}
			info, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			if got, want := info.Mode(), fs.ModeSocket|0o620; got != want {
				t.Errorf("got mode %v, want %v", got, want)
			}
			if _, err := Listen(Config{Inputs: []string{scheme + "://" + path}}, newFakeSink()); err == nil || !strings.Contains(err.Error(), "in use by another program") {
				t.Errorf("bind twice: got %v", err)
			}
			for range 2 {
				if err := r.Close(); err != nil {
					t.Error(err)
				}
			}
			if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("the socket file is still there: %v", err)
			}
			if err := r.Run(context.Background()); !errors.Is(err, ErrClosed) {
				t.Errorf("Run after Close: got %v", err)
			}
		})
	}
}

func TestAnothersSocketFileIsNotRemoved(t *testing.T) {
	path := socketPath(t)
	r, err := Listen(Config{Inputs: []string{"unix://" + path}}, newFakeSink())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path, path+".old"); err != nil { // keeps the inode from being used again
		t.Fatal(err)
	}
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(path); err != nil {
		t.Error(err)
	}
}

func TestManyDatagramListenersShareTheMemory(t *testing.T) {
	for _, test := range []struct{ listeners, queue, buffer int }{{1, 32, 64}, {2, 32, 64}, {4, 16, 32}, {100, 8, 8}} {
		var c Config
		for range test.listeners {
			c.Inputs = append(c.Inputs, "udp://127.0.0.1:0")
		}
		got, err := c.withDefaults()
		if err != nil {
			t.Fatal(err)
		}
		if got.QueueBytes != test.queue<<20 || got.ReceiveBufferBytes != test.buffer<<20 {
			t.Errorf("%d listeners: got %d and %d MiB, want %d and %d", test.listeners,
				got.QueueBytes>>20, got.ReceiveBufferBytes>>20, test.queue, test.buffer)
		}
	}
}
