package viewer

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/labstack/echo/v4"

	"github.com/tagtail/tagtail/index"
)

const (
	// exportStall is how long a client may take for one piece of an export. The
	// whole may take as long as it takes.
	exportStall = time.Minute
	// maxExports is how many run at once: each holds entries in memory.
	maxExports = 8
)

// export answers with every match, as a file that is written while it is found.
func (s *Server) export(c echo.Context, p principal) error {
	return s.exportMatches(c, p, readParams(c.Request(), time.Now().UTC()))
}

// exportLink is export for what is written into a browser's address: the
// parameters are those of the page's own address, and fmt.
func (s *Server) exportLink(c echo.Context, p principal) error {
	params := readParams(c.Request(), time.Now().UTC())
	params.rename("fmt", "format")
	if params.values.Get("tz") == "server" {
		params.values.Del("tz")
	}
	return s.exportMatches(c, p, params)
}

func (s *Server) exportMatches(c echo.Context, p principal, params *params) error {
	now := params.now
	text := params.query(s.cfg.Location)
	var req index.ExportRequest
	req.From, req.To = params.window()
	format := params.exportFormat()
	names := params.instances()
	if params.err != nil {
		return params.err
	}
	req.Query, _ = s.parse(p, text, now)
	if len(names) > 0 {
		req.Query = req.Query.And(index.InstanceQuery(names...))
	}
	select {
	case s.exports <- struct{}{}:
		defer func() { <-s.exports }()
	default:
		return newProblem(http.StatusServiceUnavailable, "There are %d exports at once already: try again when one has ended.", maxExports)
	}

	x := s.newExport(c, format, exportName(req.From, req.To, now)+"."+format.name)
	err := s.cfg.Logs.Export(c.Request().Context(), req, x.write)
	if err == nil {
		err = x.end()
	}
	x.close()
	switch {
	case err == nil:
		return nil
	case !c.Response().Committed:
		c.Response().Header().Del("Content-Disposition")
		return fmt.Errorf("export: %w", err)
	}
	if c.Request().Context().Err() == nil && !errors.Is(err, errClient) {
		s.log.Error("export ended early", "err", err)
	}
	// Not as if it were whole: the connection breaks off instead.
	panic(http.ErrAbortHandler)
}

// exportName is the name of the file, with the range of time in it.
func exportName(from, to, now time.Time) string {
	const layout = "20060102T150405Z"
	name := "tagtail"
	if !from.IsZero() {
		name += "-from-" + from.UTC().Format(layout)
	}
	if to.IsZero() {
		to = now
	}
	return name + "-to-" + to.UTC().Format(layout)
}

// errClient is wrapped by the errors of the connection to the client.
var errClient = errors.New("client is gone")

// exporter writes entries to one client. One goroutine uses it.
type exporter struct {
	s       *Server
	res     *echo.Response
	control *http.ResponseController
	format  exportFormat
	out     io.Writer
	gz      *gzip.Writer // nil without compression
	buf     []byte
}

func (s *Server) newExport(c echo.Context, format exportFormat, name string) *exporter {
	res := c.Response()
	h := res.Header()
	h.Set("Content-Type", format.contentType)
	h.Set("Content-Disposition", `attachment; filename="`+name+`"`)
	h.Set("Cache-Control", "no-store")
	h.Add("Vary", "Accept-Encoding")
	x := &exporter{s: s, res: res, control: http.NewResponseController(res), format: format, out: res, buf: []byte(format.header)}
	if acceptsGzip(c.Request()) {
		h.Set("Content-Encoding", "gzip")
		x.gz = s.gzipWriter()
		x.gz.Reset(res)
		x.out = x.gz
	}
	return x
}

// write sends a batch, and returns when the client's side has taken it.
func (x *exporter) write(entries []index.Entry) error {
	for i := range entries {
		x.buf = x.format.append(x.buf, &entries[i])
	}
	if err := x.send(); err != nil {
		return err
	}
	if x.gz != nil {
		if err := x.gz.Flush(); err != nil {
			return fmt.Errorf("compress export: %w: %w", errClient, err)
		}
	}
	if err := x.control.Flush(); err != nil {
		return fmt.Errorf("send export: %w: %w", errClient, err)
	}
	return nil
}

func (x *exporter) send() error {
	// Not writeTimeout, which is for all of an answer.
	if err := x.control.SetWriteDeadline(time.Now().Add(exportStall)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return fmt.Errorf("send export: %w: %w", errClient, err)
	}
	_, err := x.out.Write(x.buf)
	x.buf = x.buf[:0]
	if err != nil {
		return fmt.Errorf("send export: %w: %w", errClient, err)
	}
	return nil
}

// end sends what is left: the header, if nothing was found.
func (x *exporter) end() error {
	if err := x.send(); err != nil || x.gz == nil {
		return err
	}
	if err := x.gz.Close(); err != nil {
		return fmt.Errorf("send export: %w: %w", errClient, err)
	}
	return nil
}

// close gives the compressor back.
func (x *exporter) close() {
	if x.gz != nil {
		x.gz.Reset(io.Discard)
		x.s.gzips.Put(x.gz)
	}
}
