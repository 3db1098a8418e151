package viewer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/gorilla/websocket"
	"github.com/labstack/echo/v4"
)

const (
	// maxClientFrame is what a client may send at once: it has nothing to say.
	maxClientFrame = 4 << 10
	// pingEvery keeps proxies from closing a quiet socket; pongWithin is the
	// silence after which the client is taken for gone.
	pingEvery  = 20 * time.Second
	pongWithin = 50 * time.Second
	// writeWithin is how long one frame may take to be taken by the network.
	writeWithin = 10 * time.Second
	// closeWithin is how long the client's half of the close may take.
	closeWithin = time.Second
	// compressFrom is the frame size in bytes from which compression pays.
	compressFrom = 1024
	// writeBufferBytes is gorilla's unit of writing; a frame may have several.
	writeBufferBytes = 16 << 10
	// maxSockets bounds the memory and goroutines that browsers can ask for.
	maxSockets = 2000
	// maxConns bounds the file descriptors that anybody can take from the
	// store, which needs some for its blocks.
	maxConns = maxSockets + 500
)

// errStopping ends a socket because the server stops.
var errStopping = errors.New("the server is stopping")

// errLeft ends a socket because its client is gone or has said goodbye.
var errLeft = errors.New("the client left")

// socketError ends a socket after an error frame with the problem's detail.
type socketError struct {
	code int // of RFC 6455, section 7.4
	*problem
}

// Unwrap gives the problem.
func (e *socketError) Unwrap() error { return e.problem }

// sockets counts the open WebSockets of a server and stops them.
type sockets struct {
	stopping chan struct{} // closed by stop

	mu      sync.Mutex
	stopped bool
	open    int
	wg      sync.WaitGroup // one for each open
}

// enter admits a socket, or says why not.
func (s *sockets) enter() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.stopped:
		return errStopping
	case s.open >= maxSockets:
		return &socketError{websocket.CloseTryAgainLater, newProblem(http.StatusServiceUnavailable,
			"The server has %d open streams, and that is the most it serves: close some and try again.", s.open)}
	}
	s.open++
	s.wg.Add(1)
	return nil
}

func (s *sockets) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open--
	s.wg.Done()
}

// count is how many are open.
func (s *sockets) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.open
}

func (s *sockets) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.stopped {
		s.stopped = true
		close(s.stopping)
	}
}

// wait returns when all have ended, after stop.
func (s *sockets) wait() { s.wg.Wait() }

// socket is one WebSocket. Only the goroutine that serves it may send.
type socket struct {
	conn *websocket.Conn
}

// serveSocket upgrades the request and lets talk send until it returns or ctx
// ends, which it does when the client leaves or the server stops. Then it
// closes in the way that the error of talk asks for.
func (s *Server) serveSocket(c echo.Context, talk func(ctx context.Context, sock socket) error) error {
	return s.serveDialogue(c, dialogue{hear: func(_ context.Context, sock socket) error { return sock.drain() }, talk: talk})
}

// dialogue is both sides of a socket, each in a goroutine of its own. hear
// reads until the client leaves or breaks the rules, which ends talk; it goes
// on after talk has ended, for the client's half of the close.
type dialogue struct {
	hear, talk func(ctx context.Context, sock socket) error
}

// serveDialogue is serveSocket for a client that has something to say.
func (s *Server) serveDialogue(c echo.Context, d dialogue) error {
	if !websocket.IsWebSocketUpgrade(c.Request()) {
		c.Response().Header().Set("Upgrade", "websocket")
		return newProblem(http.StatusUpgradeRequired, "This endpoint is a WebSocket: connect with a WebSocket client.")
	}
	var refused error
	upgrader := websocket.Upgrader{
		HandshakeTimeout:  writeWithin,
		EnableCompression: true,
		WriteBufferPool:   &s.writeBuffers,
		WriteBufferSize:   writeBufferBytes,
		Error: func(_ http.ResponseWriter, _ *http.Request, status int, reason error) {
			refused = upgradeProblem(status, reason)
		},
	}
	conn, err := upgrader.Upgrade(c.Response(), c.Request(), nil)
	if refused != nil {
		return refused
	}
	if err != nil {
		return fmt.Errorf("upgrade to websocket: %w", err)
	}
	if err := s.sockets.enter(); err != nil {
		sock := socket{conn}
		sock.end(err)
		return conn.Close()
	}
	defer s.sockets.leave()
	if err := s.converse(c.Request().Context(), socket{conn}, d); err != nil {
		s.log.Info("stream broke off", "path", c.Request().URL.Path, "err", err)
	}
	return nil
}

