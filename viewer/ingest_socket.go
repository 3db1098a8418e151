package viewer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/gorilla/websocket"
	"github.com/labstack/echo/v4"
)

const (
	// freeFrameBytes is what a frame may hold without a share of
	// maxBodiesBytes: most hold a line.
	freeFrameBytes = 64 << 10
	// recheckEvery is how often the credentials of an open socket are
	// checked again.
	recheckEvery = checkEvery
)

// intake is one open socket of ingest.
type intake struct {
	s       *Server
	from    origin
	request *http.Request // carries the credentials
	frames  chan intakeFrame
	checked time.Time // the credentials
}

// intakeFrame is what a client has sent, or why that is refused.
type intakeFrame struct {
	body    []byte
	release func()
	err     error
}

// ingestSocket stores the lines of each frame and answers it with a frame. The
// next is read only then, so that a client that is too fast has to wait.
func (s *Server) ingestSocket(c echo.Context, p principal) error {
	from, err := s.originOf(c.Request(), p)
	if err != nil {
		return err
	}
	in := &intake{s: s, from: from, request: c.Request(), frames: make(chan intakeFrame), checked: time.Now()}
	return s.serveDialogue(c, dialogue{hear: in.hear, talk: in.talk})
}

// hear hands every frame to talk.
func (in *intake) hear(ctx context.Context, sock socket) error {
	// Our own limit, which is told, comes before gorilla's.
	if err := sock.listen(2 * maxIngestBytes); err != nil {
		return err
	}
	for {
		kind, r, err := sock.conn.NextReader()
		if err != nil {
			return fmt.Errorf("%w: %w", errLeft, err)
		}
		if ctx.Err() != nil {
			continue // only the close is still of interest
		}
		f := in.readFrame(kind, r)
		select {
		case in.frames <- f:
		case <-ctx.Done():
			f.release()
		}
		if err := sock.alive(); err != nil { // also after a wait
			return fmt.Errorf("%w: %w", errLeft, err)
		}
	}
}

// readFrame reads a frame whole. What it decompresses to is bounded as well.
func (in *intake) readFrame(kind int, r io.Reader) intakeFrame {
	f := intakeFrame{release: func() {}}
	if kind != websocket.TextMessage {
		f.err = &socketError{websocket.CloseUnsupportedData, newProblem(http.StatusUnsupportedMediaType, "The frame is binary: send text frames.")}
		return f
	}
	f.body, f.err = io.ReadAll(io.LimitReader(r, freeFrameBytes))
	if f.err != nil || len(f.body) < freeFrameBytes {
		return f.checked()
	}
	if !in.s.bodies.TryAcquire(maxIngestBytes) {
		f.err = &socketError{websocket.CloseTryAgainLater, newProblem(http.StatusServiceUnavailable,
			"The server is taking in too much at once: connect again, and send again what was not answered.")}
		return f
	}
	f.release = func() { in.s.bodies.Release(maxIngestBytes) }
	rest, err := io.ReadAll(io.LimitReader(r, maxIngestBytes-freeFrameBytes+1))
	f.body, f.err = append(f.body, rest...), err
	return f.checked()
}

// checked adds the error of a frame that is over the limits.
func (f intakeFrame) checked() intakeFrame {
	switch lines := countLines(f.body); {
	case f.err != nil:
		f.err = fmt.Errorf("%w: %w", errLeft, f.err)
	case len(f.body) > maxIngestBytes:
		f.err = &socketError{websocket.CloseMessageTooBig, bodyTooLarge(maxIngestBytes)}
	case lines > maxIngestLines:
		f.err = &socketError{websocket.CloseMessageTooBig, tooManyLines(lines)}
	}
	return f
}

// talk stores and answers what hear hands on.
func (in *intake) talk(ctx context.Context, sock socket) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case f := <-in.frames:
			err := in.take(ctx, sock, f)
			f.release()
			if err != nil {
				return err
			}
		}
	}
}

// take stores a frame, when its client's share of the rate allows it.
func (in *intake) take(ctx context.Context, sock socket, f intakeFrame) error {
	if f.err != nil {
		return f.err
	}
	if err := in.recheck(); err != nil {
		return err
	}
	if err := in.wait(ctx, countLines(f.body)); err != nil {
		return err
	}
	// A client says in no header what its frames hold.
	d := readLines(f.body, bytes.HasPrefix(bytes.TrimSpace(bytes.TrimPrefix(f.body, byteOrderMark)), []byte{'{'}))
	var refused *problem
	switch err := in.s.store(&d, in.from); {
	case errors.As(err, &refused):
		return &socketError{websocket.CloseTryAgainLater, refused}
	case err != nil:
		return err
	}
	return sock.sendJSON(struct {
		Type string `json:"type"`
		ingestResult
	}{"accepted", d.result})
}

// wait returns when the client may send so many lines.
func (in *intake) wait(ctx context.Context, lines int) error {
	for {
		wait := in.s.throttle.take(in.from.client, lines, time.Now())
		if wait == 0 {
			return nil
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-timer.C:
		}
	}
}

// recheck ends the socket of a person who has logged out meanwhile.
func (in *intake) recheck() error {
	if time.Since(in.checked) < recheckEvery {
		return nil
	}
	in.checked = time.Now()
	p, err := in.s.authenticate(in.request)
	if err != nil || !p.mayIngest(in.from.instance) {
		return &socketError{websocket.ClosePolicyViolation, newProblem(http.StatusUnauthorized, "Your session has ended: log in again at /login.")}
	}
	return nil
}
