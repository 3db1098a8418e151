package viewer

import (
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"github.com/labstack/echo/v4"
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
	mu      sync.Mutex
	expires map[string]time.Time
}

// add returns a new token.
func (l *loginLinks) add(now time.Time) (string, error) {
	token, err := newSecret()
	if err != nil {
		return "", err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.expires == nil {
		l.expires = make(map[string]time.Time)
	}
	if len(l.expires) >= maxLinks {
		l.dropOldestLocked()
	}
	l.expires[string(hashSecret(token))] = now.Add(linkLife)
	return token, nil
}

func (l *loginLinks) dropOldestLocked() {
	var oldest string
	for hash, expires := range l.expires {
		if oldest == "" || expires.Before(l.expires[oldest]) {
			oldest = hash
		}
	}
	delete(l.expires, oldest)
}

// use tells whether the token is valid, and makes it void. Looking up a hash
// takes a time that tells nothing about the tokens there are.
func (l *loginLinks) use(token string, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	hash := string(hashSecret(token))
	expires, ok := l.expires[hash]
	delete(l.expires, hash)
	return ok && now.Before(expires)
}

// login exchanges a one-time token or an API token for a session cookie. What
// is wrong with a token is not told: every failure has the same sentence.
func (s *Server) login(c echo.Context, _ principal) error {
	r, now := c.Request(), time.Now()
	var in struct {
		Token string `json:"token"`
	}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		if errors.As(err, new(*http.MaxBytesError)) {
			return err
		}
		return newProblem(http.StatusBadRequest, `The request's body cannot be read: send JSON, {"token":"…"}.`)
	}
	from := clientOf(r)
	if wait := s.failures.wait(from, now); wait > 0 {
		seconds := int((wait + time.Second - 1) / time.Second)
		c.Response().Header().Set("Retry-After", strconv.Itoa(seconds))
		return newProblem(http.StatusTooManyRequests, "Too many failed logins from your address: try again in %d s.", seconds)
	}
	if len(in.Token) > maxTokenBytes || !s.isAdminToken(in.Token) && !s.links.use(in.Token, now) {
		s.failures.add(from, now)
		s.log.Warn("login failed", "client", from)
		return newProblem(http.StatusUnauthorized, "The token is not valid, or was used before: use an API token, or a new login link.")
	}
	s.failures.forget(from)
	id, err := s.sessions.add(admin(), now)
	if err != nil {
		return err
	}
	s.setSessionCookie(c.Response(), r, id)
	return c.NoContent(http.StatusNoContent)
}

// link makes a login link for somebody else, or for another browser.
func (s *Server) link(c echo.Context, p principal) error {
	link, err := s.LoginLink()
	if err != nil {
		return err
	}
	s.log.Info("login link made", "by", p.Name)
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
	return s.sendJSON(c, http.StatusOK, struct {
		principal
		Version string `json:"version"`
		Zone    string `json:"zone"`
	}{p, s.cfg.Version, zoneName(s.cfg.Location, time.Now())})
}

const (
	// freeFailures are forgiven: people paste the wrong thing.
	freeFailures = 5
	// maxWait is the longest back-off; it also forgets a client that has
	// been quiet for as long again.
	maxWait = time.Minute
	// maxClients bounds the memory. Past it all new clients share one count.
	maxClients = 10_000
)

// failures slows down who guesses tokens: past freeFailures, each failure
// doubles the time for which the client is not listened to.
type failures struct {
	mu     sync.Mutex
	client map[string]failure
}

type failure struct {
	count int
	until time.Time
}

// wait is how long the client must not try.
func (f *failures) wait(client string, now time.Time) time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	return max(0, f.client[f.keyLocked(client)].until.Sub(now))
}

// add counts a failure.
func (f *failures) add(client string, now time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.client == nil {
		f.client = make(map[string]failure)
	}
	if len(f.client) >= maxClients {
		f.dropQuietLocked(now)
	}
	key := f.keyLocked(client)
	v := f.client[key]
	v.count++
	v.until = now
	if over := v.count - freeFailures; over >= 0 {
		v.until = now.Add(min(maxWait, time.Second<<min(over, 10)))
	}
	f.client[key] = v
}

// forget clears the count after a success.
func (f *failures) forget(client string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.client, client)
}

// keyLocked is the client, or the key of all clients that there is no room for.
func (f *failures) keyLocked(client string) string {
	if _, known := f.client[client]; !known && len(f.client) >= maxClients {
		return ""
	}
	return client
}

func (f *failures) dropQuietLocked(now time.Time) {
	for client, v := range f.client {
		if now.Sub(v.until) > maxWait {
			delete(f.client, client)
		}
	}
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