func upgradeProblem(status int, reason error) *problem {
	if status == http.StatusForbidden {
		return newProblem(status, "This WebSocket comes from another site's page: use Tagtail's own page, or a client that is no browser.")
	}
	return newProblem(status, "The WebSocket handshake is not valid (%v): use a client for RFC 6455, version 13.", reason)
}

// converse owns the goroutines of a socket: one reads, one pings, one waits
// for the server to stop. It returns what neither side wanted.
func (s *Server) converse(ctx context.Context, sock socket, d dialogue) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wg sync.WaitGroup
	left := make(chan struct{})
	wg.Go(func() {
		defer close(left)
		cancel(d.hear(ctx, sock))
	})
	wg.Go(func() { sock.ping(ctx) })
	wg.Go(func() {
		select {
		case <-ctx.Done():
		case <-s.sockets.stopping:
			cancel(errStopping)
		}
	})

	err := d.talk(ctx, sock)
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	cancel(err)
	sock.end(err)
	select {
	case <-left:
	case <-time.After(closeWithin):
	}
	closed := sock.conn.Close()
	wg.Wait()
	if errors.As(err, new(*socketError)) || errors.Is(err, errStopping) || errors.Is(err, errLeft) {
		return nil
	}
	return errors.Join(err, closed)
}

// drain reads until the client leaves or breaks the rules. What it sends has
// no meaning, but reading is what sees pongs and the close.
func (k socket) drain() error {
	if err := k.listen(maxClientFrame); err != nil {
		return err
	}
	for {
		if _, _, err := k.conn.NextReader(); err != nil {
			return fmt.Errorf("%w: %w", errLeft, err)
		}
	}
}

// listen prepares for reading frames of up to limit bytes.
func (k socket) listen(limit int64) error {
	k.conn.SetReadLimit(limit)
	k.conn.SetPongHandler(func(string) error { return k.alive() })
	// gorilla's own handler would answer with a close frame beside the
	// sender's; ours is sent by end.
	k.conn.SetCloseHandler(func(int, string) error { return nil })
	return k.alive()
}

// alive notes that the client has shown that it is there.
func (k socket) alive() error { return k.conn.SetReadDeadline(time.Now().Add(pongWithin)) }

func (k socket) ping(ctx context.Context) {
	tick := time.NewTicker(pingEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			// An error shows up in drain as well.
			_ = k.conn.WriteControl(websocket.PingMessage, nil, time.Now().Add(writeWithin))
		}
	}
}

// send writes one text frame.
func (k socket) send(frame []byte) error {
	if err := k.conn.SetWriteDeadline(time.Now().Add(writeWithin)); err != nil {
		return fmt.Errorf("send frame: %w", err)
	}
	k.conn.EnableWriteCompression(len(frame) >= compressFrom)
	if err := k.conn.WriteMessage(websocket.TextMessage, frame); err != nil {
		return fmt.Errorf("send frame: %w", err)
	}
	return nil
}

// sendPrepared writes entries of a feed.
func (k socket) sendPrepared(m *message) error {
	if err := k.conn.SetWriteDeadline(time.Now().Add(writeWithin)); err != nil {
		return fmt.Errorf("send frame: %w", err)
	}
	k.conn.EnableWriteCompression(len(m.data) >= compressFrom)
	if err := k.conn.WritePreparedMessage(m.prepared); err != nil {
		return fmt.Errorf("send frame: %w", err)
	}
	return nil
}

// sendJSON writes v as one text frame.
func (k socket) sendJSON(v any) error {
	frame, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode frame: %w", err)
	}
	return k.send(frame)
}

// end says why the socket ends, and starts its close. Its own errors mean
// that the client is gone, which is what end is for.
func (k socket) end(err error) {
	code, text := websocket.CloseNormalClosure, ""
	var told *socketError
	switch {
	case err == nil, errors.Is(err, errLeft):
	case errors.As(err, &told):
		code = told.code
		_ = k.sendError(told.Status, told.Detail)
	case errors.Is(err, errStopping):
		code, text = websocket.CloseGoingAway, "the server is stopping, connect again"
	default:
		code, text = websocket.CloseInternalServerErr, "connect again"
		_ = k.sendError(http.StatusInternalServerError, "The stream broke off in the server: connect again to go on.")
	}
	_ = k.conn.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(code, text), time.Now().Add(closeWithin))
}

// sendError tells what a handshake would have been refused with.
func (k socket) sendError(status int, detail string) error {
	return k.sendJSON(struct {
		Type   string `json:"type"`
		Status int    `json:"status"`
		Detail string `json:"detail"`
	}{"error", status, detail})
}
