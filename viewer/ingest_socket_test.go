package viewer

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/gorilla/websocket"

	"github.com/tagtail/tagtail/index"
)

func (c *client) say(text string) {
	c.t.Helper()
	if err := c.WriteMessage(websocket.TextMessage, []byte(text)); err != nil {
		c.t.Fatal(err)
	}
}

func TestEachFrameIsStoredAndAnswered(t *testing.T) {
	ts, sink := startIngest(t, nil)
	c := ts.open(t, "/api/v1/ingest?instance=game/dev1")
	for _, tt := range []struct {
		frame              string
		accepted, rejected int
	}{
		{"a line", 1, 0},
		{"", 0, 0},
		{"two\nlines\n", 2, 0},
		{`{"message":"json"}` + "\nnot json\n" + ` {"message":"again","severity":"debug"}`, 2, 1},
		{"half \xe4\xbd", 1, 0},
		{strings.Repeat("x", freeFrameBytes-1), 1, 0},
		{strings.Repeat("x", freeFrameBytes), 1, 0},
		{strings.Repeat("x", maxIngestBytes), 1, 0},
		{strings.Repeat("x\n", maxIngestLines), maxIngestLines, 0},
	} {
		c.say(tt.frame)
		f := c.next()
		if f.Type != "accepted" || f.Accepted != tt.accepted || f.Rejected != tt.rejected || len(f.Errors) != tt.rejected {
			t.Errorf("answer to %.40q = %+v, want %d and %d", tt.frame, f, tt.accepted, tt.rejected)
		}
	}
	got := sink.kept()
	if diff := cmp.Diff([]string{"a line", "two", "lines", "json", "again", "half \xe4\xbd"}, sink.messages()[:6]); diff != "" {
		t.Errorf("messages (-want +got):\n%s", diff)
	}
	if got[0].Instance != "game/dev1" || got[4].Severity != index.Debug || !got[8].Flags.Has(index.FlagTruncated) {
		t.Errorf("entries = %+v, %+v", got[0], got[4])
	}
	if !ts.bodies.TryAcquire(maxBodiesBytes) {
		t.Error("a frame has kept its share")
	}
}

func TestFramesOverTheLimitsEndTheSocket(t *testing.T) {
	tests := map[string]struct {
		kind int
		text string
		code int
	}{
		"too many bytes": {websocket.TextMessage, strings.Repeat("x", maxIngestBytes+1), websocket.CloseMessageTooBig},
		"too many lines": {websocket.TextMessage, strings.Repeat("x\n", maxIngestLines+1), websocket.CloseMessageTooBig},
		"binary":         {websocket.BinaryMessage, "x", websocket.CloseUnsupportedData},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			ts, sink := startIngest(t, nil)
			c := ts.open(t, "/api/v1/ingest")
			if err := c.WriteMessage(tt.kind, []byte(tt.text)); err != nil {
				t.Fatal(err)
			}
			if f := c.next(); f.Type != "error" || f.Detail == "" {
				t.Errorf("answer = %+v, want an error", f)
			}
			if got := c.closeCode(); got != tt.code {
				t.Errorf("close code = %d, want %d", got, tt.code)
			}
			if n := len(sink.kept()); n != 0 {
				t.Errorf("%d entries, want none", n)
			}
		})
	}
}

func TestABusyServerEndsTheSocketOfALargeFrame(t *testing.T) {
	ts, _ := startIngest(t, nil)
	if !ts.bodies.TryAcquire(maxBodiesBytes) {
		t.Fatal("the server is busy at its start")
	}
	c := ts.open(t, "/api/v1/ingest")
	c.say("small")
	if f := c.next(); f.Accepted != 1 {
		t.Errorf("answer to a small frame = %+v, want it accepted", f)
	}
	c.say(strings.Repeat("x", freeFrameBytes))
	if got := c.closeCode(); got != websocket.CloseTryAgainLater {
		t.Errorf("close code = %d, want %d", got, websocket.CloseTryAgainLater)
	}
}

