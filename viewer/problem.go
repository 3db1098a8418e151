package viewer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"
)

// problem is an error that the client is told, as RFC 9457 writes it. Detail
// is one sentence: what is wrong, and what to do.
type problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
	// retry is the header Retry-After in seconds, 0 for none.
	retry int
}

// after tells when the same may be tried again.
func (p *problem) after(wait time.Duration) *problem {
	p.retry = wholeSeconds(wait)
	return p
}

func wholeSeconds(d time.Duration) int { return int((d + time.Second - 1) / time.Second) }

// Error implements error.
func (p *problem) Error() string { return p.Detail }

func newProblem(status int, format string, args ...any) *problem {
	return &problem{Type: "about:blank", Title: http.StatusText(status), Status: status, Detail: fmt.Sprintf(format, args...)}
}

// asProblem turns any error of a handler into what the client may know of it.
// Only a problem says more than that something went wrong.
func asProblem(err error, r *http.Request) *problem {
	var p *problem
	var he *echo.HTTPError
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &p):
		return p
	case errors.As(err, &tooLarge):
		return bodyTooLarge(tooLarge.Limit)
	case errors.Is(err, context.DeadlineExceeded):
		return newProblem(http.StatusServiceUnavailable, "The search was given up after %v: narrow the time or the query.", searchTimeout)
	case errors.As(err, &he) && he.Code == http.StatusNotFound:
		return newProblem(http.StatusNotFound, "There is nothing at %.200q: the API is described at /api/v1/openapi.json.", r.URL.Path)
	case errors.As(err, &he) && he.Code == http.StatusMethodNotAllowed:
		return newProblem(http.StatusMethodNotAllowed, "%.20s is not possible at %.200q: the header Allow names what is.", r.Method, r.URL.Path)
	}
	return newProblem(http.StatusInternalServerError, "Something went wrong in the server: its own log says what.")
}

// writeProblem is echo's error handler: the only place where an error becomes
// an answer.
func (s *Server) writeProblem(err error, c echo.Context) {
	r, res := c.Request(), c.Response()
	p := asProblem(err, r)
	if p.Status == http.StatusInternalServerError && !errors.Is(err, context.Canceled) {
		s.log.Error("request failed", "method", r.Method, "path", r.URL.Path, "err", err)
	}
	if res.Committed {
		return // the client has got a part of an answer, and sees that it ends early
	}
	body, err := json.Marshal(p)
	if err != nil {
		body = nil // cannot be: strings and a number
	}
	h := res.Header()
	h.Set("Content-Type", "application/problem+json")
	h.Set("Cache-Control", "no-store")
	if p.retry > 0 {
		h.Set("Retry-After", strconv.Itoa(p.retry))
	}
	h.Del("Content-Encoding")
	h.Del("ETag")
	res.WriteHeader(p.Status)
	if r.Method == http.MethodHead {
		return
	}
	if _, err := res.Write(body); err != nil {
		s.log.Debug("answer not sent", "path", r.URL.Path, "err", err)
	}
}

// recoverPanics turns a panic into a 500, so that a bug in one handler costs
// one request.
func (s *Server) recoverPanics(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) (err error) {
		defer func() {
			v := recover()
			if v == nil {
				return
			}
			if err, ok := v.(error); ok && errors.Is(err, http.ErrAbortHandler) {
				panic(v)
			}
			s.log.Error("handler panicked", "path", c.Request().URL.Path, "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
			err = newProblem(http.StatusInternalServerError, "Something went wrong in the server: its own log says what.")
		}()
		return next(c)
	}
}

// unreadable is a body that is not as it should be.
type unreadable struct {
	*problem
	err error // of the decoder; io.EOF if there is no body
}

// Unwrap is for errors.Is and As.
func (u unreadable) Unwrap() []error { return []error{u.problem, u.err} }

// readJSON decodes a request's body. sentence is said of one that cannot be read;
// the error of one that is not there is io.EOF as well.
func readJSON(r *http.Request, in any, sentence string) error {
	err := json.NewDecoder(r.Body).Decode(in)
	if err == nil || errors.As(err, new(*http.MaxBytesError)) {
		return err
	}
	return unreadable{newProblem(http.StatusBadRequest, "%s", sentence), err}
}
