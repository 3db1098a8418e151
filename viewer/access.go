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
	"github.com/tagtail/tagtail/viewer/accounts"
	"github.com/tagtail/tagtail/viewer/tokens"
)

// This file alone decides who may see and do what. A route names the access
// it asks for; a handler asks its principal's scope. What is not allowed here
// is denied: the zero access, principal and scope allow nothing.

// shared owns the instances that everybody sees and administrators move.
const shared = "shared"

// principal is who asks. The zero principal is nobody.
type principal struct {
	Name string        `json:"name"`
	Role accounts.Role `json:"role"`
	// scopes is what the credentials may be used for: those of a token, or all.
	scopes tokens.Scopes
	// present is set for the person themselves, in a session, and the holder of
	// the administrator's token; not for a token that they have made.
	present bool
	grants  []accounts.Grant
	// team is set where everybody may read everything.
	team bool
}

// admin is who holds the administrator's token, or a login link of the server.
func admin() principal {
	return principal{Name: accounts.Reserved, Role: accounts.Admin, scopes: tokens.AllScopes, present: true}
}

// known tells whether p is somebody.
func (p principal) known() bool { return p.Name != "" && slices.Contains(accounts.Roles(), p.Role) }

func (p principal) isAdmin() bool { return p.known() && p.Role == accounts.Admin }

// access is what a route asks of a principal.
type access uint8

const (
	nobody        access = iota // the zero value: a route that forgot to say
	anyone                      // also without login
	member                      // anybody with credentials, whatever these are for
	person                      // like member, but present: a token must not make others
	reading                     // what it sees is limited by its scope
	page                        // reading, but a browser is sent to the login page
	controlling                 // moves instances; which, mayAct says
	ingesting                   // stores entries; of which instances, mayIngest says
	overseeing                  // reads what is of all instances together
	administering               // changes what is of all
	gitUser                     // git; which repositories, mayGit says
)

// allows tells whether p may use a route of that access.
func (a access) allows(p principal) bool {
	if a == anyone {
		return true
	}
	if !p.known() {
		return false
	}
	switch a {
	case member:
		return true
	case person:
		return p.present
	case reading, page:
		return p.scopes.Has(tokens.Read)
	case controlling:
		return p.scopes.Has(tokens.Control)
	case ingesting:
		return p.scopes.Has(tokens.Ingest)
	case overseeing:
		return p.isAdmin() && p.scopes.Has(tokens.Read)
	case administering:
		return p.isAdmin() && p.present
	case gitUser:
		return p.scopes.Has(tokens.Push) && p.Role != accounts.Viewer
	default:
		return false
	}
}

// scope is the part of the instances that a principal sees. The zero scope is
// empty.
type scope struct {
	everything bool
	owners     []string // of all of whose instances
	instances  []string // besides
}

// scope returns what p may see.
func (p principal) scope() scope {
	if !p.known() {
		return scope{}
	}
	if p.isAdmin() || p.team {
		return scope{everything: true}
	}
	sc := scope{owners: []string{p.Name, shared}}
	for _, g := range p.grants {
		sc.instances = append(sc.instances, g.Instance)
	}
	return sc
}

// restrict limits q to the scope.
func (sc scope) restrict(q index.Query) index.Query {
	if sc.everything {
		return q
	}
	return q.And(index.ScopeQuery(sc.owners, sc.instances))
}

// key tells the scope from every other one.
func (sc scope) key() string { return fmt.Sprintf("%t %q %q", sc.everything, sc.owners, sc.instances) }

// holds tells whether the instance is in the scope.
func (sc scope) holds(instance string) bool {
	_, owner := index.SplitInstance(instance)
	return sc.everything || owner != "" && slices.Contains(sc.owners, owner) || slices.Contains(sc.instances, instance)
}

// moves tells whether p may change what the instance does or says.
func (p principal) moves(instance string) bool {
	_, owner := index.SplitInstance(instance)
	switch {
	case p.isAdmin():
		return true
	case !p.known() || p.Role == accounts.Viewer || owner == shared:
		return false
	case owner != "" && owner == p.Name:
		return true
	}
	return slices.Contains(p.grants, accounts.Grant{Instance: instance, Control: true})
}

// mayAct tells whether p may start actions on the instance.
func (p principal) mayAct(instance string) bool {
	return controlling.allows(p) && p.moves(instance) && p.scope().holds(instance)
}

// mayIngest tells whether p may store entries of the instance; "" is of any.
func (p principal) mayIngest(instance string) bool {
	return ingesting.allows(p) && p.moves(instance)
}

// mayKeepStore tells whether p may verify and rebuild the store.
func (p principal) mayKeepStore() bool { return administering.allows(p) }

// mayPurge tells whether p may delete what is kept of an instance.
func (p principal) mayPurge() bool { return administering.allows(p) }

// maySeeInputs tells whether p may see the listeners, which are everybody's.
func (p principal) maySeeInputs() bool { return p.scope().everything }

// mayChangeViews tells whether p may change and delete views of the team that
// others have made.
func (p principal) mayChangeViews() bool { return administering.allows(p) }

// mayKeep tells whether p may see, make and end the tokens and sessions of the
// person of that name.
func (p principal) mayKeep(name string) bool {
	return administering.allows(p) || person.allows(p) && p.Name == name
}

// mayGit tells whether p may fetch from the repository and try to push to it;
// which branches, the gate of pushes decides.
func (p principal) mayGit(r push.Repository) bool {
	return gitUser.allows(p) && r.MayRead(push.Person{Name: p.Name, Admin: p.isAdmin()})
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
		if p.known() {
			return r.access.refusal(p)
		}
		if r.access == page {
			return c.Redirect(http.StatusSeeOther, loginPage(c.Request().URL, troubleInVouched(err)))
		}
		c.Response().Header().Set("WWW-Authenticate", challenge)
		if err == nil {
			err = newProblem(http.StatusUnauthorized, "You are not logged in: open /login, or send an API token as Authorization: Bearer TOKEN.")
		}
		return err
	}
}

// refusal says what somebody lacks whom the access does not allow.
func (a access) refusal(p principal) *problem {
	switch {
	case (a == administering || a == overseeing) && !p.isAdmin():
		return newProblem(http.StatusForbidden, "Only an administrator may do this: ask one.")
	case a == administering || a == person:
		return newProblem(http.StatusForbidden, "No token may do this: log in to the page.")
	case a == gitUser && p.Role == accounts.Viewer:
		return newProblem(http.StatusForbidden, "You may read but not push: ask an administrator to make you a developer.")
	}
	wanted := map[access]tokens.Scopes{
		reading: tokens.Read, page: tokens.Read, overseeing: tokens.Read, controlling: tokens.Control, ingesting: tokens.Ingest, gitUser: tokens.Push,
	}[a]
	return newProblem(http.StatusForbidden, "Your token is not for this: make one with the scope %s.", wanted)
}

// loginPage is where to log in to come back to u. It is relative, so that it
// also leads there behind a proxy that puts us below a path of its own.
func loginPage(u *url.URL, why trouble) string {
	up := strings.Repeat("../", strings.Count(u.EscapedPath(), "/")-1)
	values := url.Values{}
	if why != "" {
		values.Set("trouble", string(why))
	}
	if u.RawQuery != "" || u.Path != "/" {
		values.Set("next", u.RequestURI())
	}
	if len(values) == 0 {
		return up + "login"
	}
	return up + "login?" + values.Encode()
}
