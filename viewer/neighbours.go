package viewer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/tagtail/tagtail/index"
)

const (
	defaultNeighbours = 10
	maxNeighbours     = 500
)

// neighbours answers with an entry between those of its instance that came
// before and after it. Whoever may not see it is told what they are told of one
// that does not exist.
func (s *Server) neighbours(c echo.Context, p principal) error {
	params := readParams(c.Request(), time.Now().UTC())
	req := index.ContextRequest{
		Seq:     params.number("seq", 0, 1, math.MaxUint64),
		Before:  int(params.number("before", defaultNeighbours, 0, maxNeighbours)),
		After:   int(params.number("after", defaultNeighbours, 0, maxNeighbours)),
		Visible: p.scope().restrict(index.Query{}),
	}
	if req.Seq == 0 {
		params.fail("The parameter seq is missing: give the seq of an entry.")
	}
	if params.err != nil {
		return params.err
	}
	ctx, cancel := context.WithTimeout(c.Request().Context(), searchTimeout)
	defer cancel()
	result, err := s.cfg.Logs.Context(ctx, req)
	if errors.Is(err, index.ErrNoEntry) {
		return noEntry(req.Seq)
	}
	if err != nil {
		return fmt.Errorf("context of entry %d: %w", req.Seq, err)
	}
	rest, err := json.Marshal(struct {
		At         int        `json:"at"`
		MoreBefore bool       `json:"more_before"`
		MoreAfter  bool       `json:"more_after"`
		Stats      blockStats `json:"stats"`
	}{result.At, result.MoreBefore, result.MoreAfter, blockStatsOf(result.Stats)})
	if err != nil {
		return fmt.Errorf("encode answer: %w", err)
	}
	return s.sendEntryList(c, result.Entries, rest)
}

func noEntry(seq uint64) error {
	return newProblem(http.StatusNotFound, "There is no entry %d: it has expired, or its number was never used.", seq)
}
