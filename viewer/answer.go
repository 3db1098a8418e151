package viewer

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/labstack/echo/v4"
)

const (
	// gzipFrom is the size in bytes from which compressing an answer pays: a
	// smaller one is one packet anyway.
	gzipFrom = 1400
	// spillFrom bounds what an answer holds in memory before it is sent on.
	spillFrom = 64 << 10
)

// answer is a JSON body that is appended to buf piece by piece, by one
// goroutine. Small answers are sent whole, large ones in parts and compressed
// if the client accepts that.
type answer struct {
	s    *Server
	c    echo.Context
	buf  []byte
	gz   *gzip.Writer // nil before the first part, and without compression
	sent bool
}

func (s *Server) newAnswer(c echo.Context) *answer {
	h := c.Response().Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	h.Add("Vary", "Accept-Encoding")
	return &answer{s: s, c: c}
}

// spill sends what there is if it is much. Call it between pieces.
func (a *answer) spill() error {
	if len(a.buf) < spillFrom {
		return nil
	}
	return a.flush()
}

func (a *answer) flush() error {
	res := a.c.Response()
	if !a.sent && len(a.buf) >= gzipFrom && acceptsGzip(a.c.Request()) {
		res.Header().Set("Content-Encoding", "gzip")
		a.gz = a.s.gzipWriter()
		a.gz.Reset(res)
	}
	a.sent = true
	var err error
	if a.gz != nil {
		_, err = a.gz.Write(a.buf)
	} else {
		_, err = res.Write(a.buf)
	}
	a.buf = a.buf[:0]
	if err != nil {
		return fmt.Errorf("send answer: %w", err)
	}
	return nil
}

// end sends the rest.
func (a *answer) end() error {
	if err := a.flush(); err != nil || a.gz == nil {
		return err
	}
	defer a.s.gzips.Put(a.gz)
	if err := a.gz.Close(); err != nil {
		return fmt.Errorf("send answer: %w", err)
	}
	return nil
}

func (s *Server) gzipWriter() *gzip.Writer {
	if gz, ok := s.gzips.Get().(*gzip.Writer); ok {
		return gz
	}
	// The level is valid, so there is no error: fast, because the reader waits.
	gz, _ := gzip.NewWriterLevel(nil, gzip.BestSpeed)
	return gz
}

// sendJSON answers with v.
func (s *Server) sendJSON(c echo.Context, status int, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode answer: %w", err)
	}
	a := s.newAnswer(c)
	c.Response().Status = status // written with the first byte
	a.buf = body
	return a.end()
}

// acceptsGzip reads Accept-Encoding (RFC 9110, section 12.5.3) as far as gzip
// is concerned.
func acceptsGzip(r *http.Request) bool {
	for _, part := range strings.Split(r.Header.Get("Accept-Encoding"), ",") {
		coding, weight, _ := strings.Cut(part, ";")
		if !strings.EqualFold(strings.TrimSpace(coding), "gzip") {
			continue
		}
		q, found := strings.CutPrefix(strings.ReplaceAll(weight, " ", ""), "q=")
		return !found || strings.Trim(q, "0.") != ""
	}
	return false
}
