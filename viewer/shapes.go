package viewer

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/tagtail/tagtail/index"
)

const (
	defaultShapes = 50
	maxShapes     = 1000
)

type shapeAnswer struct {
	Parts   []string `json:"parts"`
	Count   uint64   `json:"count"`
	Example string   `json:"example"`
	Seq     uint64   `json:"seq"`
}

// shapes answers with what the matches say most often, without the values in it.
func (s *Server) shapes(c echo.Context, p principal) error {
	now := time.Now().UTC()
	params := readParams(c.Request(), now)
	text := params.query(s.cfg.Location)
	req := index.ShapesRequest{Limit: int(params.number("limit", defaultShapes, 1, maxShapes))}
	req.From, req.To = params.window()
	if params.err != nil {
		return params.err
	}
	req.Query, _ = s.parse(p, text, now)
	ctx, cancel := context.WithTimeout(c.Request().Context(), searchTimeout)
	defer cancel()
	found, err := s.cfg.Logs.Shapes(ctx, req)
	if err != nil {
		return fmt.Errorf("shapes: %w", err)
	}
	shapes := make([]shapeAnswer, len(found.Shapes))
	for i, one := range found.Shapes {
		shapes[i] = shapeAnswer(one)
	}
	return s.sendJSON(c, http.StatusOK, struct {
		Shapes  []shapeAnswer `json:"shapes"`
		Total   uint64        `json:"total"`
		Partial bool          `json:"partial"`
		Stats   blockStats    `json:"stats"`
	}{shapes, found.Total, found.Partial, blockStatsOf(found.Stats)})
}
