package viewer

import (
	"cmp"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/tagtail/tagtail/viewer/accounts"
	"github.com/tagtail/tagtail/viewer/openid"
)

// trouble is why a log-in by the provider ended at the login page, which has a
// sentence for each. What the provider says goes to the log only.
type trouble string

const (
	troubleDown     trouble = "oidc-down"     // the provider does not answer
	troubleState    trouble = "oidc-state"    // no attempt of this browser, or one that is over
	troubleRefused  trouble = "oidc-refused"  // the provider says no
	troubleToken    trouble = "oidc-token"    // what it says is not valid
	troubleRole     trouble = "oidc-role"     // it names no role that counts
	troubleName     trouble = "oidc-name"     // nobody can be called so here
	troubleLink     trouble = "oidc-link"     // somebody is called so already
	troubleDisabled trouble = "oidc-disabled" // they are kept out
	troubleFull     trouble = "oidc-full"     // there are too many accounts
	troubleWait     trouble = "oidc-wait"     // too many failures from there
)

// troubleOf is what the login page says of an error, "" of one of ours.
func troubleOf(err error) trouble {
	for _, known := range []struct {
		err error
		is  trouble
	}{
		{openid.ErrDown, troubleDown},
		{openid.ErrRefused, troubleRefused},
		{openid.ErrToken, troubleToken},
		{openid.ErrRole, troubleRole},
		{accounts.ErrInvalid, troubleName},
		{accounts.ErrNotLinked, troubleLink},
		{accounts.ErrDisabled, troubleDisabled},
		{accounts.ErrFull, troubleFull},
	} {
		if errors.Is(err, known.err) {
			return known.is
		}
	}
	return ""
}

// loginWays tells the login page what there is beside passwords.
func (s *Server) loginWays(c echo.Context, _ principal) error {
	type way struct {
		Label string `json:"label"`
	}
	var ways struct {
		OIDC *way `json:"oidc,omitempty"`
	}
	if s.provider != nil {
		ways.OIDC = &way{s.provider.Label()}
	}
	return s.sendJSON(c, http.StatusOK, ways)
}

func noProvider() *problem {
	return newProblem(http.StatusNotFound, "Nobody logs in by OpenID Connect here: the configuration has no oidc.")
}

// callback is where the provider sends people back to.
func (s *Server) callback() string { return s.Public() + "/login/oidc/callback" }

// beginOIDC sends a browser to the provider.
func (s *Server) beginOIDC(c echo.Context, _ principal) error {
	if s.provider == nil {
		return noProvider()
	}
	next := s.ours(c.QueryParam("next"))
	begun, address, err := s.provider.Begin(c.Request().Context(), s.callback())
	if err != nil {
		s.log.Warn("provider does not answer", "issuer", s.provider.Issuer(), "err", err)
		return toLogin(c, "../login", troubleDown, next)
	}
	sealed, err := s.attempts.seal(attempt{begun, next, time.Now().Add(attemptLife)})
	if err != nil {
		return err
	}
	s.setAttemptCookie(c, sealed)
	return redirect(c, address)
}

// endOIDC takes somebody back from the provider.
func (s *Server) endOIDC(c echo.Context, _ principal) error {
	if s.provider == nil {
		return noProvider()
	}
	const login = "../../login"
	r, now := c.Request(), time.Now()
	q := r.URL.Query()
	sealed := ""
	if cookie, err := r.Cookie(s.attemptCookieName()); err == nil {
		sealed = cookie.Value
	}
	s.setAttemptCookie(c, "")
	a, ok := s.attempts.open(sealed, now)
	// The issuer is there since RFC 9207.
	if !ok || subtle.ConstantTimeCompare([]byte(a.State), []byte(q.Get("state"))) == 0 || cmp.Or(q.Get("iss"), s.provider.Issuer()) != s.provider.Issuer() || !s.attempts.use(a, now) {
		return toLogin(c, login, troubleState, a.Next)
	}
	from := clientOf(r)
	if s.failures.wait(from, now) > 0 {
		return toLogin(c, login, troubleWait, a.Next)
	}
	person, err := s.finishOIDC(r, a, q, now)
	if is := troubleOf(err); is != "" {
		if is != troubleDown { // which nobody there can help
			s.failures.add(from, now)
		}
		s.tell(r, eventLoginFailed, "", "", [2]string{"via", s.provider.Issuer()}, [2]string{"reason", err.Error()})
		return toLogin(c, login, is, a.Next)
	}
	if err != nil {
		return err
	}
	s.failures.forget(from)
	if err := s.beginSession(c, person.Name, now); err != nil {
		return err
	}
	return redirect(c, "../../"+strings.TrimPrefix(a.Next, "/"))
}

