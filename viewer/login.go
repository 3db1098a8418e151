package viewer

import (
	"cmp"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/tagtail/tagtail/viewer/accounts"
	"github.com/tagtail/tagtail/viewer/tokens"
)

const (
	// linkLife is how long a login link waits to be used: over night.
	linkLife = 24 * time.Hour
	// maxLinks bounds the links that wait; past it the oldest is void.
	maxLinks = 100
	// maxTokenBytes is more than any token of ours has.
	maxTokenBytes = 1024
)

// loginLinks are the one-time tokens that nobody has used yet, by their
// hashes. They live in memory: a restart makes a new one.
type loginLinks struct {
	mu    sync.Mutex
	links map[string]loginLink
}

type loginLink struct {
	person  string
	expires time.Time
}

// add returns a new token that logs the person in.
func (l *loginLinks) add(person string, now time.Time) (string, error) {
	token, err := newSecret()
	if err != nil {
		return "", err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.links == nil {
		l.links = make(map[string]loginLink)
	}
	if len(l.links) >= maxLinks {
		l.dropOldestLocked()
	}
	l.links[string(hashSecret(token))] = loginLink{person, now.Add(linkLife)}
	return token, nil
}

func (l *loginLinks) dropOldestLocked() {
	var oldest string
	for hash, link := range l.links {
		if oldest == "" || link.expires.Before(l.links[oldest].expires) {
			oldest = hash
		}
	}
	delete(l.links, oldest)
}

// use tells whom the token logs in, if it is valid, and makes it void. Looking up
// a hash takes a time that tells nothing about the tokens there are.
func (l *loginLinks) use(token string, now time.Time) (person string, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	hash := string(hashSecret(token))
	link, ok := l.links[hash]
	delete(l.links, hash)
	return link.person, ok && now.Before(link.expires)
}

// login exchanges a name and a password, a one-time token or the administrator's
// token for a session cookie. What is wrong is not told: every failure has the
// same sentence, and takes as long.
func (s *Server) login(c echo.Context, _ principal) error {
	r, now := c.Request(), time.Now()
	var in struct {
		Token    string `json:"token"`
		Name     string `json:"name"`
		Password string `json:"password"`
	}
	if err := readJSON(r, &in, `The request's body cannot be read: send JSON, {"name":"…","password":"…"} or {"token":"…"}.`); err != nil {
		return err
	}
	try, err := s.beginGuess(c, in.Name)
	if err != nil {
		return err
	}
	name, ok, err := s.whoLogsIn(in.Token, in.Name, in.Password, now)
	try.end(ok, err, now)
	if err != nil {
		return err
	}
	if !ok {
		s.tell(r, eventLoginFailed, "", "")
		return newProblem(http.StatusUnauthorized, "The name, the password or the token is not valid, or the link was used before: try again, or ask for a new login link.")
	}
	if err := s.beginSession(c, name, now); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}

// beginGuess lets somebody try a password of name, or a token if that is "".
func (s *Server) beginGuess(c echo.Context, name string) (*guess, error) {
	from, now := clientOf(c.Request()), time.Now()
	trusted := func() (bool, error) { return s.sessions.has(name, from, now) }
	return s.guessing.begin(from, strings.ToLower(name[:min(len(name), maxTokenBytes)]), trusted, now)
}

// beginSession logs a browser in as somebody. Whoever had put a session of their
// own into it loses that.
func (s *Server) beginSession(c echo.Context, name string, now time.Time) error {
	r := c.Request()
	if old, err := r.Cookie(s.cookieName()); err == nil && old.Value != "" {
		if err := s.sessions.remove(old.Value); err != nil {
			return err
		}
	}
	id, err := s.sessions.add(name, clientOf(r), r.UserAgent(), now)
	if err != nil {
		return err
	}
	s.tell(r, eventLogin, name, name)
	s.setSessionCookie(c.Response(), r, id)
	return nil
}

// whoLogsIn is the name of whose credentials they are.
func (s *Server) whoLogsIn(token, name, password string, now time.Time) (person string, ok bool, err error) {
	if name != "" {
		p, ok, err := s.accounts.Check(name, password)
		return p.Name, ok, err
	}
	if len(token) > maxTokenBytes {
		return "", false, nil
	}
	if s.isAdminToken(token) {
		return accounts.Reserved, true, nil
	}
	person, ok = s.links.use(token, now)
	if !ok || person == accounts.Reserved {
		return person, ok, nil
	}
	p, _, err := s.principalOf(person, tokens.AllScopes)
	return person, err == nil && p.known(), err
}

// link makes a login link for somebody, or for another browser of one's own.
func (s *Server) link(c echo.Context, p principal) error {
	var in struct {
		Person string `json:"person"`
	}
	if err := readJSON(c.Request(), &in, `The request's body cannot be read: send JSON, {"person":"dev1"}, or nothing for yourself.`); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	name := cmp.Or(in.Person, p.Name)
	if !p.mayKeep(name) {
		return newProblem(http.StatusForbidden, "Only an administrator may make login links for somebody else.")
	}
	if name != accounts.Reserved {
		if _, found, err := s.accounts.Find(name); err != nil || !found {
			return cmp.Or(err, error(noAccount(name)))
		}
	}
	link, err := s.loginLink(name)
	if err != nil {
		return err
	}
	s.tell(c.Request(), eventLink, name, p.Name)
	return s.sendJSON(c, http.StatusCreated, struct {
		Link string `json:"link"`
	}{link})
}

// logout ends the session, if there is one. Its open tails end with the next
// status frame.
func (s *Server) logout(c echo.Context, _ principal) error {
	if cookie, err := c.Request().Cookie(s.cookieName()); err == nil && cookie.Value != "" {
		if err := s.sessions.remove(cookie.Value); err != nil {
			return err
		}
	}
	s.setSessionCookie(c.Response(), c.Request(), "")
	return c.NoContent(http.StatusNoContent)
}

// me tells who is logged in, and where the server is in time.
func (s *Server) me(c echo.Context, p principal) error {
	account, found, err := s.accounts.Find(p.Name)
	if err != nil {
		return err
	}
	return s.sendJSON(c, http.StatusOK, struct {
		principal
		HasAccount  bool          `json:"has_account"` // not the administrator of the start
		HasPassword bool          `json:"has_password"`
		Scopes      tokens.Scopes `json:"scopes"`
		// Everything tells whether p sees the entries of everybody.
		Everything bool   `json:"everything"`
		Version    string `json:"version"`
		Zone       string `json:"zone"`
	}{p, found, account.HasPassword, p.scopes, p.scope().everything, s.cfg.Version, zoneName(s.cfg.Location, time.Now())})
}

// clientOf is the address that r comes from, of IPv6 its network: one client
// has a whole /64. Headers that name another address are not believed.
func clientOf(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	addr, err := netip.ParseAddr(host)
	if err != nil || addr.Unmap().Is4() {
		return host
	}
	network, err := addr.WithZone("").Prefix(64)
	if err != nil {
		return host
	}
	return network.String()
}
