package viewer

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/labstack/echo/v4"
)

const (
	// maxIngestBytes and maxIngestLines bound a request, and a frame.
	maxIngestBytes = 4 << 20
	maxIngestLines = 10_000
	// maxBodiesBytes bounds what all requests hold at once before it is in
	// the store.
	maxBodiesBytes = 64 << 20
	// defaultIngestRate is in lines a second.
	defaultIngestRate = 10_000
	// retryAfter is when a client may try again what the server had no room
	// for, in seconds.
	retryAfter = time.Second
)

// origin is whom entries come from, as far as the request shows.
type origin struct {
	addr     netip.Addr
	instance string // of ?instance=, "" if the content has to say
	client   string // whose lines are counted together: a token at an address
}

// ingest stores the lines of a body: all that can be read, or none.
func (s *Server) ingest(c echo.Context, p principal) error {
	from, err := s.originOf(c.Request(), p)
	if err != nil {
		return err
	}
	asJSON, err := bodyFormat(c.Request())
	if err != nil {
		return err
	}
	body, release, err := s.readBody(c)
	if err != nil {
		return err
	}
	defer release()
	lines := countLines(body)
	if lines > maxIngestLines {
		return tooManyLines(lines)
	}
	if wait := s.throttle.take(from.client, lines, time.Now()); wait > 0 {
		return newProblem(http.StatusTooManyRequests, "You have sent more than %d lines a second: send these again in %d s.", s.cfg.IngestRate, wholeSeconds(wait)).after(wait)
	}
	d := readLines(body, asJSON)
	if err := s.store(&d, from); err != nil {
		return err
	}
	return s.sendJSON(c, http.StatusOK, d.result)
}

// originOf reads whom the request speaks for, and refuses what p may not say.
func (s *Server) originOf(r *http.Request, p principal) (origin, error) {
	if s.cfg.Sink == nil {
		return origin{}, newProblem(http.StatusNotFound, "This server takes no messages by HTTP: send syslog.")
	}
	params := readParams(r, time.Now())
	from := origin{instance: params.text("instance"), client: p.Name + "@" + clientOf(r)}
	if params.err != nil {
		return origin{}, params.err
	}
	if !p.mayIngest(from.instance) {
		return origin{}, newProblem(http.StatusForbidden, "You may not send messages of %s: name an instance of yours with ?instance=SERVICE/OWNER.", shown(from.instance))
	}
	if from.instance != "" && !s.cfg.Sink.Admits(from.instance) {
		return origin{}, newProblem(http.StatusBadRequest, "The parameter instance is %s, and there is no such instance: write it as SERVICE/OWNER, such as socketserver/dev1.", shown(from.instance))
	}
	if addr, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
		from.addr = addr.Addr().Unmap()
	}
	return from, nil
}

// bodyFormat tells whether the body is JSON, or plain lines.
func bodyFormat(r *http.Request) (asJSON bool, err error) {
	if coding := r.Header.Get("Content-Encoding"); coding != "" && !strings.EqualFold(coding, "identity") {
		return false, newProblem(http.StatusUnsupportedMediaType, "The body's Content-Encoding is %s: send it as it is, without compression.", shown(coding))
	}
	text := r.Header.Get("Content-Type")
	media, params, err := mime.ParseMediaType(text)
	if charset := params["charset"]; charset != "" && !strings.EqualFold(charset, "utf-8") && !strings.EqualFold(charset, "us-ascii") {
		media = ""
	}
	if err == nil {
		switch media {
		case "application/x-ndjson", "application/json":
			return true, nil
		case "text/plain":
			return false, nil
		}
	}
	return false, newProblem(http.StatusUnsupportedMediaType, "The body's Content-Type is %s: send application/x-ndjson with a JSON object a line, or text/plain with a message a line, in UTF-8.", shown(text))
}

// readBody reads a body whole. After a nil error the caller owes a release.
func (s *Server) readBody(c echo.Context) (body []byte, release func(), err error) {
	r := c.Request()
	weight := r.ContentLength
	if weight < 0 {
		weight = maxIngestBytes
	}
	if !s.bodies.TryAcquire(weight) {
		return nil, nil, newProblem(http.StatusServiceUnavailable, "The server is taking in too much at once: send this again.").after(retryAfter)
	}
	release = func() { s.bodies.Release(weight) }
	body, err = io.ReadAll(r.Body)
	if err == nil {
		return body, release, nil
	}
	release()
	switch {
	case errors.As(err, new(*http.MaxBytesError)):
		return nil, nil, err
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, nil, newProblem(http.StatusRequestTimeout, "The body did not come within %v: send less at once.", readTimeout)
	}
	return nil, nil, newProblem(http.StatusBadRequest, "The body ended early (%v): send it again.", err)
}

func tooManyLines(lines int) *problem {
	return newProblem(http.StatusRequestEntityTooLarge, "The body has %d lines: send at most %d at once.", lines, maxIngestLines)
}

// store gives the entries to the Sink and completes the result. After an error
// none is stored.
func (s *Server) store(d *delivery, from origin) error {
	if len(d.entries) == 0 {
		return nil
	}
	if err := s.cfg.Sink.Ingest(from.addr, from.instance, d.entries); err != nil {
		s.log.Debug("delivery not stored", "entries", len(d.entries), "err", err)
		return newProblem(http.StatusServiceUnavailable, "The messages could not be stored: send them again.").after(retryAfter)
	}
	for i := range d.entries {
		if e := &d.entries[i]; e.Seq == 0 {
			d.result.reject(d.lines[i], fmt.Sprintf("The instance %s sends more than its limit allows.", shown(e.Instance)))
			continue
		}
		d.result.Accepted++
	}
	return nil
}
