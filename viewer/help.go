package viewer

import (
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"
)

// Documents are Tagtail's own, as pages of HTML by name; an empty name is their
// index. A page may not be changed.
type Documents interface {
	Page(name string) (page []byte, ok bool)
}

// help serves the documents.
func (s *Server) help(c echo.Context, _ principal) error {
	name := strings.TrimPrefix(c.Request().URL.Path, "/help/")
	if s.cfg.Help == nil {
		return newProblem(http.StatusNotFound, "This server has no documents.")
	}
	page, ok := s.cfg.Help.Page(name)
	if !ok {
		return newProblem(http.StatusNotFound, "There is no document %.200q: /help/ lists them.", name)
	}
	c.Response().Header().Set("Cache-Control", "no-cache")
	return c.HTMLBlob(http.StatusOK, page)
}
