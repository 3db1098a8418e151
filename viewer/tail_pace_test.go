package viewer

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tagtail/tagtail/index"
	"github.com/tagtail/tagtail/viewer/accounts"
)

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

func (r *recorder) sendPrepared(m *message) error { return r.send(m.data) }

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
	s.hub.maxLag = 1000
	request := httptest.NewRequest(http.MethodGet, "/api/v1/tail", nil)
	request.Header.Set("Authorization", "Bearer "+adminToken)
	if req.terms == nil {
		req.terms = []index.Term{}
	}
	tl := &tail{s: s, sock: rec, req: req, request: request, scope: admin().scope().key()}
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
		id := newSession(t, s, accounts.Reserved)
		request := httptest.NewRequest(http.MethodGet, "/api/v1/tail", nil)
		request.Header.Set("Cookie", s.cookieName()+"="+id)
		tl := &tail{s: s, sock: rec, req: tailRequest{terms: []index.Term{}}, request: request, scope: admin().scope().key()}
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
