package viewer

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/tagtail/tagtail/deploy/push"
	"github.com/tagtail/tagtail/index"
)

// This file alone decides who may see and do what. A route names the access
// it asks for; a handler asks its principal's scope. What is not allowed here
// is denied: the zero access, principal and scope allow nothing.

// role is what a principal is allowed in general.
type role string

const (
	roleAdmin role = "admin"
	// roleDeveloper is that of a token for git: it opens no page and no API.
	roleDeveloper role = "developer"
)

// principal is who asks. The zero principal is nobody.
type principal struct {
	Name string `json:"name"`
	Role role   `json:"role"`
}

// access is what a route asks of a principal.
type access uint8

const (
	nobody   access = iota // the zero value: a route that forgot to say
	anyone                 // also without login
	signedIn               // any principal; what it sees is limited by its scope
	page                   // signedIn, but a browser is sent to the login page
	gitUser                // who has a token for git; which repositories, mayGit says
)

// allows tells whether p may use a route of that access.
func (a access) allows(p principal) bool {
	switch a {
	case anyone:
		return true
	case signedIn, page:
		return p.Role == roleAdmin
	case gitUser:
		return p.Role == roleAdmin || p.Role == roleDeveloper
	default:
		return false
	}
}

// scope is the part of the instances that a principal sees. The zero scope is
// empty.
type scope struct {
	everything bool
	instances  []string
}

// scope returns what p may see.
func (p principal) scope() scope {
	return scope{everything: p.Role == roleAdmin}
}

// restrict limits q to the scope.
func (sc scope) restrict(q index.Query) index.Query {
	if sc.everything {
		return q
	}
	return q.And(index.InstanceQuery(sc.instances...))
}

// key tells the scope from every other one.
func (sc scope) key() string { return fmt.Sprintf("%t %q", sc.everything, sc.instances) }

// holds tells whether the instance is in the scope.
func (sc scope) holds(instance string) bool {
	return sc.everything || slices.Contains(sc.instances, instance)
}

// mayAct tells whether p may start actions on the instance.
func (p principal) mayAct(instance string) bool {
	return p.Role == roleAdmin && p.scope().holds(instance)
}

// mayIngest tells whether p may store entries of the instance; "" is of any.
func (p principal) mayIngest(instance string) bool {
	return p.Role == roleAdmin && p.scope().holds(instance)
}

// mayKeepStore tells whether p may verify and rebuild the store.
func (p principal) mayKeepStore() bool { return p.Role == roleAdmin }

// mayChangeViews tells whether p may change and delete views of the team that
// others have made.
func (p principal) mayChangeViews() bool { return p.Role == roleAdmin }

// mayKeepTokens tells whether p may see, make and revoke everybody's tokens.
func (p principal) mayKeepTokens() bool { return p.Role == roleAdmin }

// mayGit tells whether p may fetch from the repository and try to push to it;
// which branches, the gate of pushes decides.
func (p principal) mayGit(r push.Repository) bool {
	return gitUser.allows(p) && r.MayRead(push.Person{Name: p.Name, Admin: p.Role == roleAdmin})
}

// handler answers a request of a principal that the route's access allows.
type handler func(c echo.Context, p principal) error

// guard lets through whom the route's access allows.
func (s *Server) guard(r route) echo.HandlerFunc {
	return func(c echo.Context) error {
		if r.access == anyone {
			return r.handler(c, principal{})
		}
		authenticate, challenge := s.authenticate, `Bearer realm="tagtail"`
		if r.access == gitUser {
			authenticate, challenge = s.authenticateGit, `Basic realm="tagtail", charset="UTF-8"`
		}
		p, err := authenticate(c.Request())
		if err != nil && !errors.As(err, new(*problem)) {
			return err
		}
		if r.access.allows(p) {
			return r.handler(c, p)
		}
		if r.access == page {
			return c.Redirect(http.StatusSeeOther, loginPage(c.Request().URL))
		}
		c.Response().Header().Set("WWW-Authenticate", challenge)
		if err == nil {
			err = newProblem(http.StatusUnauthorized, "You are not logged in: open /login, or send an API token as Authorization: Bearer TOKEN.")
		}
		return err
	}
}

// loginPage is where to log in to come back to u. It is relative, so that it
// also leads there behind a proxy that puts us below a path of its own.
func loginPage(u *url.URL) string {
	up := strings.Repeat("../", strings.Count(u.EscapedPath(), "/")-1)
	if u.RawQuery == "" && u.Path == "/" {
		return up + "login"
	}
	return up + "login?next=" + url.QueryEscape(u.RequestURI())
}
