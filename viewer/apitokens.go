package viewer

import (
	"cmp"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/tagtail/tagtail/viewer/accounts"
	"github.com/tagtail/tagtail/viewer/tokens"
)

// listTokens answers with the tokens that p may revoke; none with its secret.
func (s *Server) listTokens(c echo.Context, p principal) error {
	list, err := s.tokens.List()
	if err != nil {
		return err
	}
	list = slices.DeleteFunc(list, func(t tokens.Token) bool { return !p.mayKeep(t.Owner) })
	return s.sendJSON(c, http.StatusOK, struct {
		Tokens []tokens.Token `json:"tokens"`
	}{list})
}

// addToken makes a token and shows its secret, once. An administrator who makes
// one for somebody without an account makes that too.
func (s *Server) addToken(c echo.Context, p principal) error {
	in := struct {
		Owner  string         `json:"owner"`
		Role   accounts.Role  `json:"role"` // of a new account
		Label  string         `json:"label"`
		Scopes *tokens.Scopes `json:"scopes"`
	}{Role: accounts.Developer}
	err := readJSON(c.Request(), &in, `The request's body cannot be read: send JSON, {"owner":"dev1","scopes":["push"],"label":"laptop"}.`)
	if bad := new(unreadable); errors.As(err, bad) && errors.Is(err, tokens.ErrInvalid) {
		return newProblem(http.StatusBadRequest, "No token is made: %v.", bad.err)
	}
	if err != nil {
		return err
	}
	owner, scopes := cmp.Or(in.Owner, p.Name), tokens.Push
	if in.Scopes != nil {
		scopes = *in.Scopes
	}
	if !p.mayKeep(owner) {
		return newProblem(http.StatusForbidden, "Only an administrator may make tokens for somebody else.")
	}
	now := time.Now()
	if administering.allows(p) {
		switch _, err := s.accounts.Add(owner, in.Role, now); {
		case err == nil:
			s.tell(c.Request(), eventPerson, owner, p.Name, [2]string{"role", string(in.Role)})
		case !errors.Is(err, accounts.ErrExists):
			return accountProblem(owner, err)
		}
	}
	token, secret, err := s.tokens.Add(owner, scopes, in.Label, now)
	switch {
	case errors.Is(err, tokens.ErrInvalid):
		return newProblem(http.StatusBadRequest, "No token is made: %v.", err)
	case errors.Is(err, tokens.ErrFull):
		return newProblem(http.StatusConflict, "No token is made: %v.", err)
	case err != nil:
		return err
	}
	s.tell(c.Request(), eventToken, token.Owner, p.Name, [2]string{"id", token.ID}, [2]string{"scopes", token.Scopes.String()})
	// The secret is in this answer only.
	return s.sendJSON(c, http.StatusCreated, struct {
		tokens.Token
		Secret string `json:"secret"`
	}{token, secret})
}

// revokeToken makes a token void.
func (s *Server) revokeToken(c echo.Context, p principal) error {
	id := c.Param("id")
	token, err := s.tokens.Revoke(id, func(t tokens.Token) bool { return p.mayKeep(t.Owner) })
	if errors.Is(err, tokens.ErrNoToken) {
		return newProblem(http.StatusNotFound, "There is no token %s: the list names them by their id.", shown(id))
	}
	if err != nil {
		return err
	}
	s.tell(c.Request(), eventTokenGone, token.Owner, p.Name, [2]string{"id", token.ID})
	return c.NoContent(http.StatusNoContent)
}
