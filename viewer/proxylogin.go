package viewer

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"regexp"
	"slices"
	"time"

	"github.com/tagtail/tagtail/viewer/accounts"
	"github.com/tagtail/tagtail/viewer/openid"
	"github.com/tagtail/tagtail/viewer/tokens"
)

// ProxyProvider is the Provider of those of whom a proxy says who they are.
const ProxyProvider = "proxy"

// ProxyLogin is that the proxies in front of the page say who asks.
type ProxyLogin struct {
	// Header has the person's name, in requests of Config.Proxies alone.
	Header string
	// Role is that of an account that is made for somebody who has none; empty
	// makes none.
	Role accounts.Role
}

var headerName = regexp.MustCompile(`^[A-Za-z0-9-]+$`)

// Validate says what is wrong with it behind these proxies, in one sentence.
func (l *ProxyLogin) Validate(proxies []netip.Prefix) error {
	switch {
	case !headerName.MatchString(l.Header):
		return fmt.Errorf("proxy_login has the header %q: name one such as Remote-User, which the proxy sets", l.Header)
	case slices.Contains([]string{"Authorization", "Cookie", "Host", "Origin"}, http.CanonicalHeaderKey(l.Header)):
		return fmt.Errorf("proxy_login has the header %q, which browsers send themselves: name one such as Remote-User, which the proxy sets", l.Header)
	case len(proxies) == 0:
		return fmt.Errorf("proxy_login believes what proxies say in %s, and none is listed: anybody could be anybody; give their addresses, as in proxies: [127.0.0.1]", l.Header)
	}
	for _, p := range proxies {
		if p.Bits() == 0 {
			return fmt.Errorf("proxy_login with proxies of %s believes everybody: give the addresses of the proxies alone", p)
		}
	}
	if l.Role != "" && !slices.Contains(accounts.Roles(), l.Role) {
		return fmt.Errorf("proxy_login has the default_role %q: use admin, developer or viewer", l.Role)
	}
	return nil
}

// vouched is the key of a request's context with what its proxy says of who asks.
type vouched struct{}

// withVouched notes what a proxy of ours says.
func (s *Server) withVouched(ctx context.Context, r *http.Request) context.Context {
	if s.cfg.ProxyLogin == nil {
		return ctx
	}
	return context.WithValue(ctx, vouched{}, r.Header.Values(s.cfg.ProxyLogin.Header))
}

// vouchedError is why whom a proxy names is not let in.
type vouchedError struct {
	*problem
	is trouble
}

// Unwrap is for errors.As.
func (e *vouchedError) Unwrap() error { return e.problem }

// authenticateVouched tells of whom a proxy has said that they ask; asked is false
// if none has said anything.
func (s *Server) authenticateVouched(r *http.Request) (p principal, asked bool, err error) {
	names, _ := r.Context().Value(vouched{}).([]string)
	switch {
	case len(names) == 0 || len(names) == 1 && names[0] == "":
		return principal{}, false, nil
	case len(names) > 1:
		return principal{}, true, newProblem(http.StatusBadRequest, "The proxy says in %d headers %s who you are: it must set one, in the place of what a browser sends.", len(names), s.cfg.ProxyLogin.Header)
	}
	person, err := s.vouchedPerson(r, names[0])
	if is := troubleOf(err); is != "" {
		s.tell(r, eventLoginFailed, "", "", [2]string{"via", ProxyProvider}, [2]string{"reason", err.Error()})
		return principal{}, true, &vouchedError{newProblem(http.StatusForbidden, "The proxy says that you are %s, whom Tagtail does not let in: ask an administrator.", shown(names[0])), is}
	}
	if err != nil {
		return principal{}, true, err
	}
	p, _, err = s.principalOf(person.Name, tokens.AllScopes)
	p.present = p.known()
	return p, true, err
}

// vouchedPerson is whom the proxy means.
func (s *Server) vouchedPerson(r *http.Request, name string) (accounts.Person, error) {
	claim := accounts.Claim{Login: accounts.Login{Provider: ProxyProvider, Subject: name}, Name: name, Role: s.cfg.ProxyLogin.Role, KeepsRole: true}
	if claim.Role != "" {
		return s.logInClaimed(r, claim, time.Now())
	}
	claim.Role = accounts.Viewer // of nobody: an account that there is keeps its own
	person, found, err := s.accounts.Known(claim)
	if err == nil && !found {
		err = fmt.Errorf("%w: %.40q has no account, and proxy_login has no default_role", openid.ErrRole, name)
	}
	return person, err
}

// troubleInVouched is what the login page says of it, "" of another error.
func troubleInVouched(err error) trouble {
	var v *vouchedError
	if errors.As(err, &v) {
		return v.is
	}
	return ""
}
