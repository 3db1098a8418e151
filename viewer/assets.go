package viewer

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
	"sync"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/labstack/echo/v4"
)

// asset is one file of the page, ready to be sent.
type asset struct {
	body              []byte
	gzipped           func() []byte // nil where it does not pay; made when it is asked for first
	etag, gzippedETag string
	contentType       string
}

// assets are the files of the page by their path in Config.Static. Serving
// from this map, and not from a file system, is what makes hostile paths
// harmless: what is not a key does not exist.
type assets map[string]asset

func loadAssets(files fs.FS) (assets, error) {
	all := make(assets)
	err := fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		body, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		all[name] = newAsset(name, body)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read static files: %w", err)
	}
	for _, name := range []string{"index.html", "login.html"} {
		if _, ok := all[name]; !ok {
			return nil, fmt.Errorf("read static files: %s is missing", name)
		}
	}
	return all, nil
}

func newAsset(name string, body []byte) asset {
	sum := sha256.Sum256(body)
	tag := hex.EncodeToString(sum[:12])
	return asset{
		body: body, etag: `"` + tag + `"`, gzippedETag: `"` + tag + `-gzip"`,
		contentType: contentTypeOf(name),
		gzipped:     sync.OnceValue(func() []byte { return compress(body) }),
	}
}

// compress returns nil where it does not pay.
func compress(body []byte) []byte {
	if len(body) < gzipFrom {
		return nil
	}
	var buf bytes.Buffer
	gz, err := gzip.NewWriterLevel(&buf, gzip.BestCompression)
	if err != nil {
		return nil
	}
	_, err = gz.Write(body)
	if err = errors.Join(err, gz.Close()); err != nil || buf.Len() >= len(body)*9/10 {
		return nil
	}
	return buf.Bytes()
}

// contentTypeOf knows what pages are made of by itself: the machine's own
// table may say otherwise, and browsers refuse modules of a wrong type.
func contentTypeOf(name string) string {
	switch ext := path.Ext(name); ext {
	case ".html":
		return "text/html; charset=utf-8"
	case ".js", ".mjs":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	case ".json", ".webmanifest":
		return "application/json"
	case ".woff2":
		return "font/woff2"
	default:
		if t := mime.TypeByExtension(ext); t != "" {
			return t
		}
		return "application/octet-stream"
	}
}

// page serves one of the HTML files.
func (s *Server) page(name string) handler {
	return func(c echo.Context, _ principal) error {
		// Who is logged in gets another answer under the same address.
		c.Response().Header().Add("Vary", "Cookie")
		return s.sendAsset(c, name)
	}
}

// static serves any of the files.
func (s *Server) static(c echo.Context, _ principal) error {
	return s.sendAsset(c, c.Param("*"))
}

// sendAsset lets the browser keep the file but ask each time whether it has
// changed: a new version of the page comes whole, never half old.
func (s *Server) sendAsset(c echo.Context, name string) error {
	a, ok := s.assets[name]
	if !ok {
		return newProblem(http.StatusNotFound, "There is no file %s in the page.", shown(name))
	}
	r, h := c.Request(), c.Response().Header()
	h.Set("Content-Type", a.contentType)
	h.Set("Cache-Control", "no-cache")
	h.Add("Vary", "Accept-Encoding")
	body, etag := a.body, a.etag
	if r.Header.Get("Range") == "" && acceptsGzip(r) {
		if gzipped := a.gzipped(); gzipped != nil {
			h.Set("Content-Encoding", "gzip")
			body, etag = gzipped, a.gzippedETag
		}
	}
	h.Set("ETag", etag)
	http.ServeContent(c.Response(), r, strings.TrimPrefix(name, "/"), time.Time{}, bytes.NewReader(body))
	return nil
}
