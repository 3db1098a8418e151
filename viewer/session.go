package viewer

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"github.com/tagtail/tagtail/viewer/tokens"
)

const (
	sessionCookie = "tagtail_session"
	sessionLife   = 30 * 24 * time.Hour
	secretBytes   = 32

	// maxSessions bounds the file: past it, the session that expires first
	// makes room.
	maxSessions = 10_000
)

var sessionBucket = []byte("sessions")

// session is what the server knows of a login. The id that the browser holds
// is not kept, only its hash: who reads the file cannot log in with it.
type session struct {
	Principal principal `json:"principal"`
	Expires   time.Time `json:"expires"`
}

// sessions keeps them in a file, so that a restart logs nobody out.
type sessions struct {
	db *bolt.DB
}

func openSessions(path string) (*sessions, error) {
	db, err := bolt.Open(path, 0o600, &bolt.Options{Timeout: time.Second})
	if errors.Is(err, bolterrors.ErrTimeout) {
		return nil, fmt.Errorf("open %s: another tagtail uses it: stop that one, or choose another data folder", path)
	}
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	err = db.Update(func(tx *bolt.Tx) error {
		_, err := tx.CreateBucketIfNotExists(sessionBucket)
		return err
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("prepare %s: %w", path, err), db.Close())
	}
	return &sessions{db: db}, nil
}

func (s *sessions) close() error { return s.db.Close() }

// add stores a new session and returns its id. Expired ones are removed.
func (s *sessions) add(p principal, now time.Time) (id string, err error) {
	id, err = newSecret()
	if err != nil {
		return "", err
	}
	data, err := json.Marshal(session{Principal: p, Expires: now.Add(sessionLife)})
	if err != nil {
		return "", fmt.Errorf("encode session: %w", err)
	}
	err = s.db.Update(func(tx *bolt.Tx) error {
		b := tx.Bucket(sessionBucket)
		if err := makeRoom(b, now); err != nil {
			return err
		}
		return b.Put(hashSecret(id), data)
	})
	if err != nil {
		return "", fmt.Errorf("store session: %w", err)
	}
	return id, nil
}

// makeRoom removes what has expired, and the session nearest to it if there
// are still too many.
func makeRoom(b *bolt.Bucket, now time.Time) error {
	var expired [][]byte
	var first []byte
	var firstExpires time.Time
	kept := 0
	err := b.ForEach(func(key, data []byte) error {
		var v session
		if json.Unmarshal(data, &v) != nil || !now.Before(v.Expires) {
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

// find returns whose session it is, if there is such a session.
func (s *sessions) find(id string, now time.Time) (p principal, ok bool, err error) {
	var v session
	err = s.db.View(func(tx *bolt.Tx) error {
		data := tx.Bucket(sessionBucket).Get(hashSecret(id))
		if data == nil {
			return nil
		}
		ok = true
		return json.Unmarshal(data, &v)
	})
	if err != nil {
		return principal{}, false, fmt.Errorf("read session: %w", err)
	}
	if !ok || !now.Before(v.Expires) {
		return principal{}, false, nil
	}
	return v.Principal, true, nil
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
// credentials, a problem if it carries bad ones. A token wins over a cookie.
func (s *Server) authenticate(r *http.Request) (principal, error) {
	if header := r.Header.Get("Authorization"); header != "" {
		scheme, token, _ := strings.Cut(header, " ")
		if strings.EqualFold(scheme, "Bearer") && s.isAdminToken(strings.TrimSpace(token)) {
			return admin(), nil
		}
		return principal{}, newProblem(http.StatusUnauthorized, "The API token is not valid: send a valid one as Authorization: Bearer TOKEN.")
	}
	cookie, err := r.Cookie(s.cookieName())
	if err != nil || cookie.Value == "" {
		return principal{}, nil
	}
	p, ok, err := s.sessions.find(cookie.Value, time.Now())
	if err != nil {
		return principal{}, err
	}
	if !ok {
		return principal{}, newProblem(http.StatusUnauthorized, "Your session has ended: log in again at /login.")
	}
	return p, nil
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
		return principal{}, newProblem(http.StatusTooManyRequests, "Too many failed logins from your address: try again in %d s.", int((wait+time.Second-1)/time.Second))
	}
	if user == admin().Name && s.isAdminToken(secret) {
		s.failures.forget(from)
		return admin(), nil
	}
	token, found, err := s.tokens.Find(secret, now)
	if err != nil {
		return principal{}, err
	}
	if len(secret) > maxTokenBytes || !found || token.Owner != user {
		s.failures.add(from, now)
		s.log.Warn("git login failed", "client", from)
		return principal{}, newProblem(http.StatusUnauthorized, "The name or the token is not valid: an administrator makes one with tagtail token add NAME.")
	}
	s.failures.forget(from)
	if token.Role == tokens.Admin {
		return principal{Name: token.Owner, Role: roleAdmin}, nil
	}
	return principal{Name: token.Owner, Role: roleDeveloper}, nil
}

// isAdminToken compares in a time that tells nothing about either token.
func (s *Server) isAdminToken(token string) bool {
	want := s.cfg.AdminToken
	return want != "" && subtle.ConstantTimeCompare(hashSecret(token), hashSecret(want)) == 1
}

func admin() principal { return principal{Name: "admin", Role: roleAdmin} }

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
		HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: r.TLS != nil,
	}
	if id == "" {
		cookie.MaxAge = -1
	}
	http.SetCookie(w, cookie)
}
