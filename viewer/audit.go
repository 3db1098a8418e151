package viewer

import (
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/tagtail/tagtail/viewer/accounts"
)

// AccountEvent is what has become of an account, or of somebody's way in. No
// secret is in it.
type AccountEvent struct {
	// What is one of the words below, and Failed that of those it is a failure.
	What   string
	Failed bool
	// Person is whose account it is, By who has done it, From the address.
	Person, By, From string
	// More are further names and values.
	More [][2]string
}

// What an AccountEvent tells of.
const (
	eventLogin       = "logged in"
	eventLoginFailed = "login failed"
	eventLink        = "login link made"
	eventPerson      = "account changed"
	eventPassword    = "password changed"
	eventGrant       = "instance granted"
	eventRevoke      = "grant taken back"
	eventToken       = "token made"
	eventTokenGone   = "token revoked"
	eventSessionEnd  = "session ended"
)

// tellPerson notes what an account is now, but for grants.
func (s *Server) tellPerson(r *http.Request, a accounts.Person, by string, more ...[2]string) {
	s.tell(r, eventPerson, a.Name, by, append([][2]string{{"role", string(a.Role)}, {"disabled", strconv.FormatBool(a.Disabled)},
		{"provider", a.Login.Provider}, {"subject", a.Login.Subject}}, more...)...)
}

// tell notes an event in the log of the server and in the audit.
func (s *Server) tell(r *http.Request, what, person, by string, more ...[2]string) {
	e := AccountEvent{What: what, Failed: what == eventLoginFailed, Person: person, By: by, From: clientOf(r), More: more}
	args := []any{slog.String("what", what), slog.String("person", e.Person), slog.String("by", e.By), slog.String("client", e.From)}
	for _, pair := range more {
		args = append(args, slog.String(pair[0], pair[1]))
	}
	level := slog.LevelInfo
	if e.Failed {
		level = slog.LevelWarn
	}
	s.log.Log(r.Context(), level, "accounts", args...)
	// A storm of failures fills no disk: the first are kept, and some of the rest.
	if s.cfg.Audit == nil || e.Failed && s.failuresTold.take("", 1, time.Now()) > 0 {
		return
	}
	s.cfg.Audit(e)
}
