package viewer

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/tagtail/tagtail/index"
)

// searchTimeout is how long a search or a count may take.
const searchTimeout = time.Minute

// cursor is where a page of results ended. It repeats the times, which were
// relative to the first page's clock, so that all pages are of one window. A
// client that makes one up asks for nothing it could not ask for openly.
type cursor struct {
	Seq      uint64    `json:"s"` // the last entry of the page, or the last that was looked at
	Oldest   bool      `json:"o"` // oldest first
	Now      time.Time `json:"n"`
	From, To time.Time `json:",omitzero"`
}

func (c cursor) String() string {
	data, err := json.Marshal(c)
	if err != nil {
		return "" // a year past 9999: such a window has no further page
	}
	return base64.RawURLEncoding.EncodeToString(data)
}

func parseCursor(text string) (cursor, error) {
	var c cursor
	data, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return c, err
	}
	err = json.Unmarshal(data, &c)
	return c, err
}

// search answers with a page of entries.
func (s *Server) search(c echo.Context, p principal) error {
	params := readParams(c.Request(), time.Now().UTC())
	text := params.query(s.cfg.Location)
	req := index.SearchRequest{Order: params.order()}
	req.Limit = int(params.number("limit", defaultLimit, 1, maxLimit))
	req.From, req.To = params.window()
	req.Before = params.number("before", 0, 1, math.MaxUint64)
	req.After, _ = params.seq("after")
	req.Within = params.within()
	if given := params.text("cursor"); given != "" {
		at, err := parseCursor(given)
		if err != nil {
			params.fail("The parameter cursor is %s: give the next of the page before, unchanged, or leave it out.", shown(given))
		}
		at.resume(&req)
		params.now = at.Now
	}
	if params.err != nil {
		return params.err
	}
	var terms []index.Term
	req.Query, terms = s.parse(p, text, params.now)

	ctx, cancel := context.WithTimeout(c.Request().Context(), searchTimeout)
	defer cancel()
	result, err := s.cfg.Logs.Search(ctx, req)
	if err != nil {
		return fmt.Errorf("search: %w", err)
	}
	return s.sendEntries(c, result, nextPage(&req, &result, params.now), terms)
}

// nextPage is the cursor behind a page, "" at the end.
func nextPage(req *index.SearchRequest, result *index.SearchResult, now time.Time) string {
	seq := result.Reached.Seq
	switch n := len(result.Entries); {
	case !result.More:
		return ""
	case seq == 0 && n == 0:
		return ""
	case seq == 0:
		seq = result.Entries[n-1].Seq
	}
	return cursor{Seq: seq, Oldest: req.Order == index.OldestFirst, Now: now, From: req.From, To: req.To}.String()
}

// resume makes req ask for the page behind the cursor.
func (c cursor) resume(req *index.SearchRequest) {
	req.From, req.To = c.From, c.To
	if c.Oldest {
		req.Order = index.OldestFirst
		req.After = c.Seq
		return
	}
	req.Order = index.NewestFirst
	req.Before = c.Seq
}

func (s *Server) sendEntries(c echo.Context, result index.SearchResult, next string, terms []index.Term) error {
	rest, err := json.Marshal(struct {
		Next    string       `json:"next"`
		Reached time.Time    `json:"reached,omitzero"`
		Stats   searchStats  `json:"stats"`
		Terms   []index.Term `json:"terms"`
	}{next, result.Reached.Received, statsOf(result), terms})
	if err != nil {
		return fmt.Errorf("encode answer: %w", err)
	}
	return s.sendEntryList(c, result.Entries, rest)
}

// sendEntryList answers with an object of entries and what is in rest, the JSON
// of a further object.
func (s *Server) sendEntryList(c echo.Context, entries []index.Entry, rest []byte) error {
	a := s.newAnswer(c)
	a.buf = append(a.buf, `{"entries":[`...)
	for i := range entries {
		if i > 0 {
			a.buf = append(a.buf, ',')
		}
		a.buf = entries[i].AppendJSON(a.buf)
		if err := a.spill(); err != nil {
			return err
		}
	}
	a.buf = append(a.buf, ']', ',')
	a.buf = append(a.buf, rest[1:]...)
	return a.end()
}

// searchStats says what a search found on this page, and what it cost.
type searchStats struct {
	Matched       int     `json:"matched"`
	ScannedBlocks int     `json:"scanned_blocks"`
	SkippedBlocks int     `json:"skipped_blocks"`
	TookMS        float64 `json:"took_ms"`
}

func statsOf(result index.SearchResult) searchStats {
	return searchStats{
		Matched:       len(result.Entries),
		ScannedBlocks: result.Stats.ScannedBlocks,
		SkippedBlocks: result.Stats.SkippedBlocks,
		TookMS:        milliseconds(result.Stats.Took),
	}
}

// milliseconds keeps microseconds as decimals.
func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// count answers with the number of matches.
func (s *Server) count(c echo.Context, p principal) error {
	started := time.Now().UTC()
	params := readParams(c.Request(), started)
	text := params.query(s.cfg.Location)
	var req index.CountRequest
	req.From, req.To = params.window()
	if params.err != nil {
		return params.err
	}
	req.Query, _ = s.parse(p, text, started)

	ctx, cancel := context.WithTimeout(c.Request().Context(), searchTimeout)
	defer cancel()
	n, err := s.cfg.Logs.Count(ctx, req)
	if err != nil {
		return fmt.Errorf("count: %w", err)
	}
	return s.sendJSON(c, http.StatusOK, struct {
		Count  uint64  `json:"count"`
		TookMS float64 `json:"took_ms"`
	}{n, milliseconds(time.Since(started))})
}
