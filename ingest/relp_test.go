package ingest

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tagtail/tagtail/index"
)

const relpOpen = "1 open 30 relp_version=1\ncommands=syslog\n"

// relpFrame is a message as a client sends it.
func relpFrame(txnr int, message string) string {
	return fmt.Sprintf("%d syslog %d %s\n", txnr, len(message), message)
}

// relpClient reads responses.
type relpClient struct {
	net.Conn
	lines *bufio.Reader
}

func dialRELP(t *testing.T, addr net.Addr) *relpClient {
	t.Helper()
	conn := dial(t, addr)
	return &relpClient{conn, bufio.NewReader(conn)}
}

// read returns the next n lines.
func (c *relpClient) read(t *testing.T, n int) string {
	t.Helper()
	if err := c.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for range n {
		line, err := c.lines.ReadString('\n')
		all.WriteString(line)
		if err != nil {
			t.Fatalf("after %q: %v", &all, err)
		}
	}
	return all.String()
}

func TestRELPAcknowledgesABatchAfterOneSync(t *testing.T) {
	sink := newDurableSink()
	r := start(t, Config{Inputs: []string{"relp://127.0.0.1:0"}}, sink)
	c := dialRELP(t, r.Addrs()[0])
	send(t, c, relpOpen)
	if got := c.read(t, 4); got != "1 rsp 59 200 OK\nrelp_version=1\nrelp_software=tagtail\ncommands=syslog\n" {
		t.Errorf("got %q", got)
	}
	var text, want strings.Builder
	for i := 2; i < 102; i++ {
		text.WriteString(relpFrame(i, fmt.Sprintf("<13>app: %d", i)))
		fmt.Fprintf(&want, "%d rsp 6 200 OK\n", i)
	}
	send(t, c, text.String()+"102 close 0\n")
	want.WriteString("102 rsp 6 200 OK\n0 serverclose 0\n")
	if diff := cmp.Diff(want.String(), c.read(t, 102)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if _, err := c.lines.ReadByte(); err == nil {
		t.Error("the connection stays open after close")
	}
	if got := sink.wait(t, 100); got[99].Message != "101" || got[0].Source != "127.0.0.1" {
		t.Errorf("got %+v", got[99])
	}
	if sink.syncs > 3 {
		t.Errorf("100 messages that came together took %d syncs", sink.syncs)
	}
	if s := r.Stats()[0]; s.Received != 100 || s.Dropped != 0 {
		t.Errorf("got stats %+v", s)
	}
}

func TestRELPDoesNotAcknowledgeWhatIsNotDurable(t *testing.T) {
	sink := newDurableSink()
	sink.failing = 1
	var logged bytes.Buffer
	r := start(t, Config{Inputs: []string{"relp://127.0.0.1:0"}, Logger: testLogger(&logged)}, sink)
	c := dialRELP(t, r.Addrs()[0])
	send(t, c, relpOpen)
	c.read(t, 4)
	send(t, c, relpFrame(2, "<13>app: a"))
	if got := c.read(t, 1); got != "0 serverclose 0\n" {
		t.Errorf("got %q, want no response", got)
	}
	c = dialRELP(t, r.Addrs()[0])
	send(t, c, relpOpen+relpFrame(2, "<13>app: a"))
	if got := c.read(t, 5); !strings.HasSuffix(got, "2 rsp 6 200 OK\n") {
		t.Errorf("got %q", got)
	}
	if got := sink.wait(t, 1); len(got) != 1 {
		t.Errorf("got %d entries, want 1", len(got))
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if s := r.Stats()[0]; s.Received != 1 || s.Dropped != 0 {
		t.Errorf("got stats %+v: nothing was lost", s)
	}
	if want := "messages are not stored; the client will send them again: sync entries: the disk is gone"; !strings.Contains(logged.String(), want) {
		t.Errorf("logged %s", &logged)
	}
}

func TestRELPNeedsASinkThatCanSync(t *testing.T) {
	_, err := Listen(Config{Inputs: []string{"relp://127.0.0.1:0"}}, newFakeSink())
	want := `--syslog "relp://127.0.0.1:0" acknowledges messages when they are durable, and the store cannot tell when: use tcp:// instead`
	if err == nil || err.Error() != want {
		t.Errorf("got %v", err)
	}
}

func TestRELPThatIsNoneIsClosedAndReported(t *testing.T) {
	for name, text := range map[string]string{
		"HTTP":                   "GET / HTTP/1.0\r\n\r\n",
		"a message without open": relpFrame(1, "<13>app: a"),
		"a number left out":      relpOpen + relpFrame(3, "<13>app: a"),
	} {
		t.Run(name, func(t *testing.T) {
			sink := newDurableSink()
			var logged bytes.Buffer
			r := start(t, Config{Inputs: []string{"relp://127.0.0.1:0"}, Logger: testLogger(&logged)}, sink)
			c := dialRELP(t, r.Addrs()[0])
			send(t, c, text)
			if err := c.SetReadDeadline(time.Now().Add(patience)); err != nil {
				t.Fatal(err)
			}
			var got bytes.Buffer
			if _, err := got.ReadFrom(c); err != nil || !strings.HasSuffix(got.String(), "0 serverclose 0\n") {
				t.Errorf("got %q, %v", &got, err)
			}
			if err := r.Close(); err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(logged.String(), `doing="read relp"`) {
				t.Errorf("logged %q", &logged)
			}
			if got := sink.wait(t, 0); len(got) != 0 {
				t.Errorf("got %+v", got)
			}
		})
	}
}

func TestRELPCutsALongMessageAndAcknowledgesIt(t *testing.T) {
	sink := newDurableSink()
	r := start(t, Config{Inputs: []string{"relp://127.0.0.1:0"}, MaxMessageBytes: 1000}, sink)
	c := dialRELP(t, r.Addrs()[0])
	send(t, c, relpOpen+relpFrame(2, "<13>app: "+strings.Repeat("x", 300_000))+relpFrame(3, "<13>app: whole"))
	c.read(t, 6)
	got := sink.wait(t, 2)
	if len(got[0].Message) != 1000-len("<13>app: ") || !got[0].Flags.Has(index.FlagTruncated) {
		t.Errorf("got %d bytes, flags %v", len(got[0].Message), got[0].Flags.Names())
	}
	if got[1].Message != "whole" || got[1].Flags != 0 {
		t.Errorf("got %+v", got[1])
	}
}

func TestMoreRELPMessagesThanABatchAreAllAcknowledged(t *testing.T) {
	const count = 3*batchEntries + 7
	sink := newDurableSink()
	r := start(t, Config{Inputs: []string{"relp://127.0.0.1:0"}}, sink)
	c := dialRELP(t, r.Addrs()[0])
	text := []byte(relpOpen)
	for i := range count {
		text = append(text, relpFrame(i+2, "<13>app: x")...)
	}
	written := make(chan error, 1)
	go func() {
		_, err := c.Write(text)
		written <- err
	}()
	if got := c.read(t, 4+count); !strings.HasSuffix(got, fmt.Sprintf("\n%d rsp 6 200 OK\n", count+1)) {
		t.Errorf("got %q", got[len(got)-50:])
	}
	if err := <-written; err != nil {
		t.Fatal(err)
	}
	if got := sink.wait(t, count); len(got) != count {
		t.Errorf("got %d entries, want %d", len(got), count)
	}
}

// pipeRELP runs a relpStream on one end of a pipe and returns the other. It is
// for use in a synctest bubble.
func pipeRELP(t *testing.T, cfg Config) (conn net.Conn, ended <-chan struct{}) {
	t.Helper()
	sink := newDurableSink()
	return pipeServed(t, context.Background(), sink, cfg, func(in *input, cfg *Config) serveFunc { return in.relp(cfg, sink) })
}

func TestRELPConnectionsEndByTheLimitsOnly(t *testing.T) {
	session := relpOpen + relpFrame(2, "<13>app: x")
	tests := []struct {
		name, text string
		reads      bool // the client takes the responses
		openFor    time.Duration
		closedBy   time.Duration // 0 is never
	}{
		{"nothing is said", "", true, defaultFirstByteWithin - time.Second, defaultFirstByteWithin + time.Second},
		{"a frame stops in its middle", session + "3 syslog 10 <1", true, defaultStallWithin - time.Second, defaultStallWithin + time.Second},
		{"a long frame stops in its end", session + "3 syslog 99999 " + strings.Repeat("x", 70_000), true, defaultStallWithin - time.Second, defaultStallWithin + time.Second},
		{"the client is silent between frames", session, true, 24 * time.Hour, 0},
		{"the client takes no responses", session, false, defaultStallWithin - time.Second, defaultStallWithin + time.Second},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				conn, ended := pipeRELP(t, Config{})
				if test.reads {
					go func() { _, _ = bufio.NewReader(conn).WriteTo(discard{}) }()
				}
				send(t, conn, test.text)
				time.Sleep(test.openFor)
				if isClosed(ended) {
					t.Fatal("closed too early")
				}
				if test.closedBy == 0 {
					return
				}
				time.Sleep(test.closedBy - test.openFor + relpLinger)
				if !isClosed(ended) {
					t.Error("still open")
				}
			})
		})
	}
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

func TestTheShutdownAcknowledgesWhatIsDurable(t *testing.T) {
	sink := newDurableSink()
	r := start(t, Config{Inputs: []string{"relp://127.0.0.1:0"}}, sink)
	c := dialRELP(t, r.Addrs()[0])
	send(t, c, relpOpen+relpFrame(2, "<13>app: a"))
	sink.wait(t, 1)
	closed := make(chan error, 1)
	go func() { closed <- r.Close() }()
	if got := c.read(t, 6); !strings.HasSuffix(got, "2 rsp 6 200 OK\n0 serverclose 0\n") {
		t.Errorf("got %q", got)
	}
	_ = c.Close()
	if err := <-closed; err != nil {
		t.Fatal(err)
	}
}
