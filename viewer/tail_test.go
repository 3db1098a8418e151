package viewer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/gorilla/websocket"

	"github.com/tagtail/tagtail/deploy"
	"github.com/tagtail/tagtail/index"
)

// frame is any frame of a stream.
type frame struct {
	Type    string
	Seq     uint64
	Terms   []index.Term
	Entries []index.Entry
	Count   uint64
	FromSeq uint64 `json:"from_seq"`
	ToSeq   uint64 `json:"to_seq"`
	Detail  string
	From    int
	Lines   []string
	Job     *deploy.JobView

	Accepted, Rejected int
	Errors             []lineError
}

// frameSchemas are where openapi.json describes each type of frame.
var frameSchemas = map[string]string{
	"status": "StatusFrame", "entries": "EntriesFrame", "dropped": "DroppedFrame",
	"error": "ErrorFrame", "accepted": "AcceptedFrame", "output": "OutputFrame", "done": "DoneFrame",
}

// parseFrame decodes a frame and holds it to the OpenAPI document.
func parseFrame(t *testing.T, data []byte) frame {
	t.Helper()
	var f frame
	var v any
	if err := errors.Join(json.Unmarshal(data, &f), json.Unmarshal(data, &v)); err != nil {
		t.Fatalf("%v in %.200s", err, data)
	}
	checkSchema(t, f.Type+" frame", object{"$ref": "#/components/schemas/" + frameSchemas[f.Type]}, v)
	return f
}

// client is the other end of a WebSocket.
type client struct {
	*websocket.Conn
	t *testing.T
}

func (ts *testServer) dial(t *testing.T, path string, header ...string) (*client, *http.Response, error) {
	t.Helper()
	h := http.Header{}
	for i := 0; i < len(header); i += 2 {
		h.Set(header[i], header[i+1])
	}
	dialer := websocket.Dialer{HandshakeTimeout: 10 * time.Second, EnableCompression: true, WriteBufferSize: 4 * maxClientFrame}
	conn, res, err := dialer.DialContext(t.Context(), strings.Replace(ts.url, "http", "ws", 1)+path, h)
	if err != nil {
		return nil, res, err
	}
	t.Cleanup(func() { _ = conn.Close() }) // a test may have closed it
	return &client{conn, t}, res, nil
}

// open dials with the admin token.
func (ts *testServer) open(t *testing.T, path string) *client {
	t.Helper()
	c, _, err := ts.dial(t, path, "Authorization", "Bearer "+adminToken)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (c *client) next() frame {
	c.t.Helper()
	if err := c.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
		c.t.Fatal(err)
	}
	_, data, err := c.ReadMessage()
	if err != nil {
		c.t.Fatalf("read frame: %v", err)
	}
	return parseFrame(c.t, data)
}

// entries reads entries frames up to the one that reaches seq.
func (c *client) entries(seq uint64) []index.Entry {
	c.t.Helper()
	var all []index.Entry
	for {
		f := c.next()
		all = append(all, f.Entries...)
		if f.Type != "entries" || f.Seq >= seq {
			return all
		}
	}
}

// closeCode reads to the end of the stream.
func (c *client) closeCode() int {
	c.t.Helper()
	for {
		if err := c.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
			c.t.Fatal(err)
		}
		_, _, err := c.ReadMessage()
		var closed *websocket.CloseError
		if errors.As(err, &closed) {
			return closed.Code
		}
		if err != nil {
			c.t.Fatalf("the stream ends with %v, want a close frame", err)
		}
	}
}

func span(from, to uint64) []uint64 {
	list := []uint64{}
	for seq := from; seq <= to; seq++ {
		list = append(list, seq)
	}
	return list
}

