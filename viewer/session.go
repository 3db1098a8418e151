package viewer

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/tagtail/tagtail/viewer/accounts"
	"github.com/tagtail/tagtail/viewer/tokens"
)

const (
	sessionCookie = "tagtail_session"
	sessionLife   = 30 * 24 * time.Hour
	secretBytes   = 32

	// maxSessions bounds the file: past it, the session that expires first
	// makes room.
	maxSessions = 10_000
	// sessionUseEvery is how exactly the last use is known: to write each one
	// would cost a sync of the file a request.
	sessionUseEvery = 10 * time.Minute
	sessionIDBytes  = 6
	maxAgentBytes   = 200
)

var sessionBucket = []byte("sessions")

// session is what the server knows of a login. The id that the browser holds
// is not kept, only its hash: who reads the file cannot log in with it.
type session struct {
	// Person is the name of an account, or accounts.Reserved.
	Person  string    `json:"person"`
	Began   time.Time `json:"began"`
	Used    time.Time `json:"used"` // to the minute
	Expires time.Time `json:"expires"`
	// From and Agent are the address and the browser of the login.
	From  string `json:"from"`
	Agent string `json:"agent"`
	// Before there were accounts, everybody was the administrator.
	Principal struct {
		Name string `json:"name"`
	} `json:"principal,omitzero"`
}

// sessions keeps them in a file, so that a restart logs nobody out.
type sessions struct {
	db *bolt.DB
}

func newSessions(db *bolt.DB) (*sessions, error) {
	err := db.Update(func(tx *bolt.Tx) error {
		_, err := tx.CreateBucketIfNotExists(sessionBucket)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("prepare sessions: %w", err)
	}
	return &sessions{db: db}, nil
}

// add stores a new session of a person and returns its id. Expired ones are
// removed.
func (s *sessions) add(person, from, agent string, now time.Time) (id string, err error) {
	id, err = newSecret()
	if err != nil {
		return "", err
	}
	v := session{Person: person, Began: now.UTC(), Used: now.UTC(), Expires: now.Add(sessionLife).UTC(), From: from, Agent: strings.ToValidUTF8(agent[:min(len(agent), maxAgentBytes)], "")}
	err = s.db.Update(func(tx *bolt.Tx) error {
		b := tx.Bucket(sessionBucket)
		if err := makeRoom(b, now); err != nil {
			return err
		}
		return putSession(b, hashSecret(id), v)
	})
	if err != nil {
		return "", fmt.Errorf("store session: %w", err)
	}
	return id, nil
}

func putSession(b *bolt.Bucket, key []byte, v session) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return b.Put(key, data)
}

func decodeSession(data []byte) (v session, err error) {
	if err := json.Unmarshal(data, &v); err != nil {
		return session{}, err
	}
	v.Person = cmp.Or(v.Person, v.Principal.Name)
	return v, nil
}

// makeRoom removes what has expired, and the session nearest to it if there
// are still too many.
func makeRoom(b *bolt.Bucket, now time.Time) error {
	var expired [][]byte
	var first []byte
	var firstExpires time.Time
	kept := 0
	err := b.ForEach(func(key, data []byte) error {
		v, err := decodeSession(data)
		if err != nil || !now.Before(v.Expires) {
			expired = append(expired, bytes.Clone(key))
			return nil
		}
		kept++
		if first == nil || v.Expires.Before(firstExpires) {
			first, firstExpires = bytes.Clone(key), v.Expires
		}
		return nil
	})
	if err != nil {
		return err
	}
	if kept >= maxSessions {
		expired = append(expired, first)
	}
	for _, key := range expired {
		if err := b.Delete(key); err != nil {
			return err
		}
	}
	return nil
}

// find returns the session of that id, if there is such a session, and remembers
// the use.
func (s *sessions) find(id string, now time.Time) (v session, ok bool, err error) {
	key := hashSecret(id)
	err = s.db.View(func(tx *bolt.Tx) (err error) {
		data := tx.Bucket(sessionBucket).Get(key)
		if data == nil {
			return nil
		}
		ok = true
		v, err = decodeSession(data)
		return err
	})
	if err != nil {
		return session{}, false, fmt.Errorf("read session: %w", err)
	}
	if !ok || !now.Before(v.Expires) {
		return session{}, false, nil
	}
	if now.Sub(v.Used) < sessionUseEvery {
		return v, true, nil
	}
	v.Used = now.UTC()
	err = s.db.Update(func(tx *bolt.Tx) error {
		b := tx.Bucket(sessionBucket)
		if ok = b.Get(key) != nil; !ok {
			return nil // it was ended just now
		}
		return putSession(b, key, v)
	})
	if err != nil {
		return session{}, false, fmt.Errorf("store last use of session: %w", err)
	}
	return v, ok, nil
}

