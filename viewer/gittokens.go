package viewer

import (
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/tagtail/tagtail/viewer/tokens"
)

// gitTokens answers with all tokens that there are; none with its secret.
func (s *Server) gitTokens(c echo.Context, p principal) error {
	if !p.mayKeepTokens() {
		return newProblem(http.StatusForbidden, "Only an administrator may see everybody's tokens.")
	}
	list, err := s.tokens.List()
	if err != nil {
		return err
	}
	return s.sendJSON(c, http.StatusOK, struct {
		Tokens []tokens.Token `json:"tokens"`
	}{list})
}

// addGitToken makes a token and shows its secret, once.
func (s *Server) addGitToken(c echo.Context, p principal) error {
	if !p.mayKeepTokens() {
		return newProblem(http.StatusForbidden, "Only an administrator may make tokens.")
	}
	var in struct {
		Owner string      `json:"owner"`
		Role  tokens.Role `json:"role"`
		Label string      `json:"label"`
	}
	if err := json.NewDecoder(c.Request().Body).Decode(&in); err != nil {
		if errors.As(err, new(*http.MaxBytesError)) {
			return err
		}
		return newProblem(http.StatusBadRequest, `The request's body cannot be read: send JSON, {"owner":"dev1","role":"developer","label":""}.`)
	}
	token, secret, err := s.tokens.Add(in.Owner, in.Role, in.Label, time.Now())
	switch {
	case errors.Is(err, tokens.ErrInvalid):
		return newProblem(http.StatusBadRequest, "No token is made: %v.", err)
	case errors.Is(err, tokens.ErrFull):
		return newProblem(http.StatusConflict, "No token is made: %v.", err)
	case err != nil:
		return err
	}
	s.log.Info("token made", "id", token.ID, "owner", token.Owner, "role", string(token.Role), "by", p.Name)
	c.Response().Header().Set("Cache-Control", "no-store")
	return s.sendJSON(c, http.StatusCreated, struct {
		tokens.Token
		Secret string `json:"secret"`
	}{token, secret})
}

// revokeGitToken makes a token void.
func (s *Server) revokeGitToken(c echo.Context, p principal) error {
	if !p.mayKeepTokens() {
		return newProblem(http.StatusForbidden, "Only an administrator may revoke tokens.")
	}
	token, err := s.tokens.Revoke(c.Param("id"))
	if errors.Is(err, tokens.ErrNoToken) {
		return newProblem(http.StatusNotFound, "There is no token %s: the list names them by their id.", shown(c.Param("id")))
	}
	if err != nil {
		return err
	}
	s.log.Info("token revoked", "id", token.ID, "owner", token.Owner, "by", p.Name)
	return c.NoContent(http.StatusNoContent)
}
