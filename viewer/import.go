package viewer

import (
	"context"
	"errors"
	"io"
	"math"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"
)

// maxImportBytes is the most that a part of an import may have.
const maxImportBytes = 16 << 20

// ImportPart is a part of a log file that was written before: the bytes from
// Offset on, uncompressed.
type ImportPart struct {
	ID     string
	Offset int64
	Last   bool // the file ends with Data
	Data   []byte

	Path, Instance, As, Format string
	Year                       int
	Location                   *time.Location
	End                        time.Time // when the file was written to last
	Before                     time.Time // what is of then or later is left out; zero leaves out nothing
	Hostname                   string
}

// Importer keeps the lines of old log files under their own times. What it returns
// is shown as JSON.
type Importer interface {
	// Imports lists what was imported, and how far.
	Imports() (any, error)
	// Import reads a part, in the name of by. An error that is an ImportError is
	// the caller's.
	Import(ctx context.Context, part ImportPart, by string) (any, error)
}

// ImportError tells what is wrong with a part.
type ImportError struct {
	Err error
	// Conflict tells that the part does not begin where the import is.
	Conflict bool
}

// Error is the sentence of Err.
func (e *ImportError) Error() string { return e.Err.Error() }

// Unwrap returns Err.
func (e *ImportError) Unwrap() error { return e.Err }

// mayImport refuses who may not.
func (s *Server) mayImport(p principal) error {
	if !p.mayKeepStore() {
		return newProblem(http.StatusForbidden, "Only an administrator may import log files.")
	}
	if s.cfg.Importer == nil {
		return newProblem(http.StatusNotFound, "This server keeps no store of its own.")
	}
	return nil
}

// listImports answers with what was imported.
func (s *Server) listImports(c echo.Context, p principal) error {
	if err := s.mayImport(p); err != nil {
		return err
	}
	list, err := s.cfg.Importer.Imports()
	if err != nil {
		return err
	}
	return s.sendJSON(c, http.StatusOK, struct {
		Imports any `json:"imports"`
	}{list})
}

// importPart keeps a part of a file.
func (s *Server) importPart(c echo.Context, p principal) error {
	if err := s.mayImport(p); err != nil {
		return err
	}
	params := readParams(c.Request(), time.Now())
	part := ImportPart{
		ID: c.Param("id"), Offset: int64(params.number("offset", 0, 0, math.MaxInt64)), Last: params.text("last") == "1",
		Path: params.text("path"), Instance: params.text("instance"), As: params.text("as"), Format: params.text("format"),
		Year: int(params.number("year", 0, 0, 9999)), Location: params.zone(s.cfg.Location), End: params.moment("end"), Before: params.moment("before"), Hostname: params.text("host"),
	}
	if params.err != nil {
		return params.err
	}
	if part.End.IsZero() {
		part.End = time.Now()
	}
	var err error
	if part.Data, err = io.ReadAll(c.Request().Body); err != nil {
		return err
	}
	done, err := s.cfg.Importer.Import(c.Request().Context(), part, p.Name)
	if wrong := new(ImportError); errors.As(err, &wrong) {
		status := http.StatusBadRequest
		if wrong.Conflict {
			status = http.StatusConflict
		}
		return newProblem(status, "The part cannot be imported: %v.", wrong.Err)
	}
	if err != nil {
		return err
	}
	return s.sendJSON(c, http.StatusOK, done)
}
