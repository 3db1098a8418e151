package viewer

import (
	"net/http"

	"github.com/labstack/echo/v4"
)

// healthz answers as long as the process does.
func (s *Server) healthz(c echo.Context, _ principal) error {
	return c.String(http.StatusOK, "ok\n")
}

// readyz tells a proxy whether to send requests here: not while stopping.
func (s *Server) readyz(c echo.Context, _ principal) error {
	if !s.serving.Load() {
		return newProblem(http.StatusServiceUnavailable, "The server is starting or stopping: ask again soon.")
	}
	return c.String(http.StatusOK, "ready\n")
}
