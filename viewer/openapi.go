package viewer

import (
	_ "embed"
	"net/http"

	"github.com/labstack/echo/v4"
)

// openAPIDocument describes every route; tests hold the two together.
//
//go:embed openapi.json
var openAPIDocument []byte

func (s *Server) openAPI(c echo.Context, _ principal) error {
	a := s.newAnswer(c)
	c.Response().Header().Set("Cache-Control", "no-cache")
	c.Response().Status = http.StatusOK
	a.buf = append(a.buf, openAPIDocument...)
	return a.end()
}
