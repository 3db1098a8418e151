package viewer

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/tagtail/tagtail/index"
)

// fields answers with the names that a search text knows.
func (s *Server) fields(c echo.Context, _ principal) error {
	return s.sendJSON(c, http.StatusOK, struct {
		Fields []index.FieldInfo `json:"fields"`
	}{index.Fields()})
}
