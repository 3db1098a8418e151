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
	defaultBuckets = 60
	maxBuckets     = 2000
)

// histogramAnswer is a histogram as JSON.
type histogramAnswer struct {
	From    time.Time         `json:"from"`
	To      time.Time         `json:"to"`
	StepMS  int64             `json:"step_ms"`
	Buckets []histogramBucket `json:"buckets"`
	// Deploys are those in the range, whatever the search text asks for.
	Deploys []DeployMark `json:"deploys"`
	Stats   blockStats   `json:"stats"`
}

// histogramBucket leaves out the severities that it has none of.
type histogramBucket struct {
	Time       time.Time         `json:"time"`
	Total      uint64            `json:"total"`
	BySeverity map[string]uint64 `json:"by_severity"`
}

// blockStats says what an answer cost.
type blockStats struct {
	ScannedBlocks int     `json:"scanned_blocks"`
	SkippedBlocks int     `json:"skipped_blocks"`
	TookMS        float64 `json:"took_ms"`
}

func blockStatsOf(stats index.SearchStats) blockStats {
	return blockStats{stats.ScannedBlocks, stats.SkippedBlocks, milliseconds(stats.Took)}
}

// histogram answers with the number of matches over time. Without to it ends
// now, so that a chart of the last hour is an hour long.
func (s *Server) histogram(c echo.Context, p principal) error {
	now := time.Now().UTC()
	params := readParams(c.Request(), now)
	text := params.query(s.cfg.Location)
	req := index.HistogramRequest{Buckets: int(params.number("buckets", defaultBuckets, 1, maxBuckets))}
	req.From, req.To = params.window()
	if params.err != nil {
		return params.err
	}
	if req.To.IsZero() {
		req.To = now
	}
	_, offset := req.To.In(text.zone).Zone()
	req.Offset = time.Duration(offset) * time.Second
	req.Query, _ = s.parse(p, text, now)

	ctx, cancel := context.WithTimeout(c.Request().Context(), searchTimeout)
	defer cancel()
	h, err := s.cfg.Logs.Histogram(ctx, req)
	if err != nil {
		return fmt.Errorf("histogram: %w", err)
	}
	a := histogramAnswer{
		From: h.From, To: h.To, StepMS: h.Step.Milliseconds(),
		Buckets: make([]histogramBucket, len(h.Buckets)), Stats: blockStatsOf(h.Stats),
	}
	if len(h.Buckets) == 0 {
		a.From, a.To = req.To, req.To
	}
	a.Deploys = s.deployMarks(p, a.From, a.To)
	for i, b := range h.Buckets {
		a.Buckets[i] = histogramBucket{Time: b.Time, Total: b.Total, BySeverity: make(map[string]uint64)}
		for severity, n := range b.BySeverity {
			if n > 0 {
				a.Buckets[i].BySeverity[index.Severity(severity).String()] = n
			}
		}
	}
	return s.sendJSON(c, http.StatusOK, a)
}
