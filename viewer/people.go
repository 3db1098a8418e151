package viewer

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/tagtail/tagtail/viewer/accounts"
	"github.com/tagtail/tagtail/viewer/tokens"
)

// openAccounts opens what accounts.db holds. Whoever has a token from before there
// were accounts gets one.
func (s *Server) openAccounts(path string) (err error) {
	if s.db, err = accounts.OpenFile(path); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.db.Close())
		}
	}()
	if s.sessions, err = newSessions(s.db); err != nil {
		return err
	}
	if s.tokens, err = tokens.New(s.db); err != nil {
		return err
	}
	if s.accounts, err = accounts.New(s.db); err != nil {
		return err
	}
	list, err := s.tokens.List()
	if err != nil {
		return err
	}
	for _, t := range list {
		role := accounts.Developer
		if t.Role == string(accounts.Admin) {
			role = accounts.Admin
		}
		_, err := s.accounts.Add(t.Owner, role, t.Created)
		if err != nil && !errors.Is(err, accounts.ErrExists) {
			s.log.Warn("token without an account is void", "id", t.ID, "owner", t.Owner, "err", err)
		}
	}
	return nil
}

func noAccount(name string) *problem {
	return newProblem(http.StatusNotFound, "There is no account %s: make one with tagtail user add.", shown(name))
}

// accountProblem is the answer to what the accounts refuse.
func accountProblem(name string, err error) error {
	switch {
	case errors.Is(err, accounts.ErrInvalid):
		return newProblem(http.StatusBadRequest, "Nothing is changed: %v.", err)
	case errors.Is(err, accounts.ErrNoPerson):
		return noAccount(name)
	case errors.Is(err, accounts.ErrFull), errors.Is(err, accounts.ErrExists), errors.Is(err, accounts.ErrLinked):
		return newProblem(http.StatusConflict, "Nothing is changed: %v.", err)
	}
	return err
}

// people answers with all accounts.
func (s *Server) people(c echo.Context, _ principal) error {
	list, err := s.accounts.List()
	if err != nil {
		return err
	}
	return s.sendJSON(c, http.StatusOK, struct {
		People []accounts.Person `json:"people"`
	}{list})
}

// putPerson makes an account, or changes the one that there is.
func (s *Server) putPerson(c echo.Context, p principal) error {
	var in struct {
		Role     accounts.Role   `json:"role"`
		Disabled *bool           `json:"disabled"`
		Login    *accounts.Login `json:"login"`
	}
	if err := readJSON(c.Request(), &in, `The request's body cannot be read: send JSON, {"role":"developer","disabled":false}.`); err != nil {
		return err
	}
	name, now := c.Param("name"), time.Now()
	if name == p.Name && (in.Disabled != nil && *in.Disabled || in.Role != "" && in.Role != p.Role) {
		return newProblem(http.StatusConflict, "You cannot lock yourself out: ask another administrator.")
	}
	account, found, err := s.accounts.Find(name)
	status := http.StatusOK
	switch {
	case err != nil:
		return err
	case !found:
		account, err = s.accounts.Add(name, in.Role, now)
		status = http.StatusCreated
	case in.Role != "":
		account, err = s.accounts.SetRole(name, in.Role)
	}
	if err == nil && in.Disabled != nil {
		account, err = s.accounts.Disable(name, *in.Disabled, now)
	}
	if err == nil && in.Login != nil {
		account, err = s.linkAccount(name, *in.Login)
	}
	if err != nil {
		return accountProblem(name, err)
	}
	s.tellPerson(c.Request(), account, p.Name)
	return s.sendJSON(c, status, account)
}

// linkAccount says who somebody is at the provider of l, or at the only one that
// is configured.
func (s *Server) linkAccount(name string, l accounts.Login) (accounts.Person, error) {
	if l.Provider == "" {
		if l.Provider = s.usualProvider(); l.Provider == "" {
			return accounts.Person{}, newProblem(http.StatusConflict, "There is nobody to link %s to: the configuration has neither oidc nor proxy_login.", shown(name))
		}
	}
	return s.accounts.Link(name, l)
}

