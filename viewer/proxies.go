package viewer

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"
)

// overTLS is the key of a request's context that says that a proxy took it by TLS.
type overTLS struct{}

// isSecure tells whether the client speaks TLS, to us or to a proxy of ours.
func isSecure(r *http.Request) bool {
	return r.TLS != nil || r.Context().Value(overTLS{}) != nil
}

// behindProxies makes a request that one of our proxies passes on that of the
// client. What others say of themselves is no evidence.
func (s *Server) behindProxies(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		if !s.isProxy(addrOf(r.RemoteAddr)) {
			return next(c)
		}
		ctx := s.withVouched(r.Context(), r)
		if strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https") {
			ctx = context.WithValue(ctx, overTLS{}, true)
		}
		r = r.WithContext(ctx)
		// Each proxy appends whom it was asked by: the last who is none of ours.
		hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
		for _, hop := range slices.Backward(hops) {
			addr, err := netip.ParseAddr(strings.TrimSpace(hop))
			if err != nil {
				break
			}
			r.RemoteAddr = net.JoinHostPort(addr.String(), "0")
			if !s.isProxy(addr) {
				break
			}
		}
		c.SetRequest(r)
		return next(c)
	}
}

func (s *Server) isProxy(addr netip.Addr) bool {
	return slices.ContainsFunc(s.cfg.Proxies, func(p netip.Prefix) bool { return p.Contains(addr.Unmap()) })
}

// addrOf is the zero address if there is none in it.
func addrOf(hostPort string) netip.Addr {
	at, _ := netip.ParseAddrPort(hostPort)
	return at.Addr()
}
