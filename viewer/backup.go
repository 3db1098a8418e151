package viewer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"
	bolt "go.etcd.io/bbolt"
)

// maxHaveBytes bounds the list of the files that a client has already.
const maxHaveBytes = 64 << 20

// Backup writes everything that a server keeps as a tar. have are the names and
// sizes of files that are left out of it, because the other side has them; by is
// who asks.
type Backup func(ctx context.Context, by string, have map[string]int64, w io.Writer) error

// backup answers with a tar that is written while it is made.
func (s *Server) backup(c echo.Context, p principal) error {
	if s.cfg.Backup == nil {
		return newProblem(http.StatusNotFound, "This server keeps no store of its own.")
	}
	var in struct {
		Have map[string]int64 `json:"have"`
	}
	if err := readJSON(c.Request(), &in, `The request's body cannot be read: send JSON, {"have":{"NAME":SIZE}}, or nothing for all.`); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	select {
	case s.backups <- struct{}{}:
		defer func() { <-s.backups }()
	default:
		return newProblem(http.StatusConflict, "A backup is being made already: wait until it is done.")
	}
	h := c.Response().Header()
	h.Set("Content-Type", "application/x-tar")
	h.Set("Content-Disposition", `attachment; filename="tagtail-`+time.Now().UTC().Format("20060102T150405Z")+`.tar"`)
	h.Set("Cache-Control", "no-store")
	out := &patientWriter{res: c.Response(), control: http.NewResponseController(c.Response())}
	err := s.cfg.Backup(c.Request().Context(), p.Name, in.Have, out)
	if err == nil {
		return nil
	}
	if !c.Response().Committed {
		h.Del("Content-Disposition")
		return fmt.Errorf("backup: %w", err)
	}
	if c.Request().Context().Err() == nil {
		s.log.Error("backup ended early", "err", err)
	}
	// Not as if it were whole: the connection breaks off instead.
	panic(http.ErrAbortHandler)
}

// patientWriter gives the client exportStall for each piece, and all the time for
// the whole.
type patientWriter struct {
	res     *echo.Response
	control *http.ResponseController
}

// Write implements io.Writer.
func (w *patientWriter) Write(p []byte) (int, error) {
	if err := w.control.SetWriteDeadline(time.Now().Add(exportStall)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return 0, fmt.Errorf("send backup: %w", err)
	}
	return w.res.Write(p)
}

// Accounts is the file of the accounts, sessions and tokens as it is now.
func (s *Server) Accounts() ([]byte, error) {
	var file bytes.Buffer
	err := s.db.View(func(tx *bolt.Tx) error {
		_, err := tx.WriteTo(&file)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read accounts: %w", err)
	}
	return file.Bytes(), nil
}
