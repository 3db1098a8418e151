package viewer

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
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
	// maxLast is the most history before a tail; it fits one frame.
	maxLast = maxFrameEntries
)

// tailRequest is what a client asks of a tail.
type tailRequest struct {
	query   index.Query
	terms   []index.Term
	last    int
	after   uint64
	resumed bool // after is given
}

// tail streams entries as they arrive, after history if the client asks for
// any. What is wrong with the request is told in an error frame, because a
// browser hides the body of a refused handshake from its page.
func (s *Server) tail(c echo.Context, p principal) error {
	params := readParams(c.Request(), time.Now().UTC())
	var req tailRequest
	text := params.query()
	req.last = int(params.number("last", 0, 0, maxLast))
	req.after, req.resumed = params.seq("after")
	if params.err == nil {
		req.query, req.terms = s.parse(p, text, params.now)
	}
	return s.serveSocket(c, func(ctx context.Context, sock socket) error {
		var wrong *problem
		if errors.As(params.err, &wrong) {
			return &socketError{websocket.ClosePolicyViolation, wrong}
		}
		t := &tail{s: s, sock: sock, req: req, request: c.Request()}
		return t.run(ctx)
	})
}

// tail is one open tail. Its methods run in the goroutine that may send, but
// follow.
type tail struct {
	s       *Server
	sock    sender
	req     tailRequest
	request *http.Request // carries the credentials, which are checked again
}

// sender is the sending half of a socket.
type sender interface {
	send(frame []byte) error
	sendJSON(v any) error
}

// run sends the first status, history and then what arrives.
func (t *tail) run(ctx context.Context) error {
	after, err := t.begin(ctx)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	out := newOutbox(after)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	followed := make(chan error, 1)
	wg.Go(func() { followed <- t.follow(ctx, out) })
	return t.pump(ctx, out, followed)
}

// begin sends what comes before the live part, and returns the Seq behind
// which that starts.
//
// The newest Seq is read first and bounds the history from above, and Follow
// starts behind it: between the two there is neither gap nor overlap.
func (t *tail) begin(ctx context.Context) (after uint64, err error) {
	newest := t.s.cfg.Logs.LastSeq()
	if t.req.resumed {
		// A Seq that was never given is from another store's life.
		after = min(t.req.after, newest)
	} else {
		after = newest
	}
	if err := t.sendStatus(after); err != nil {
		return 0, err
	}
	if !t.req.resumed && t.req.last > 0 {
		if err := t.sendHistory(ctx, newest); err != nil {
			return 0, err
		}
	}
	return after, nil
}

// sendHistory sends the newest entries up to newest, in one frame that may be
// empty: the client then knows that there is nothing before.
func (t *tail) sendHistory(ctx context.Context, newest uint64) error {
	var result index.SearchResult
	if newest > 0 {
		var err error
		result, err = t.search(ctx, index.SearchRequest{Before: newest + 1, Limit: t.req.last})
		if err != nil {
			return err
		}
	}
	slices.Reverse(result.Entries)
	return t.sendEntries(result.Entries, newest)
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

func (t *tail) sendEntries(entries []index.Entry, seq uint64) error {
	var frame []byte
	for i := range entries {
		frame = appendEntry(frame, &entries[i])
	}
	t.s.metrics.tailEntries.Add(float64(len(entries)))
	return t.sock.send(endEntries(frame, seq))
}

// follow fills the outbox until ctx ends. It runs in its own goroutine.
func (t *tail) follow(ctx context.Context, out *outbox) error {
	seq, _ := out.read()
	req := index.FollowRequest{Query: t.req.query, After: seq, MaxLag: t.s.maxLag}
	err := t.s.cfg.Logs.Follow(ctx, req, func(batch index.FollowBatch) error {
		return out.put(ctx, batch)
	})
	if err != nil {
		return fmt.Errorf("follow: %w", err)
	}
	return errors.New("follow ended by itself")
}

// pump sends what the outbox gets, and a status from time to time.
func (t *tail) pump(ctx context.Context, out *outbox, followed <-chan error) error {
	status := time.NewTicker(statusEvery)
	defer status.Stop()
	pace := time.NewTimer(0)
	defer pace.Stop()
	<-pace.C
	read, _ := out.read()
	var sent time.Time
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-followed:
			return err
		case <-status.C:
			if seq, idle := out.read(); idle {
				read = seq
				out.shrink()
			}
			if err := t.sendCheckedStatus(read); err != nil {
				return err
			}
			continue
		case <-out.ready:
		}
		if wait := frameEvery - time.Since(sent); wait > 0 {
			pace.Reset(wait)
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-out.full:
				pace.Stop()
			case <-pace.C:
			}
		}
		mail := out.take()
		if mail.empty() {
			continue // the token was of a frame that went with the one before
		}
		if err := t.deliver(mail); err != nil {
			return err
		}
		read, sent = mail.seq, time.Now()
	}
}

// deliver sends a gap, then the entries behind it.
func (t *tail) deliver(m mail) error {
	if m.gap.Count > 0 {
		t.s.metrics.tailDropped.Add(float64(m.gap.Count))
		err := t.sock.sendJSON(struct {
			Type    string `json:"type"`
			Count   uint64 `json:"count"`
			FromSeq uint64 `json:"from_seq"`
			ToSeq   uint64 `json:"to_seq"`
		}{"dropped", m.gap.Count, m.gap.FromSeq, m.gap.ToSeq})
		if err != nil {
			return err
		}
	}
	if m.count == 0 {
		return nil
	}
	t.s.metrics.tailEntries.Add(float64(m.count))
	return t.sock.send(m.frame)
}

// sendCheckedStatus ends the tail of a person who has logged out meanwhile.
func (t *tail) sendCheckedStatus(seq uint64) error {
	p, err := t.s.authenticate(t.request)
	if err != nil || !signedIn.allows(p) {
		return &socketError{websocket.ClosePolicyViolation, newProblem(http.StatusUnauthorized, "Your session has ended: log in again at /login.")}
	}
	return t.sendStatus(seq)
}

func (t *tail) sendStatus(seq uint64) error {
	return t.sock.sendJSON(struct {
		Type  string       `json:"type"`
		Seq   uint64       `json:"seq"`
		Terms []index.Term `json:"terms"`
		Time  time.Time    `json:"time"`
	}{"status", seq, t.req.terms, time.Now().UTC()})
}