func TestTailBeginsWithStatusAndHistory(t *testing.T) {
	ts := startTest(t, 300)
	tests := map[string]struct {
		query  string
		status uint64
		want   []uint64 // of the first entries frame, after ten more entries
	}{
		"live only":              {"", 300, span(301, 310)},
		"last":                   {"last=5", 300, span(296, 300)},
		"more than there is":     {"last=500", 300, span(1, 300)},
		"resumed":                {"after=295", 295, span(296, 310)},
		"resumed at the end":     {"after=300", 300, span(301, 310)},
		"resumed, last ignored":  {"after=290&last=1", 290, span(291, 310)},
		"from another store":     {"after=5000", 300, span(301, 310)},
		"resumed from the start": {"after=0", 0, span(1, 300)},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			ts := startTest(t, int(ts.logs.LastSeq()))
			c := ts.open(t, "/api/v1/tail?"+tt.query)
			if f := c.next(); f.Type != "status" || f.Seq != tt.status {
				t.Fatalf("first frame = %s %d, want status %d", f.Type, f.Seq, tt.status)
			}
			upTo := tt.want[len(tt.want)-1]
			if upTo > 300 {
				ts.logs.add(10)
			}
			if diff := cmp.Diff(tt.want, seqs(c.entries(upTo))); diff != "" {
				t.Errorf("entries (-want +got):\n%s", diff)
			}
		})
	}
}

func TestTailSendsAnEmptyFrameForEmptyHistory(t *testing.T) {
	ts := startTest(t, 0)
	c := ts.open(t, "/api/v1/tail?last=10")
	if f := c.next(); f.Type != "status" || f.Seq != 0 {
		t.Fatalf("first frame = %+v, want status 0", f)
	}
	if f := c.next(); f.Type != "entries" || len(f.Entries) != 0 {
		t.Fatalf("second frame = %+v, want no entries", f)
	}
	ts.logs.add(1)
	if f := c.next(); f.Type != "entries" || len(f.Entries) != 1 || f.Seq != 1 {
		t.Errorf("third frame = %+v, want the first entry there ever was", f)
	}
}

func TestTailHasNoSeamUnderConcurrentAppends(t *testing.T) {
	const total = 3000
	ts := startTest(t, 0)
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() {
		for n := uint64(0); n < total; n += 7 {
			ts.logs.add(int(min(7, total-n)))
		}
	})
	for _, query := range []string{"", "last=1", "last=50", "last=500", "last=0", "after=0", "last=200", "last=300"} {
		wg.Go(func() {
			c, _, err := ts.dial(t, "/api/v1/tail?"+query, "Authorization", "Bearer "+adminToken)
			if err != nil {
				t.Error(err)
				return
			}
			checkNoSeam(c, query, total)
		})
	}
}

func checkNoSeam(c *client, query string, total uint64) {
	var last uint64
	if err := c.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		c.t.Error(err)
		return
	}
	for last < total {
		_, data, err := c.ReadMessage()
		if err != nil {
			c.t.Errorf("%s: %v", query, err)
			return
		}
		f := parseFrame(c.t, data)
		if f.Type == "status" && last == 0 && (query == "last=0" || !strings.HasPrefix(query, "last=")) {
			last = f.Seq // without history, what follows begins behind it
			continue
		}
		for _, e := range f.Entries {
			if last > 0 && e.Seq != last+1 || last == 0 && query == "after=0" && e.Seq != 1 {
				c.t.Errorf("%s: entry %d follows %d", query, e.Seq, last)
				return
			}
			last = e.Seq
		}
		if f.Type == "entries" && f.Seq < last {
			c.t.Errorf("%s: frame says it reads up to %d, but holds %d", query, f.Seq, last)
		}
	}
}

func TestTailResumesWhereItWasCut(t *testing.T) {
	ts := startTest(t, 10)
	c := ts.open(t, "/api/v1/tail?last=10")
	c.next()
	read := c.next().Seq
	closeTest(t, c)
	ts.logs.add(1000)
	again := ts.open(t, fmt.Sprint("/api/v1/tail?after=", read))
	again.next()
	if diff := cmp.Diff(span(11, 1010), seqs(again.entries(1010))); diff != "" {
		t.Errorf("entries after the cut (-want +got):\n%s", diff)
	}
}