// remove forgets a session, if there is such a session.
func (s *sessions) remove(id string) error {
	err := s.db.Update(func(tx *bolt.Tx) error {
		return tx.Bucket(sessionBucket).Delete(hashSecret(id))
	})
	if err != nil {
		return fmt.Errorf("remove session: %w", err)
	}
	return nil
}

// sessionView is a session as its person sees it. ID names it and is no secret.
type sessionView struct {
	ID      string    `json:"id"`
	Person  string    `json:"person"`
	Began   time.Time `json:"began"`
	Used    time.Time `json:"used"`
	Expires time.Time `json:"expires"`
	From    string    `json:"from"`
	Agent   string    `json:"agent"`
	// Current is set for the one that asks.
	Current bool `json:"current"`
}

// sessionID names a session by the hash of its secret id.
func sessionID(hash []byte) string { return hex.EncodeToString(hash[:sessionIDBytes]) }

// list gives the sessions that may be seen and have not expired, newest first.
func (s *sessions) list(sees func(person string) bool, current string, now time.Time) ([]sessionView, error) {
	list := []sessionView{}
	own := hashSecret(current)
	err := s.db.View(func(tx *bolt.Tx) error {
		return tx.Bucket(sessionBucket).ForEach(func(key, data []byte) error {
			v, err := decodeSession(data)
			if err != nil || !sees(v.Person) || !now.Before(v.Expires) {
				return err
			}
			list = append(list, sessionView{sessionID(key), v.Person, v.Began, v.Used, v.Expires, v.From, v.Agent, bytes.Equal(key, own)})
			return nil
		})
	})
	if err != nil {
		return nil, fmt.Errorf("list sessions: %w", err)
	}
	slices.SortFunc(list, func(a, b sessionView) int { return cmp.Or(b.Began.Compare(a.Began), cmp.Compare(a.ID, b.ID)) })
	return list, nil
}

// has tells whether the person is logged in from there.
func (s *sessions) has(person, from string, now time.Time) (bool, error) {
	list, err := s.list(func(name string) bool { return name == person }, "", now)
	return slices.ContainsFunc(list, func(v sessionView) bool { return v.From == from }), err
}

// end ends the session that an id of list names, if it is one that may be seen.
func (s *sessions) end(id string, sees func(person string) bool) (ended bool, err error) {
	err = s.db.Update(func(tx *bolt.Tx) error {
		c := tx.Bucket(sessionBucket).Cursor()
		for key, data := c.First(); key != nil; key, data = c.Next() {
			if sessionID(key) != id {
				continue
			}
			v, err := decodeSession(data)
			if err != nil || !sees(v.Person) {
				return err
			}
			ended = true
			return c.Delete()
		}
		return nil
	})
	if err != nil {
		return false, fmt.Errorf("end session: %w", err)
	}
	return ended, nil
}

