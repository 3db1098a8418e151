package viewer

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/tagtail/tagtail/viewer/openid"
)

const (
	attemptCookieStart = "tagtail_oidc_"
	// attemptLife is how long somebody may take at the provider.
	attemptLife = 10 * time.Minute
	// maxUsed bounds what is remembered of attempts that are over. Past it, a
	// replay is refused by the provider alone.
	maxUsed = 10_000
)

// attempt is a log-in at the provider that has begun, and the page to open after.
type attempt struct {
	openid.Attempt
	Next    string    `json:"next"`
	Expires time.Time `json:"expires"`
}

// attempts seals each into a cookie of the browser that has begun it: nobody can
// fill our memory with attempts, and a restart ends them.
type attempts struct {
	aead cipher.AEAD // immutable

	mu   sync.Mutex
	used map[string]time.Time // when those expire that are over, by state
}

func newAttempts() (*attempts, error) {
	var key [32]byte
	if _, err := rand.Read(key[:]); err != nil {
		return nil, fmt.Errorf("read random bytes: %w", err)
	}
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return nil, fmt.Errorf("make cipher: %w", err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, fmt.Errorf("make cipher: %w", err)
	}
	return &attempts{aead: aead, used: make(map[string]time.Time)}, nil
}

func (s *attempts) seal(a attempt) (string, error) {
	data, err := json.Marshal(a)
	if err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(s.aead.Seal(nil, nil, data, nil)), nil
}

// open returns what is sealed, if it is ours and not too old.
func (s *attempts) open(sealed string, now time.Time) (a attempt, ok bool) {
	data, err := base64.RawURLEncoding.DecodeString(sealed)
	if err != nil {
		return attempt{}, false
	}
	if data, err = s.aead.Open(nil, nil, data, nil); err != nil || json.Unmarshal(data, &a) != nil {
		return attempt{}, false
	}
	return a, now.Before(a.Expires)
}

// use tells whether the attempt is not over yet, and ends it.
func (s *attempts) use(a attempt, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, over := s.used[a.State]; over {
		return false
	}
	if len(s.used) >= maxUsed {
		s.makeRoomLocked(now)
	}
	s.used[a.State] = a.Expires
	return true
}

// makeRoomLocked forgets what has expired, or any one.
func (s *attempts) makeRoomLocked(now time.Time) {
	for state, expires := range s.used {
		if !now.Before(expires) {
			delete(s.used, state)
		}
	}
	for state := range s.used {
		if len(s.used) < maxUsed {
			return
		}
		delete(s.used, state)
	}
}

func (s *Server) attemptCookieName() string {
	_, port, _ := net.SplitHostPort(s.Addr().String())
	return attemptCookieStart + port
}

// setAttemptCookie gives the browser an attempt, or takes it away if it is empty.
// The provider's page leads back by a link, with which Lax cookies come.
func (s *Server) setAttemptCookie(c echo.Context, sealed string) {
	cookie := &http.Cookie{
		Name: s.attemptCookieName(), Value: sealed, Path: "/", MaxAge: int(attemptLife / time.Second),
		HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: isSecure(c.Request()),
	}
	if sealed == "" {
		cookie.MaxAge = -1
	}
	http.SetCookie(c.Response(), cookie)
}