func TestTailTellsErrorsOnTheStream(t *testing.T) {
	tests := map[string]struct {
		query string
		fail  error
		want  string
		code  int
	}{
		"bad after":       {"after=x", nil, `The parameter after is "x"`, websocket.ClosePolicyViolation},
		"too much":        {"last=501", nil, `from 0 to 500`, websocket.ClosePolicyViolation},
		"long query":      {"q=" + strings.Repeat("x", 9000), nil, `has 9000 bytes`, websocket.ClosePolicyViolation},
		"broken store":    {"last=1", errors.New("/secret"), "broke off in the server", websocket.CloseInternalServerErr},
		"broken follower": {"", errors.New("/secret"), "broke off in the server", websocket.CloseInternalServerErr},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			ts := startTest(t, 1)
			ts.logs.setFail(tt.fail)
			c := ts.open(t, "/api/v1/tail?"+tt.query)
			f := c.next()
			if tt.fail != nil {
				f = c.next() // behind the first status
			}
			if f.Type != "error" || !strings.Contains(f.Detail, tt.want) {
				t.Errorf("frame = %+v, want an error with %q", f, tt.want)
			}
			if got := c.closeCode(); got != tt.code {
				t.Errorf("close code = %d, want %d", got, tt.code)
			}
		})
	}
}

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

// recorder is a sender that notes what it gets, and when.
type recorder struct {
	t     *testing.T
	mu    sync.Mutex
	got   []frame
	at    []time.Time
	block chan struct{} // if not nil, each send takes one token
}

func (r *recorder) send(data []byte) error {
	if r.block != nil {
		<-r.block
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.got = append(r.got, parseFrame(r.t, data))
	r.at = append(r.at, time.Now())
	return nil
}

func (r *recorder) sendJSON(v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return r.send(data)
}

func (r *recorder) entries() []uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := []uint64{}
	for _, f := range r.got {
		list = append(list, seqs(f.Entries)...)
	}
	return list
}

// runTail runs a tail against a recorder, in a bubble. The result is ended by
// cancel and then sent.
func runTail(t *testing.T, logs *fakeLogs, req tailRequest, rec *recorder) (ended chan error, cancel func()) {
	t.Helper()
	s := listenTest(t, testConfig(t, logs))
	s.maxLag = 1000
	request := httptest.NewRequest(http.MethodGet, "/api/v1/tail", nil)
	request.Header.Set("Authorization", "Bearer "+adminToken)
	if req.terms == nil {
		req.terms = []index.Term{}
	}
	tl := &tail{s: s, sock: rec, req: req, request: request}
	ctx, cancel := context.WithCancel(context.Background())
	ended = make(chan error, 1)
	go func() { ended <- tl.run(ctx) }()
	synctest.Wait()
	return ended, cancel
}

func TestTailSendsAtOnceWhenIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		logs, rec := newFakeLogs(1), &recorder{t: t}
		ended, cancel := runTail(t, logs, tailRequest{}, rec)
		for range 10 {
			time.Sleep(frameEvery)
			logs.add(1)
			added := time.Now()
			synctest.Wait()
			if got := rec.at[len(rec.at)-1].Sub(added); got != 0 {
				t.Errorf("an entry was sent after %v, want at once", got)
			}
		}
		if diff := cmp.Diff(span(2, 11), rec.entries()); diff != "" {
			t.Errorf("entries (-want +got):\n%s", diff)
		}
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("the tail ends with %v, want that it was canceled", err)
		}
	})
}

func TestTailCoalescesUnderLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		logs, rec := newFakeLogs(1), &recorder{t: t}
		ended, cancel := runTail(t, logs, tailRequest{}, rec)
		for range 1000 {
			logs.add(1)
			time.Sleep(time.Millisecond)
		}
		time.Sleep(frameEvery)
		synctest.Wait()
		if got, most := len(rec.got)-1, 1000/16+2; got > most {
			t.Errorf("%d frames in a second, want up to %d", got, most)
		}
		for i := 2; i < len(rec.at); i++ {
			if got := rec.at[i].Sub(rec.at[i-1]); got < frameEvery || got > frameEvery+time.Millisecond {
				t.Errorf("frame %d comes %v after the one before, want %v", i, got, frameEvery)
			}
		}
		if diff := cmp.Diff(span(2, 1001), rec.entries()); diff != "" {
			t.Errorf("entries (-want +got):\n%s", diff)
		}
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("the tail ends with %v, want that it was canceled", err)
		}
	})
}

func TestTailDoesNotHoldFullFramesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		logs, rec := newFakeLogs(1), &recorder{t: t}
		ended, cancel := runTail(t, logs, tailRequest{}, rec)
		logs.add(900) // below maxLag
		time.Sleep(frameEvery)
		synctest.Wait()
		for _, f := range rec.got {
			if len(f.Entries) > maxFrameEntries {
				t.Errorf("a frame has %d entries, want up to %d", len(f.Entries), maxFrameEntries)
			}
		}
		if diff := cmp.Diff(span(2, 901), rec.entries()); diff != "" {
			t.Errorf("entries within %v (-want +got):\n%s", frameEvery, diff)
		}
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("the tail ends with %v, want that it was canceled", err)
		}
	})
}

func TestTailSendsStatusAndEndsWithTheSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		logs, rec := newFakeLogs(1), &recorder{t: t}
		s := listenTest(t, testConfig(t, logs))
		id, err := s.sessions.add(admin(), time.Now())
		if err != nil {
			t.Fatal(err)
		}
		request := httptest.NewRequest(http.MethodGet, "/api/v1/tail", nil)
		request.Header.Set("Cookie", s.cookieName()+"="+id)
		tl := &tail{s: s, sock: rec, req: tailRequest{terms: []index.Term{}}, request: request}
		ended := make(chan error, 1)
		go func() { ended <- tl.run(context.Background()) }()
		synctest.Wait()
		logs.add(3)
		time.Sleep(statusEvery)
		synctest.Wait()
		if f := rec.got[len(rec.got)-1]; f.Type != "status" || f.Seq != 4 {
			t.Errorf("after %v comes %+v, want status 4", statusEvery, f)
		}
		if err := s.sessions.remove(id); err != nil {
			t.Fatal(err)
		}
		var told *socketError
		if err := <-ended; !errors.As(err, &told) || told.Status != 401 {
			t.Errorf("the tail of a session that ended ends with %v, want 401", err)
		}
	})
}

func TestSlowTailIsToldWhatItMissed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		logs, rec := newFakeLogs(1), &recorder{t: t, block: make(chan struct{})}
		ended, cancel := runTail(t, logs, tailRequest{}, rec)
		rec.block <- struct{}{} // the first status
		const total = 50_000
		for range total / 100 {
			logs.add(100)
			synctest.Wait() // the store goes on, the client does not read
		}
		close(rec.block)
		time.Sleep(time.Second)
		synctest.Wait()
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("the tail ends with %v, want that it was canceled", err)
		}
		last, shown, dropped := uint64(1), 0, uint64(0)
		for _, f := range rec.got {
			if f.Type == "dropped" {
				if f.FromSeq != last+1 || f.Count != f.ToSeq-f.FromSeq+1 {
					t.Errorf("dropped %d from %d to %d behind %d", f.Count, f.FromSeq, f.ToSeq, last)
				}
				last, dropped = f.ToSeq, dropped+f.Count
			}
			for _, e := range f.Entries {
				if e.Seq != last+1 {
					t.Errorf("entry %d follows %d", e.Seq, last)
				}
				last, shown = e.Seq, shown+1
			}
		}
		if dropped == 0 || uint64(shown)+dropped != total {
			t.Errorf("shown %d and dropped %d, want %d together and some dropped", shown, dropped, total)
		}
	})
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

func TestTailQueriesSayHowTheyWereRead(t *testing.T) {
	ts := startTest(t, 1)
	c := ts.open(t, "/api/v1/tail?q="+url.QueryEscape("entry"))
	want := index.ParseQuery("entry", index.ParseOptions{}).Terms()
	if got := c.next().Terms; len(got) != len(want) {
		t.Errorf("terms = %v, want %v", got, want)
	}
}

// BenchmarkTailEncode measures entries from the follower into sent frames.
func BenchmarkTailEncode(b *testing.B) {
	entries := newFakeLogs(followBatch).entries
	for i := range entries {
		entries[i].Message = "2026/11/22 10:42:31 [error] 31497#31497: *4139 [lua] counter.lua:66: log(): latency=0.056, client: 127.0.0.1, server: , request: \"GET / HTTP/1.1\""
	}
	out := newOutbox(1)
	ctx := context.Background()
	b.ReportAllocs()
	bytes := 0
	for b.Loop() {
		if err := out.put(ctx, index.FollowBatch{Entries: entries, Seq: 100}); err != nil {
			b.Fatal(err)
		}
		bytes += len(out.take().frame)
		unsignal(out.taken)
	}
	b.ReportMetric(float64(b.N*len(entries))/b.Elapsed().Seconds(), "entries/s")
	b.SetBytes(int64(bytes / b.N))
}