// newSecret returns 256 random bits in characters that fit a URL.
func newSecret() (string, error) {
	var b [secretBytes]byte
	if _, err := rand.Read(b[:]); err != nil {
		return "", fmt.Errorf("read random bytes: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(b[:]), nil
}

func hashSecret(secret string) []byte {
	sum := sha256.Sum256([]byte(secret))
	return sum[:]
}

// authenticate tells who sends r: the zero principal if it carries no
// credentials, a problem if it carries bad ones. A token wins over what a proxy
// says, and that over a cookie.
func (s *Server) authenticate(r *http.Request) (principal, error) {
	if header := r.Header.Get("Authorization"); header != "" {
		scheme, token, _ := strings.Cut(header, " ")
		if strings.EqualFold(scheme, "Bearer") {
			return s.authenticateToken(r, strings.TrimSpace(token))
		}
		return principal{}, errBadToken()
	}
	if p, asked, err := s.authenticateVouched(r); asked {
		return p, err
	}
	cookie, err := r.Cookie(s.cookieName())
	if err != nil || cookie.Value == "" {
		return principal{}, nil
	}
	v, ok, err := s.sessions.find(cookie.Value, time.Now())
	if err != nil {
		return principal{}, err
	}
	if ok && v.Person == accounts.Reserved {
		return admin(), nil
	}
	p, account, err := s.principalOf(v.Person, tokens.AllScopes)
	if err != nil {
		return principal{}, err
	}
	if !ok || !p.known() || v.Began.Before(account.Since) {
		return principal{}, newProblem(http.StatusUnauthorized, "Your session has ended: log in again at /login.")
	}
	p.present = true
	return p, nil
}

func errBadToken() *problem {
	return newProblem(http.StatusUnauthorized, "The API token is not valid: send a valid one as Authorization: Bearer TOKEN.")
}

// authenticateToken tells whose API token it is. Who guesses is slowed down;
// nobody with a valid token waits for that.
func (s *Server) authenticateToken(r *http.Request, secret string) (principal, error) {
	if s.isAdminToken(secret) {
		return admin(), nil
	}
	from, now := clientOf(r), time.Now()
	token, found, err := s.findToken(secret, now)
	if err != nil {
		return principal{}, err
	}
	p, _, err := s.principalOf(token.Owner, token.Scopes)
	if err != nil {
		return principal{}, err
	}
	if found && p.known() {
		return p, nil
	}
	if wait := s.failures.wait(from, now); wait > 0 {
		return principal{}, tooManyFailures(wait)
	}
	s.failures.add(from, now)
	return principal{}, errBadToken()
}

func tooManyFailures(wait time.Duration) *problem {
	return newProblem(http.StatusTooManyRequests, "Too many failed logins: try again in %d s.", wholeSeconds(wait)).after(wait)
}

func (s *Server) findToken(secret string, now time.Time) (tokens.Token, bool, error) {
	if len(secret) > maxTokenBytes {
		return tokens.Token{}, false, nil
	}
	return s.tokens.Find(secret, now)
}

// principalOf is a person as the accounts have them now: nobody if there is no
// such account, or it is disabled.
func (s *Server) principalOf(name string, scopes tokens.Scopes) (principal, accounts.Person, error) {
	account, found, err := s.accounts.Find(name)
	if err != nil || !found || account.Disabled {
		return principal{}, accounts.Person{}, err
	}
	return principal{Name: account.Name, Role: account.Role, scopes: scopes, grants: account.Grants, team: s.cfg.TeamReads}, account, nil
}

// authenticateGit tells whose token git sends, as Basic user:token. The user
// must be the token's owner; with the administrator's token, it is admin. A
// cookie counts for nothing: no page is to push.
func (s *Server) authenticateGit(r *http.Request) (principal, error) {
	user, secret, ok := r.BasicAuth()
	if !ok {
		return principal{}, nil
	}
	from, now := clientOf(r), time.Now()
	if wait := s.failures.wait(from, now); wait > 0 {
		return principal{}, tooManyFailures(wait)
	}
	if user == accounts.Reserved && s.isAdminToken(secret) {
		s.failures.forget(from)
		return admin(), nil
	}
	token, found, err := s.findToken(secret, now)
	if err != nil {
		return principal{}, err
	}
	p, _, err := s.principalOf(token.Owner, token.Scopes)
	if err != nil {
		return principal{}, err
	}
	if !found || !p.known() || token.Owner != user {
		s.failures.add(from, now)
		s.tell(r, eventLoginFailed, "", "", [2]string{"via", "git"})
		return principal{}, newProblem(http.StatusUnauthorized, "The name or the token is not valid: an administrator makes one with tagtail token add NAME.")
	}
	s.failures.forget(from)
	return p, nil
}

// isAdminToken compares in a time that tells nothing about either token.
func (s *Server) isAdminToken(token string) bool {
	want := s.cfg.AdminToken
	return want != "" && subtle.ConstantTimeCompare(hashSecret(token), hashSecret(want)) == 1
}

// cookieName has our port in it: browsers keep the cookies of all the ports of
// a host together, and two servers there must not end each other's sessions.
func (s *Server) cookieName() string {
	_, port, _ := net.SplitHostPort(s.Addr().String())
	return sessionCookie + "_" + port
}

// setSessionCookie gives the browser a session id, or takes it away if id is
// empty.
func (s *Server) setSessionCookie(w http.ResponseWriter, r *http.Request, id string) {
	cookie := &http.Cookie{
		Name: s.cookieName(), Value: id, Path: "/",
		MaxAge:   int(sessionLife / time.Second),
		HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: isSecure(r),
	}
	if id == "" {
		cookie.MaxAge = -1
	}
	http.SetCookie(w, cookie)
}
