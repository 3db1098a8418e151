package viewer

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/tagtail/tagtail/index"
)

const (
	defaultFacetValues = 10
	maxFacetValues     = 1000
)

// facetsAnswer has the values of each field, and what is not among them.
type facetsAnswer struct {
	Fields  map[string][]facetValue `json:"fields"`
	Others  map[string]uint64       `json:"others"`
	Partial []string                `json:"partial"`
	Stats   blockStats              `json:"stats"`
}

type facetValue struct {
	Value string `json:"value"`
	Count uint64 `json:"count"`
}

// fields returns the parameter fields: names that facets know, separated by
// commas; nil if it is not given.
func (p *params) fields() []string {
	text := p.text("fields")
	if text == "" {
		return nil
	}
	known := index.FacetFields()
	var fields []string
	for name := range strings.SplitSeq(text, ",") {
		name = strings.TrimSpace(name)
		if !slices.Contains(known, name) {
			p.fail("The parameter fields has %s: give some of %s, separated by commas.", shown(name), strings.Join(known, ", "))
		}
		if !slices.Contains(fields, name) {
			fields = append(fields, name)
		}
	}
	return fields
}

// facets answers with the most frequent values of fields.
func (s *Server) facets(c echo.Context, p principal) error {
	now := time.Now().UTC()
	params := readParams(c.Request(), now)
	text := params.query(s.cfg.Location)
	req := index.FacetsRequest{Fields: params.fields(), Limit: int(params.number("limit", defaultFacetValues, 1, maxFacetValues))}
	req.From, req.To = params.window()
	if params.err != nil {
		return params.err
	}
	req.Query, _ = s.parse(p, text, now)

	ctx, cancel := context.WithTimeout(c.Request().Context(), searchTimeout)
	defer cancel()
	found, err := s.cfg.Logs.Facets(ctx, req)
	if err != nil {
		return fmt.Errorf("facets: %w", err)
	}
	a := facetsAnswer{
		Fields: make(map[string][]facetValue), Others: make(map[string]uint64), Partial: []string{},
		Stats: blockStatsOf(found.Stats),
	}
	for _, f := range found.Fields {
		values := make([]facetValue, len(f.Values))
		for i, v := range f.Values {
			values[i] = facetValue{v.Value, v.Count}
		}
		a.Fields[f.Field], a.Others[f.Field] = values, f.Others
		if f.Partial {
			a.Partial = append(a.Partial, f.Field)
		}
	}
	return s.sendJSON(c, http.StatusOK, a)
}