func TestStoreErrorsEndTheSocketWithoutAnAnswer(t *testing.T) {
	ts, sink := startIngest(t, nil)
	sink.fail = errors.New("disk full")
	c := ts.open(t, "/api/v1/ingest")
	c.say("hello")
	if f := c.next(); f.Type != "error" || !strings.Contains(f.Detail, "send them again") {
		t.Errorf("answer = %+v, want to be asked to send again", f)
	}
	if got := c.closeCode(); got != websocket.CloseTryAgainLater {
		t.Errorf("close code = %d, want %d", got, websocket.CloseTryAgainLater)
	}
}

func TestASocketThatIsTooFastWaits(t *testing.T) {
	ts, sink := startIngest(t, func(c *Config) { c.IngestRate, c.IngestBurst = 1000, 10 })
	c := ts.open(t, "/api/v1/ingest")
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := range 30 {
			if err := c.WriteMessage(websocket.TextMessage, fmt.Appendf(nil, "%d\n%d", i, i)); err != nil {
				t.Error(err)
			}
		}
	})
	for range 30 {
		if f := c.next(); f.Accepted != 2 {
			t.Errorf("answer = %+v, want two accepted", f)
		}
	}
	wg.Wait()
	if n := len(sink.kept()); n != 60 {
		t.Errorf("%d entries, want 60", n)
	}
}

func TestAWaitingSocketEndsWithTheServer(t *testing.T) {
	ts, _ := startIngest(t, func(c *Config) { c.IngestRate, c.IngestBurst = 1, 10_000 })
	c := ts.open(t, "/api/v1/ingest")
	c.say(strings.Repeat("x\n", 10_000))
	if f := c.next(); f.Accepted != 10_000 {
		t.Fatalf("answer = %+v", f)
	}
	c.say(strings.Repeat("x\n", 10_000)) // hours to wait
	c.say("one more")
	if err := ts.stop(); err != nil {
		t.Errorf("Run: %v", err)
	}
	if got := c.closeCode(); got != websocket.CloseGoingAway {
		t.Errorf("close code = %d, want %d", got, websocket.CloseGoingAway)
	}
}

func TestIngestSocketsAreGuarded(t *testing.T) {
	ts, _ := startIngest(t, nil)
	for name, tt := range map[string]struct {
		path   string
		header []string
		want   int
	}{
		"another site":     {"", []string{"Authorization", "Bearer " + adminToken, "Origin", "https://evil.example"}, 403},
		"no token":         {"", nil, 401},
		"unknown instance": {"?instance=nonsense", []string{"Authorization", "Bearer " + adminToken}, 400},
	} {
		_, res, err := ts.dial(t, "/api/v1/ingest"+tt.path, tt.header...)
		if err == nil || res == nil || res.StatusCode != tt.want {
			t.Errorf("%s: %v, %v, want %d", name, res, err, tt.want)
		}
	}
	if got := ts.get(t, "/api/v1/ingest"); got.status != 426 {
		t.Errorf("without a handshake = %d, want 426", got.status)
	}
}

func TestConcurrentSocketsLoseNothing(t *testing.T) {
	ts, sink := startIngest(t, nil)
	var wg sync.WaitGroup
	for i := range 8 {
		c := ts.open(t, "/api/v1/ingest")
		wg.Go(func() {
			for n := range 50 {
				if err := c.WriteMessage(websocket.TextMessage, fmt.Appendf(nil, "%d.%d", i, n)); err != nil {
					t.Error(err)
					return
				}
				if _, answer, err := c.ReadMessage(); err != nil || !strings.Contains(string(answer), `"accepted":1,`) {
					t.Errorf("answer = %s, %v", answer, err)
					return
				}
			}
		})
	}
	wg.Wait()
	if n := len(sink.kept()); n != 400 {
		t.Errorf("%d entries, want 400", n)
	}
}