// finishOIDC tells who came back. Of whom the provider names no role any more, what
// is open ends.
func (s *Server) finishOIDC(r *http.Request, a attempt, q url.Values, now time.Time) (accounts.Person, error) {
	if code := q.Get("error"); code != "" {
		return accounts.Person{}, fmt.Errorf("%w: %.100q", openid.ErrRefused, code)
	}
	claim, err := s.provider.Finish(r.Context(), s.callback(), a.Attempt, q.Get("code"))
	if none := (*openid.NoRole)(nil); errors.As(err, &none) {
		person, lapsed, lapseErr := s.accounts.Lapse(none.Login, now)
		if lapseErr != nil {
			return accounts.Person{}, lapseErr
		}
		if lapsed {
			s.tellPerson(r, person, "", [2]string{"reason", openid.ErrRole.Error()})
		}
	}
	if err != nil {
		return accounts.Person{}, err
	}
	person, err := s.logInClaimed(r, claim, now)
	if err != nil {
		// An administrator who links the two needs both.
		return accounts.Person{}, fmt.Errorf("%.40q with the subject %.255q: %w", claim.Name, claim.Login.Subject, err)
	}
	return person, nil
}

// logInClaimed returns whom somebody else vouches for, and tells of an account that
// is made or changed by that.
func (s *Server) logInClaimed(r *http.Request, claim accounts.Claim, now time.Time) (accounts.Person, error) {
	before, _, err := s.accounts.Known(claim)
	if err != nil {
		return accounts.Person{}, err
	}
	person, err := s.accounts.LogIn(claim, now)
	if err == nil && (before.Name == "" || before.Role != person.Role) {
		s.tellPerson(r, person, "")
	}
	return person, err
}

// toLogin leads to the login page, which says what the trouble is.
func toLogin(c echo.Context, login string, t trouble, next string) error {
	values := url.Values{"trouble": {string(t)}}
	if next != "" {
		values.Set("next", next)
	}
	return redirect(c, login+"?"+values.Encode())
}

func redirect(c echo.Context, to string) error {
	c.Response().Header().Set("Cache-Control", "no-store")
	return c.Redirect(http.StatusSeeOther, to)
}

// maxNextBytes bounds the address to come back to, which a cookie has to hold.
const maxNextBytes = 2000

// ours returns next if it is a page of ours, with its query and fragment, else "".
// It begins with a slash and goes behind a path of dots only.
func (s *Server) ours(next string) string {
	u, err := url.Parse(next)
	switch {
	case err != nil, len(next) > maxNextBytes, u.Scheme != "", u.Host != "", u.User != nil,
		!strings.HasPrefix(next, "/"), strings.HasPrefix(next, "//"), strings.Contains(u.Path, `\`),
		path.Clean(u.Path) != u.Path && path.Clean(u.Path)+"/" != u.Path:
		return ""
	}
	isPage := slices.ContainsFunc(s.routes(), func(r route) bool {
		below, ok := strings.CutSuffix(r.path, "*")
		return r.access == page && (r.path == u.Path || ok && strings.HasPrefix(u.Path, below))
	})
	if !isPage {
		return ""
	}
	return next
}
