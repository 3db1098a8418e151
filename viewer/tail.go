package viewer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/gorilla/websocket"
	"github.com/labstack/echo/v4"

	"github.com/tagtail/tagtail/index"
)

const (
	// frameEvery is the least time between two frames that are not full: an
	// entry on a quiet tail is sent at once, a busy tail once a screen refresh.
	frameEvery  = 16 * time.Millisecond
	statusEvery = 15 * time.Second
	// checkEvery is how soon a tail ends whose person may not see it any more.
	checkEvery = time.Second / 2
	// maxLast is the most history before a tail; it fits one frame.
	maxLast = maxFrameEntries
)

// tailRequest is what a client asks of a tail.
type tailRequest struct {
	key     feedKey
	query   index.Query
	terms   []index.Term
	last    int
	within  time.Duration // how long to look for the last, 0 until they are found
	asked   time.Time
	after   uint64
	resumed bool // after is given
	sample  bool // a sample is wanted where all is too much to read
}

// tail streams entries as they arrive, after history if the client asks for
// any. What is wrong with the request is told in an error frame, because a
// browser hides the body of a refused handshake from its page.
func (s *Server) tail(c echo.Context, p principal) error {
	params := readParams(c.Request(), time.Now().UTC())
	var req tailRequest
	text := params.query(s.cfg.Location)
	req.last = int(params.number("last", 0, 0, maxLast))
	req.within, req.asked = params.within(), params.now
	req.after, req.resumed = params.seq("after")
	req.sample = params.number("sample", 0, 0, 1) == 1
	if params.err == nil {
		req.query, req.terms = s.parse(p, text, params.now)
		req.key = newFeedKey(p, text.text, text.zone.String(), req.terms)
	}
	return s.serveSocket(c, func(ctx context.Context, sock socket) error {
		var wrong *problem
		if errors.As(params.err, &wrong) {
			return &socketError{websocket.ClosePolicyViolation, wrong}
		}
		t := &tail{s: s, sock: sock, req: req, request: c.Request(), scope: p.scope().key()}
		return t.run(ctx)
	})
}

// tail is one open tail. One goroutine, which may send, uses it.
type tail struct {
	s       *Server
	sock    sender
	req     tailRequest
	request *http.Request // carries the credentials, which are checked again
	scope   string        // what they let see at the beginning
	told    time.Time     // when the last status was sent

	feed *feed
	next uint64 // the number of the feed's frame that comes next
	at   uint64 // the Seq up to which everything was sent
	// counted is what the feed had counted at that Seq, if synced: a tail that
	// resumes is behind the feed's beginning until it has caught up.
	counted tally
	synced  bool
}

// sender is the sending half of a socket.
type sender interface {
	send(frame []byte) error
	sendPrepared(m *message) error
	sendJSON(v any) error
}

// run sends the first status, history and then what arrives.
func (t *tail) run(ctx context.Context) error {
	t.feed = t.s.hub.join(t.req.key, t.req.query)
	defer t.s.hub.leave(t.feed)
	if err := t.begin(ctx); err != nil {
		return err
	}
	check := time.NewTicker(checkEvery)
	defer check.Stop()
	for {
		select { // also if there is always something to send
		case <-check.C:
			if err := t.check(); err != nil {
				return err
			}
		default:
		}
		v, next, err := t.feed.from(t.next)
		if err != nil {
			return err
		}
		t.next = next
		switch {
		case v.frame != nil:
			err = t.take(ctx, v.frame, check.C)
		case t.at < v.told:
			err = t.catchUp(ctx, v, check.C)
		default:
			t.at, t.counted, t.synced = max(t.at, v.read), v.counted, true
			select {
			case <-ctx.Done():
				err = ctx.Err()
			case <-check.C:
				err = t.check()
			case <-v.changed:
			}
		}
		if err != nil {
			return err
		}
	}
}

// begin sends what comes before the live part, and sets where that starts.
//
// Where the feed is, is read first. It bounds the history from above, and the
// live part starts behind it: between the two there is neither gap nor overlap.
func (t *tail) begin(ctx context.Context) error {
	t.next, t.at, t.counted = t.feed.position()
	t.synced = true
	if t.req.resumed {
		read := t.at
		// A Seq that was never given is from another store's life.
		t.at = min(t.req.after, t.s.cfg.Logs.LastSeq())
		t.synced = t.at == read
	}
	if err := t.sendStatus(); err != nil {
		return err
	}
	if !t.req.resumed && t.req.last > 0 {
		return t.sendHistory(ctx, t.at)
	}
	return nil
}

// sendHistory sends the newest entries up to newest, in one frame that may be
// empty: the client then knows that there is nothing before, or from where a
// search has to go on.
func (t *tail) sendHistory(ctx context.Context, newest uint64) error {
	req := index.SearchRequest{Before: newest + 1, Limit: t.req.last, Within: t.req.within}
	var result index.SearchResult
	if newest > 0 {
		var err error
		if result, err = t.search(ctx, req); err != nil {
			return err
		}
	}
	next := ""
	if result.Reached.Seq > 0 {
		next = nextPage(&req, &result, t.req.asked)
	}
	slices.Reverse(result.Entries)
	var frame []byte
	for i := range result.Entries {
		frame = appendEntry(frame, &result.Entries[i])
	}
	t.s.metrics.tailEntries.Add(float64(len(result.Entries)))
	return t.sock.send(endHistory(frame, newest, next, result.Reached.Received))
}