// usualProvider is where people log in who do not say where, "" if nowhere.
func (s *Server) usualProvider() string {
	switch {
	case s.provider != nil:
		return s.provider.Issuer()
	case s.cfg.ProxyLogin != nil:
		return ProxyProvider
	}
	return ""
}

// setPassword changes a password. Whoever changes their own gives the old one, if
// there is one: an unlocked screen is not enough.
func (s *Server) setPassword(c echo.Context, p principal) error {
	var in struct {
		Old string `json:"old"`
		New string `json:"new"`
	}
	if err := readJSON(c.Request(), &in, `The request's body cannot be read: send JSON, {"old":"…","new":"…"}.`); err != nil {
		return err
	}
	name, now := c.Param("name"), time.Now()
	if !p.mayKeep(name) {
		return newProblem(http.StatusForbidden, "Only an administrator may change the password of somebody else.")
	}
	account, found, err := s.accounts.Find(name)
	if err != nil || !found {
		return errors.Join(err, noAccount(name))
	}
	if name == p.Name && account.HasPassword {
		try, err := s.guessing.begin(clientOf(c.Request()), "", nil, now)
		if err != nil {
			return err
		}
		_, ok, err := s.accounts.Check(name, in.Old)
		try.end(ok, err, now)
		if err != nil {
			return err
		}
		if !ok {
			return newProblem(http.StatusForbidden, "The old password is not right: nothing is changed.")
		}
	}
	if _, err := s.accounts.SetPassword(name, in.New, now); err != nil {
		return accountProblem(name, err)
	}
	s.tell(c.Request(), eventPassword, name, p.Name)
	if name == p.Name { // whose session has ended with all others
		id, err := s.sessions.add(name, clientOf(c.Request()), c.Request().UserAgent(), time.Now())
		if err != nil {
			return err
		}
		s.setSessionCookie(c.Response(), c.Request(), id)
	}
	return c.NoContent(http.StatusNoContent)
}

// grant lets a person see an instance, and perhaps move it.
func (s *Server) grant(c echo.Context, p principal) error {
	var in struct {
		Control bool `json:"control"`
	}
	if err := readJSON(c.Request(), &in, `The request's body cannot be read: send JSON, {"control":false}.`); err != nil {
		return err
	}
	name, g := c.Param("name"), accounts.Grant{Instance: c.Param("service") + "/" + c.Param("owner"), Control: in.Control}
	account, err := s.accounts.Grant(name, g)
	if err != nil {
		return accountProblem(name, err)
	}
	s.tell(c.Request(), eventGrant, name, p.Name, [2]string{"server", g.Instance}, [2]string{"control", strconv.FormatBool(g.Control)})
	return s.sendJSON(c, http.StatusOK, account)
}

// revokeGrant takes a grant back.
func (s *Server) revokeGrant(c echo.Context, p principal) error {
	name, instance := c.Param("name"), c.Param("service")+"/"+c.Param("owner")
	if _, err := s.accounts.Revoke(name, instance); err != nil {
		return accountProblem(name, err)
	}
	s.tell(c.Request(), eventRevoke, name, p.Name, [2]string{"server", instance})
	return c.NoContent(http.StatusNoContent)
}

// listSessions answers with the sessions that p may end.
func (s *Server) listSessions(c echo.Context, p principal) error {
	current := ""
	if cookie, err := c.Request().Cookie(s.cookieName()); err == nil {
		current = cookie.Value
	}
	list, err := s.sessions.list(p.mayKeep, current, time.Now())
	if err != nil {
		return err
	}
	return s.sendJSON(c, http.StatusOK, struct {
		Sessions []sessionView `json:"sessions"`
	}{list})
}

// endSession logs one browser out.
func (s *Server) endSession(c echo.Context, p principal) error {
	ended, err := s.sessions.end(c.Param("id"), p.mayKeep)
	if err != nil {
		return err
	}
	if !ended {
		return newProblem(http.StatusNotFound, "There is no session %s: the list names them by their id.", shown(c.Param("id")))
	}
	s.tell(c.Request(), eventSessionEnd, "", p.Name, [2]string{"id", c.Param("id")})
	return c.NoContent(http.StatusNoContent)
}
