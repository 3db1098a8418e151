package viewer

import (
	"net/http"

	"github.com/labstack/echo/v4"
)

// contentPolicy lets the page load what we serve, and nothing else: a log
// message that gets into the page as markup can neither run nor call home.
const contentPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; " +
	"connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

// strictTransport makes a browser that has come by TLS come by TLS for a year.
const strictTransport = "max-age=31536000"

// secureHeaders sets what every answer has.
func secureHeaders(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		h := c.Response().Header()
		if isSecure(c.Request()) {
			h.Set("Strict-Transport-Security", strictTransport)
		}
		h.Set("Content-Security-Policy", contentPolicy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		return next(c)
	}
}

// refuseCrossOrigin refuses what another site makes a browser send. Only
// methods that change something are checked; WebSockets, whose handshake is a
// GET, are checked by the upgrader.
func refuseCrossOrigin() echo.MiddlewareFunc {
	protection := http.NewCrossOriginProtection()
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			if err := protection.Check(c.Request()); err != nil {
				return newProblem(http.StatusForbidden, "This request comes from another site's page: use Tagtail's own page, or a client that is no browser.")
			}
			return next(c)
		}
	}
}

// limitBody bounds what a request may carry.
func (s *Server) limitBody(next echo.HandlerFunc) echo.HandlerFunc {
	own := make(map[string]int64) // by method and path
	for _, r := range s.routes() {
		if r.maxBody > 0 {
			own[r.method+" "+r.path] = r.maxBody
		}
	}
	return func(c echo.Context) error {
		r := c.Request()
		limit, ok := own[r.Method+" "+c.Path()]
		if !ok {
			limit = maxBodyBytes
		}
		if r.ContentLength > limit {
			return bodyTooLarge(limit)
		}
		r.Body = http.MaxBytesReader(c.Response(), r.Body, limit)
		return next(c)
	}
}

func bodyTooLarge(limit int64) *problem {
	return newProblem(http.StatusRequestEntityTooLarge, "The request's body is longer than %d bytes: send less.", limit)
}