func (t *tail) search(ctx context.Context, req index.SearchRequest) (index.SearchResult, error) {
	ctx, cancel := context.WithTimeout(ctx, searchTimeout)
	defer cancel()
	req.Query = t.req.query
	result, err := t.s.cfg.Logs.Search(ctx, req)
	if err != nil {
		return result, fmt.Errorf("search history: %w", err)
	}
	return result, nil
}

// take sends a frame of the feed. If the tail is not where the frame begins it
// reads what is missing by itself.
func (t *tail) take(ctx context.Context, f *feedFrame, tick <-chan time.Time) error {
	switch {
	case f.seq <= t.at:
		return nil
	case f.sample != nil && t.req.sample && t.synced && t.at < f.before:
		if err := t.skip(f.countedBefore, f.before); err != nil {
			return err
		}
	case t.at < f.before || t.at >= f.first:
		err := t.fetch(ctx, f.seq, tick)
		t.counted, t.synced = f.counted, true
		return err
	}
	if err := t.sendGap(f.gap); err != nil {
		return err
	}
	if f.count > 0 {
		shown := &f.message
		if t.req.sample && f.sample != nil {
			shown = f.sample
		}
		t.s.metrics.tailEntries.Add(float64(shown.count))
		if err := t.sock.sendPrepared(shown); err != nil {
			return err
		}
	}
	t.at, t.counted, t.synced = f.seq, f.counted, true
	return nil
}

// catchUp brings the tail to where the feed is, whose frames are gone.
func (t *tail) catchUp(ctx context.Context, v feedView, tick <-chan time.Time) error {
	if t.req.sample && t.synced && v.counted.minus(t.counted).entries > floodRate {
		if err := t.skip(v.counted, v.told); err != nil {
			return err
		}
		t.at = v.told
	} else if err := t.fetch(ctx, v.read, tick); err != nil {
		return err
	}
	t.counted, t.synced = v.counted, true
	return nil
}

// skip sends a sample that shows nothing: only how much there was up to a Seq.
func (t *tail) skip(counted tally, seq uint64) error {
	return t.sock.send(endSample([]byte(beginSample), counted.minus(t.counted), seq))
}

// errCaughtUp ends a fetch.
var errCaughtUp = errors.New("the tail has caught up")

// fetch follows the logs for this tail alone, up to a Seq at least.
func (t *tail) fetch(ctx context.Context, upTo uint64, tick <-chan time.Time) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	out := newOutbox(t.at)
	followed := make(chan error, 1)
	req := index.FollowRequest{Query: t.req.query, After: t.at, MaxLag: t.s.hub.maxLag}
	go func() {
		followed <- t.s.cfg.Logs.Follow(ctx, req, func(batch index.FollowBatch) error {
			past, _ := slices.BinarySearchFunc(batch.Entries, upTo+1, func(e index.Entry, seq uint64) int { return cmp.Compare(e.Seq, seq) })
			batch.Entries = batch.Entries[:past]
			reached := batch.Seq >= upTo
			batch.Seq = min(batch.Seq, max(upTo, batch.Gap.ToSeq))
			if err := out.put(ctx, batch); err != nil || !reached {
				return err
			}
			return errCaughtUp
		})
	}()
	err := out.pump(ctx, pump{deliver: t.deliver, tick: tick, ticked: t.check, ended: followed})
	cancel()
	if !errors.Is(err, errFollowed) {
		<-followed //nolint:errcheck // it says no more than err
		return err
	}
	if !errors.Is(err, errCaughtUp) {
		return err
	}
	if m := out.take(); !m.empty() {
		err = t.deliver(m)
	} else {
		err = nil
	}
	t.at = max(t.at, upTo)
	return err
}

// deliver sends a gap, then the entries behind it.
func (t *tail) deliver(m mail) error {
	if err := t.sendGap(m.gap); err != nil {
		return err
	}
	if m.count > 0 {
		t.s.metrics.tailEntries.Add(float64(m.count))
		if err := t.sock.send(m.frame); err != nil {
			return err
		}
	}
	t.at = m.seq
	return nil
}

func (t *tail) sendGap(gap index.Gap) error {
	if gap.Count == 0 {
		return nil
	}
	t.s.metrics.tailDropped.Add(float64(gap.Count))
	return t.sock.sendJSON(struct {
		Type    string `json:"type"`
		Count   uint64 `json:"count"`
		FromSeq uint64 `json:"from_seq"`
		ToSeq   uint64 `json:"to_seq"`
	}{"dropped", gap.Count, gap.FromSeq, gap.ToSeq})
}

// check ends the tail of a person who has logged out meanwhile, or may not see
// what they saw. It sends a status from time to time.
func (t *tail) check() error {
	p, err := t.s.authenticate(t.request)
	if err != nil || !p.known() {
		return &socketError{websocket.ClosePolicyViolation, newProblem(http.StatusUnauthorized, "Your session has ended: log in again at /login.")}
	}
	if !reading.allows(p) || p.scope().key() != t.scope {
		return &socketError{websocket.ClosePolicyViolation, newProblem(http.StatusForbidden, "What you may see has changed: open the page again.")}
	}
	if time.Since(t.told) < statusEvery {
		return nil
	}
	return t.sendStatus()
}

func (t *tail) sendStatus() error {
	t.told = time.Now()
	return t.sock.sendJSON(struct {
		Type  string       `json:"type"`
		Seq   uint64       `json:"seq"`
		Terms []index.Term `json:"terms"`
		Time  time.Time    `json:"time"`
	}{"status", t.at, t.req.terms, time.Now().UTC()})
}
