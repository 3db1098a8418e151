package viewer

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/tagtail/tagtail/deploy"
	"github.com/tagtail/tagtail/index"
)

// Purger deletes what is kept of an instance. Its methods block.
type Purger interface {
	// PurgePreview tells what a Purge would delete now.
	PurgePreview(ctx context.Context, req index.PurgeRequest) (index.PurgeContent, error)
	// Purge deletes it in the name of by, and proves it. progress is called from
	// the calling goroutine. With an error the report tells how far it came.
	Purge(ctx context.Context, req index.PurgeRequest, by string, progress func(index.Progress)) (index.PurgeReport, error)
}

const actionPurge deploy.Action = "purge"

// purgeRequest reads what is to be purged, for who may do that.
func (s *Server) purgeRequest(r *http.Request, p principal) (index.PurgeRequest, error) {
	if !p.mayPurge() {
		return index.PurgeRequest{}, newProblem(http.StatusForbidden, "Only an administrator may purge an instance.")
	}
	if s.cfg.Purger == nil {
		return index.PurgeRequest{}, newProblem(http.StatusNotFound, "This server keeps no store of its own.")
	}
	params := readParams(r, time.Now())
	req := index.PurgeRequest{Instance: params.text("instance"), Before: params.moment("before").UTC()}
	if params.err != nil {
		return req, params.err
	}
	if err := req.Validate(); err != nil {
		return req, newProblem(http.StatusBadRequest, "The parameter instance is %s: write it as SERVICE/OWNER, such as socketserver/dev1.", shown(req.Instance))
	}
	return req, nil
}

// previewPurge answers with what a purge would delete.
func (s *Server) previewPurge(c echo.Context, p principal) error {
	req, err := s.purgeRequest(c.Request(), p)
	if err != nil {
		return err
	}
	content, err := s.cfg.Purger.PurgePreview(c.Request().Context(), req)
	if err != nil {
		return err
	}
	return s.sendJSON(c, http.StatusOK, struct {
		Instance string             `json:"instance"`
		Before   time.Time          `json:"before,omitzero"`
		Deletes  index.PurgeContent `json:"deletes"`
	}{req.Instance, req.Before, content})
}

// purgeStore starts a purge.
func (s *Server) purgeStore(c echo.Context, p principal) error {
	req, err := s.purgeRequest(c.Request(), p)
	if err != nil {
		return err
	}
	return s.startUpkeep(c, actionPurge, p, func(ctx context.Context, j *upkeepJob) error {
		report, err := s.cfg.Purger.Purge(ctx, req, p.Name, j.progress())
		text, encoding := json.Marshal(report)
		if encoding != nil {
			return encoding
		}
		j.print(string(text))
		return err
	})
}
