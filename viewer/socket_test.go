package viewer

import (
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/gorilla/websocket"
)

func TestTailIsClosedAtShutdown(t *testing.T) {
	ts := startTest(t, 1)
	c := ts.open(t, "/api/v1/tail")
	c.next()
	stopped := make(chan error, 1)
	go func() { stopped <- ts.stop() }()
	if got := c.closeCode(); got != websocket.CloseGoingAway {
		t.Errorf("close code = %d, want 1001", got)
	}
	if err := <-stopped; err != nil {
		t.Errorf("Run: %v", err)
	}
}

func TestTailIsClosedWhenTheClientSendsTooMuch(t *testing.T) {
	ts := startTest(t, 1)
	c := ts.open(t, "/api/v1/tail")
	c.EnableWriteCompression(false) // the limit is of bytes of a frame on the wire
	if err := c.WriteMessage(websocket.TextMessage, make([]byte, maxClientFrame+1)); err != nil {
		t.Fatal(err)
	}
	if got := c.closeCode(); got != websocket.CloseMessageTooBig {
		t.Errorf("close code = %d, want 1009", got)
	}
}

func TestTailAnswersAGoodbye(t *testing.T) {
	ts := startTest(t, 1)
	c := ts.open(t, "/api/v1/tail")
	goodbye := websocket.FormatCloseMessage(websocket.CloseNormalClosure, "")
	if err := c.WriteControl(websocket.CloseMessage, goodbye, time.Now().Add(time.Second)); err != nil {
		t.Fatal(err)
	}
	if got := c.closeCode(); got != websocket.CloseNormalClosure {
		t.Errorf("close code = %d, want 1000", got)
	}
}

func TestSocketsOfOtherSitesAreRefused(t *testing.T) {
	ts := startTest(t, 1)
	_, res, err := ts.dial(t, "/api/v1/tail", "Authorization", "Bearer "+adminToken, "Origin", "https://evil.example")
	if err == nil || res == nil || res.StatusCode != 403 {
		t.Errorf("handshake of another site: %v, %v, want 403", res, err)
	}
	if _, _, err := ts.dial(t, "/api/v1/tail", "Authorization", "Bearer "+adminToken, "Origin", ts.url); err != nil {
		t.Errorf("handshake of our own page: %v", err)
	}
	if got := ts.get(t, "/api/v1/tail"); got.status != 426 || got.header.Get("Upgrade") != "websocket" {
		t.Errorf("without a handshake = %d, want 426", got.status)
	}
	_, res, err = ts.dial(t, "/api/v1/tail")
	if err == nil || res == nil || res.StatusCode != 401 {
		t.Errorf("handshake of nobody: %v, %v, want 401", res, err)
	}
}

func TestSocketsAreBounded(t *testing.T) {
	s := sockets{stopping: make(chan struct{})}
	for i := range maxSockets {
		if err := s.enter(); err != nil {
			t.Fatalf("socket %d: %v", i, err)
		}
	}
	var told *socketError
	if err := s.enter(); !errors.As(err, &told) || told.code != websocket.CloseTryAgainLater {
		t.Errorf("socket past the limit: %v, want to be told to try again later", err)
	}
	s.leave()
	if err := s.enter(); err != nil {
		t.Errorf("after one has left: %v", err)
	}
	s.stop()
	s.leave()
	if err := s.enter(); !errors.Is(err, errStopping) {
		t.Errorf("while stopping: %v, want errStopping", err)
	}
}

func TestSocketPingsAndGivesUpOnSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := listenTest(t, testConfig(t, newFakeLogs(1)))
		pipes := newPipeListener()
		served := make(chan error, 1)
		go func() { served <- s.http.Serve(pipes) }()

		dialer := websocket.Dialer{NetDialContext: pipes.dial}
		header := http.Header{"Authorization": {"Bearer " + adminToken}}
		conn, _, err := dialer.DialContext(t.Context(), "ws://tagtail/api/v1/tail", header)
		if err != nil {
			t.Fatal(err)
		}
		started := time.Now()
		var pings []time.Duration
		conn.SetPingHandler(func(string) error {
			pings = append(pings, time.Since(started))
			if len(pings) > 3 {
				return nil // falls silent
			}
			return conn.WriteControl(websocket.PongMessage, nil, time.Now().Add(time.Second))
		})
		for err == nil {
			_, _, err = conn.ReadMessage()
		}
		want := []time.Duration{pingEvery, 2 * pingEvery, 3 * pingEvery, 4 * pingEvery, 5 * pingEvery}
		if diff := cmp.Diff(want, pings); diff != "" {
			t.Errorf("pings (-want +got):\n%s", diff)
		}
		if got, want := time.Since(started), 3*pingEvery+pongWithin; got != want {
			t.Errorf("a silent client was dropped after %v, want %v", got, want)
		}
		closeTest(t, conn)
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if err := <-served; !errors.Is(err, http.ErrServerClosed) {
			t.Errorf("Serve: %v", err)
		}
		s.sockets.wait()
	})
}
