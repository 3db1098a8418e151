package viewer

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tagtail/tagtail/viewer/tokens"
)

// auditLog keeps what is told.
type auditLog struct {
	mu     sync.Mutex
	events []AccountEvent
}

func (l *auditLog) add(e AccountEvent) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.events = append(l.events, e)
}

// take returns what was told since, and forgets it.
func (l *auditLog) take() []AccountEvent {
	l.mu.Lock()
	defer l.mu.Unlock()
	events := l.events
	l.events = nil
	return events
}

func TestWhatBecomesOfAccountsIsTold(t *testing.T) {
	var log auditLog
	ts := team(t, func(c *Config) { c.Audit = log.add })
	boss := []string{"Cookie", ts.cookieName() + "=" + newSession(t, ts.Server, "boss")}
	if _, err := ts.accounts.SetPassword("dev1", "the right password", time.Now()); err != nil {
		t.Fatal(err)
	}
	token, secret, err := ts.tokens.Add("dev1", tokens.Read, "", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	var answers strings.Builder
	for _, tt := range []struct{ method, path, body, want string }{
		{"PUT", "/api/v1/people/new", `{"role":"viewer"}`, "account changed new by boss [[role viewer] [disabled false] [provider ] [subject ]]"},
		{"PUT", "/api/v1/people/new", `{"disabled":true}`, "account changed new by boss [[role viewer] [disabled true] [provider ] [subject ]]"},
		{"PUT", "/api/v1/people/dev2/password", `{"new":"a password of dev2"}`, "password changed dev2 by boss []"},
		{"PUT", "/api/v1/people/guest/grants/socketserver/dev1", `{"control":true}`, "instance granted guest by boss [[server socketserver/dev1] [control true]]"},
		{"DELETE", "/api/v1/people/guest/grants/socketserver/dev1", "", "grant taken back guest by boss [[server socketserver/dev1]]"},
		{"POST", "/api/v1/links", `{"person":"dev1"}`, "login link made dev1 by boss []"},
		{"POST", "/api/v1/tokens", `{"owner":"dev1","scopes":["read"]}`, "token made dev1 by boss [[id ID] [scopes read]]"},
		{"DELETE", "/api/v1/tokens/" + token.ID, "", "token revoked dev1 by boss [[id ID]]"},
		{"POST", "/api/v1/login", `{"name":"dev1","password":"the right password"}`, "logged in dev1 by dev1 []"},
		{"POST", "/api/v1/login", `{"name":"dev1","password":"the wrong password"}`, "login failed  by  []"},
	} {
		got := ts.do(t, tt.method, tt.path, tt.body, boss...)
		answers.Write(got.body)
		events := log.take()
		if len(events) != 1 {
			t.Errorf("%s %s = %d %s, which tells %v", tt.method, tt.path, got.status, got.body, events)
			continue
		}
		e := events[0]
		for i, pair := range e.More {
			if pair[0] == "id" && pair[1] != "" {
				e.More[i][1] = "ID"
			}
		}
		if told := fmt.Sprintf("%s %s by %s %v", e.What, e.Person, e.By, e.More); told != tt.want || e.From != "127.0.0.1" || e.Failed != strings.Contains(tt.want, "failed") {
			t.Errorf("%s %s tells %q from %s, want %q", tt.method, tt.path, told, e.From, tt.want)
		}
		for _, secret := range []string{secret, "password of", "right password", "wrong password"} {
			if strings.Contains(fmt.Sprint(events), secret) {
				t.Errorf("%s %s tells a secret: %v", tt.method, tt.path, events)
			}
		}
	}
	// Of a storm the first are told.
	for i := range 200 {
		ts.failures.forget("127.0.0.1")
		ts.do(t, "POST", "/api/v1/login", fmt.Sprintf(`{"token":"wrong %d"}`, i))
	}
	if n := len(log.take()); n < 15 || n > 40 {
		t.Errorf("200 failures are told %d times, want about 20", n)
	}
}
