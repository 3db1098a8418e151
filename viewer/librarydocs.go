package viewer

import (
	"io/fs"
	"net/http"
	"path"
	"strings"

	"github.com/labstack/echo/v4"
)

// libraryDocs serves the documents of the shared library, whose code only
// administrators see. What is no web page or picture is shown as text.
func (s *Server) libraryDocs(c echo.Context, _ principal) error {
	name := strings.TrimPrefix(c.Request().URL.Path, "/lib/")
	if s.cfg.LibraryDocs == nil {
		return newProblem(http.StatusNotFound, "This server has no shared library.")
	}
	if name == "" {
		name = "."
	}
	info, err := fs.Stat(s.cfg.LibraryDocs, path.Clean(name))
	if err != nil {
		return newProblem(http.StatusNotFound, "The library has no document %.200q: /lib/ lists them.", name)
	}
	h := c.Response().Header()
	h.Set("Cache-Control", "no-cache")
	if !info.IsDir() && !servedAsItIs[path.Ext(name)] {
		h.Set("Content-Type", "text/plain; charset=UTF-8")
	}
	http.StripPrefix("/lib/", http.FileServerFS(s.cfg.LibraryDocs)).ServeHTTP(c.Response(), c.Request())
	return nil
}

// servedAsItIs are the files that a browser may take for what they are: the
// content policy lets them run nothing and load nothing from elsewhere.
var servedAsItIs = map[string]bool{".html": true, ".css": true, ".png": true, ".jpg": true, ".webp": true}
