package viewer

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/tagtail/tagtail/index"
	"github.com/tagtail/tagtail/index/content"
)

// maxLocations bounds how much of an endless traceback is listed.
const maxLocations = 100

// said is what an entry's message says, under the names that a search text
// has for it. What the message does not say is left out.
type said struct {
	Kind         string     `json:"kind"`
	Level        string     `json:"level,omitempty"`
	PID          string     `json:"pid,omitempty"`
	Conn         string     `json:"conn,omitempty"`
	Client       string     `json:"client,omitempty"`
	Server       string     `json:"server,omitempty"`
	Method       string     `json:"method,omitempty"`
	Path         string     `json:"path,omitempty"`
	Protocol     string     `json:"protocol,omitempty"`
	Status       int        `json:"status,omitempty"`
	Bytes        *int64     `json:"bytes,omitempty"`
	Took         *float64   `json:"took,omitempty"`          // seconds
	UpstreamTook *float64   `json:"upstream_took,omitempty"` // seconds
	Upstream     string     `json:"upstream,omitempty"`
	HTTPHost     string     `json:"http_host,omitempty"`
	Referer      string     `json:"referer,omitempty"`
	UserAgent    string     `json:"ua,omitempty"`
	RequestID    string     `json:"req,omitempty"`
	Context      string     `json:"context,omitempty"`
	File         string     `json:"file,omitempty"`
	Line         int        `json:"line,omitempty"`
	Function     string     `json:"function,omitempty"`
	Locations    []location `json:"locations,omitempty"` // if there are several
}

// location is a place in a program's source.
type location struct {
	File     string `json:"file"`
	Line     int    `json:"line,omitempty"`
	Function string `json:"function,omitempty"`
}

func readSaid(e *index.Entry) said {
	m := content.Read(e.Message)
	out := said{
		Kind: e.Kind(m), Level: m.Level(), PID: m.PID(), Conn: m.Conn(), Client: m.Client(), Server: m.Server(),
		Method: m.Method(), Path: m.Path(), Protocol: m.Protocol(), Upstream: m.Upstream(), HTTPHost: m.Host(),
		Referer: m.Referrer(), UserAgent: m.UserAgent(), RequestID: m.RequestID(), Context: m.Phase(),
		Took: secondsOf(m.Took()), UpstreamTook: secondsOf(m.UpstreamTook()),
	}
	out.Status, _ = strconv.Atoi(m.Status())
	if n, err := strconv.ParseInt(m.Bytes(), 10, 64); err == nil {
		out.Bytes = &n
	}
	if l, ok := m.Location(); ok {
		place := locationOf(l)
		out.File, out.Line, out.Function = place.File, place.Line, place.Function
	}
	for l := range m.Locations {
		if len(out.Locations) == maxLocations {
			break
		}
		out.Locations = append(out.Locations, locationOf(l))
	}
	if len(out.Locations) == 1 {
		out.Locations = nil
	}
	return out
}

func locationOf(l content.Location) location {
	line, _ := strconv.Atoi(l.Line)
	return location{File: l.File, Line: line, Function: l.Function}
}

func secondsOf(d time.Duration, ok bool) *float64 {
	if !ok {
		return nil
	}
	s := float64(d) / float64(time.Second) // Seconds would round twice
	return &s
}

// entry answers with one entry and what its message says. Whoever may not see
// it is told what they are told of one that does not exist.
func (s *Server) entry(c echo.Context, p principal) error {
	given := c.Param("seq")
	seq, err := strconv.ParseUint(given, 10, 64)
	if err != nil || seq == 0 || seq == math.MaxUint64 {
		return newProblem(http.StatusBadRequest, "The entry %s does not exist: give the seq of one, a whole number from 1.", shown(given))
	}
	ctx, cancel := context.WithTimeout(c.Request().Context(), searchTimeout)
	defer cancel()
	result, err := s.cfg.Logs.Search(ctx, index.SearchRequest{
		Query: p.scope().restrict(index.Query{}), After: seq - 1, Before: seq + 1, Limit: 1, ByArrival: true,
	})
	if err != nil {
		return fmt.Errorf("find entry %d: %w", seq, err)
	}
	if len(result.Entries) == 0 {
		return noEntry(seq)
	}
	e := &result.Entries[0]
	body, err := json.Marshal(readSaid(e))
	if err != nil {
		return fmt.Errorf("encode content: %w", err)
	}
	a := s.newAnswer(c)
	a.buf = e.AppendJSON(a.buf)
	a.buf = append(a.buf[:len(a.buf)-1], `,"content":`...)
	a.buf = append(append(a.buf, body...), '}')
	return a.end()
}
