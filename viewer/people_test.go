package viewer

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	bolt "go.etcd.io/bbolt"

	"github.com/tagtail/tagtail/deploy"
	"github.com/tagtail/tagtail/viewer/accounts"
	"github.com/tagtail/tagtail/viewer/tokens"
)

// newPerson makes an account, if there is none, and a token of its.
func newPerson(t *testing.T, s *Server, name string, role accounts.Role, scopes tokens.Scopes) (secret string) {
	t.Helper()
	if _, err := s.accounts.Add(name, role, time.Now()); err != nil && !errors.Is(err, accounts.ErrExists) {
		t.Fatal(err)
	}
	_, secret, err := s.tokens.Add(name, scopes, "", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return secret
}

func newSession(t *testing.T, s *Server, person string) (id string) {
	t.Helper()
	id, err := s.sessions.add(person, "127.0.0.1", "a browser", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func TestWhatIsOpenEndsWhenItMayNotBeSeenAnyMore(t *testing.T) {
	if checkEvery >= time.Second {
		t.Errorf("it is looked at every %v, which is not within a second", checkEvery)
	}
	changes := map[string]func(ts *testServer) error{
		"the grant is taken back": func(ts *testServer) error {
			_, err := ts.accounts.Revoke("looker", "socketserver/dev1")
			return err
		},
		"the person is disabled": func(ts *testServer) error {
			_, err := ts.accounts.Disable("looker", true, time.Now())
			return err
		},
		"the password is new": func(ts *testServer) error {
			_, err := ts.accounts.SetPassword("looker", "a new password", time.Now())
			return err
		},
	}
	for name, change := range changes {
		t.Run(name, func(t *testing.T) {
			ts := team(t, nil)
			if _, err := ts.controls.Do("socketserver/dev1", deploy.Reload, "dev1"); err != nil {
				t.Fatal(err)
			}
			cookie := ts.cookieName() + "=" + newSession(t, ts.Server, "looker")
			var open []*client
			for _, path := range []string{"/api/v1/tail?q=", "/api/v1/jobs/job1/output"} {
				c, _, err := ts.dial(t, path, "Cookie", cookie)
				if err != nil {
					t.Fatal(err)
				}
				open = append(open, c)
			}
			if f := open[0].next(); f.Type != "status" {
				t.Fatalf("the tail begins with %+v", f)
			}
			if err := change(ts); err != nil {
				t.Fatal(err)
			}
			for i, c := range open {
				if f := c.next(); f.Type != "error" {
					t.Errorf("socket %d is told %+v, want an error", i, f)
				}
				if code := c.closeCode(); code != websocket.ClosePolicyViolation {
					t.Errorf("socket %d is closed with %d", i, code)
				}
			}
		})
	}
}

func TestPeopleAreMadeAndChangedByAdministrators(t *testing.T) {
	ts := startTest(t, 0)
	boss := []string{"Authorization", "Bearer " + adminToken}
	steps := []struct {
		method, path, body string
		status             int
		says               string
	}{
		{"PUT", "/people/dev1", `{"role":"viewer"}`, 201, `"role":"viewer"`},
		{"PUT", "/people/dev1", `{"role":"developer"}`, 200, `"role":"developer"`},
		{"PUT", "/people/dev1", `{"disabled":true}`, 200, `"disabled":true`},
		{"PUT", "/people/dev1", `{"disabled":false}`, 200, `"role":"developer","disabled":false`},
		{"PUT", "/people/dev1/grants/web/dev2", `{"control":true}`, 200, `[{"instance":"web/dev2","control":true}]`},
		{"DELETE", "/people/dev1/grants/web/dev2", ``, 204, ""},
		{"PUT", "/people/dev1/password", `{"new":"long enough for us"}`, 204, ""},
		{"GET", "/people", ``, 200, `"has_password":true,"grants":[]`},
		{"PUT", "/people/dev2", `{}`, 400, "none of admin, developer and viewer"},
		{"PUT", "/people/Dev2", `{"role":"viewer"}`, 400, "must begin with a letter"},
		{"PUT", "/people/admin", `{"role":"viewer"}`, 409, "lock yourself out"},
		{"PUT", "/people/dev1", `{`, 400, "cannot be read"},
		{"PUT", "/people/dev1/password", `{"new":"short"}`, 400, "at least 10 characters"},
		{"PUT", "/people/dev1/password", `nonsense`, 400, "cannot be read"},
		{"PUT", "/people/dev9/password", `{"new":"long enough for us"}`, 404, "There is no account"},
		{"PUT", "/people/dev9/grants/web/dev2", `{}`, 404, "There is no account"},
		{"PUT", "/people/dev1/grants/web/*", `{}`, 400, "is no instance"},
		{"PUT", "/people/dev1/grants/web/dev2", `[]`, 400, "cannot be read"},
		{"DELETE", "/people/dev9/grants/web/dev2", ``, 404, "There is no account"},
		{"POST", "/links", `{"person":"dev9"}`, 404, "There is no account"},
		{"POST", "/links", `{"person":"dev1"}`, 201, "/login#"},
		{"DELETE", "/sessions/5f2c0d9b1e77", ``, 404, "There is no session"},
	}
	for _, step := range steps {
		got := ts.do(t, step.method, "/api/v1"+step.path, step.body, boss...)
		if got.status != step.status || !strings.Contains(strings.ReplaceAll(string(got.body), `\"`, `"`), step.says) {
			t.Errorf("%s %s %s is answered %d %s, want %d with %q", step.method, step.path, step.body, got.status, got.body, step.status, step.says)
		}
	}
}

func TestPersonLogsInWithAPasswordAndKeepsTheirOwn(t *testing.T) {
	ts := team(t, nil)
	if _, err := ts.accounts.SetPassword("dev1", "the first password", time.Now()); err != nil {
		t.Fatal(err)
	}
	planted := newSession(t, ts.Server, "dev2")
	got := ts.do(t, "POST", "/api/v1/login", `{"name":"dev1","password":"the first password"}`, "Cookie", ts.cookieName()+"="+planted, "User-Agent", "one\xff"+strings.Repeat("x", 1000))
	if got.status != 204 {
		t.Fatalf("login = %d %s", got.status, got.body)
	}
	id := cookieOf(t, got)
	mine := []string{"Cookie", id.String()}
	if id.Value == planted {
		t.Error("the session that was planted goes on")
	}
	if got := ts.do(t, "GET", "/api/v1/me", "", "Cookie", ts.cookieName()+"="+planted); got.status != 401 {
		t.Errorf("the planted session is answered %d", got.status)
	}
	if got := ts.do(t, "GET", "/api/v1/me", "", mine...); !strings.Contains(string(got.body), `"name":"dev1","role":"developer"`) || !strings.Contains(string(got.body), `"everything":false`) {
		t.Errorf("me = %s", got.body)
	}
	other := newSession(t, ts.Server, "dev1")
	newSession(t, ts.Server, "dev2")
	var sessions struct{ Sessions []sessionView }
	ts.do(t, "GET", "/api/v1/sessions", "", mine...).decode(t, &sessions)
	if n := len(sessions.Sessions); n != 2 || sessions.Sessions[0].Current || !sessions.Sessions[1].Current || sessions.Sessions[1].From != "127.0.0.1" || len(sessions.Sessions[1].Agent) > maxAgentBytes {
		t.Errorf("sessions = %+v, want both of dev1", sessions.Sessions)
	}
	if got := ts.do(t, "DELETE", "/api/v1/sessions/"+sessionID(hashSecret(other)), "", mine...); got.status != 204 {
		t.Errorf("end = %d %s", got.status, got.body)
	}
	if got := ts.do(t, "GET", "/api/v1/me", "", "Cookie", ts.cookieName()+"="+other); got.status != 401 {
		t.Errorf("a session that was ended is answered %d", got.status)
	}

	var made struct{ Secret string }
	got = ts.do(t, "POST", "/api/v1/tokens", `{"scopes":["read"],"label":"script"}`, mine...)
	got.decode(t, &made)
	if got.status != 201 || !strings.Contains(string(got.body), `"owner":"dev1","scopes":["read"]`) {
		t.Errorf("token = %d %s", got.status, got.body)
	}
	reads := []string{"Authorization", "Bearer " + made.Secret}
	if got := ts.do(t, "GET", "/api/v1/count?q=", "", reads...); got.status != 200 {
		t.Errorf("the token counts: %d %s", got.status, got.body)
	}
	if got := ts.do(t, "POST", "/api/v1/tokens", `{"scopes":["read","emperor"]}`, mine...); got.status != 400 || !strings.Contains(got.detail(t), "none of read, control, push, ingest") {
		t.Errorf("an unknown scope = %d %s", got.status, got.body)
	}

	if got := ts.do(t, "PUT", "/api/v1/people/dev1/password", `{"old":"wrong","new":"the second password"}`, mine...); got.status != 403 {
		t.Errorf("without the old password = %d %s", got.status, got.body)
	}
	got = ts.do(t, "PUT", "/api/v1/people/dev1/password", `{"old":"the first password","new":"the second password"}`, mine...)
	if got.status != 204 {
		t.Fatalf("new password = %d %s", got.status, got.body)
	}
	if old := ts.do(t, "GET", "/api/v1/me", "", mine...); old.status != 401 {
		t.Errorf("the session from before is answered %d", old.status)
	}
	if now := ts.do(t, "GET", "/api/v1/me", "", "Cookie", cookieOf(t, got).String()); now.status != 200 {
		t.Errorf("the new session is answered %d", now.status)
	}
}

func TestOwnersOfOldTokensAndSessionsKeepWhatTheyHad(t *testing.T) {
	cfg := testConfig(t, newFakeLogs(0))
	db, err := accounts.OpenFile(filepath.Join(cfg.DataDir, "accounts.db"))
	if err != nil {
		t.Fatal(err)
	}
	err = db.Update(func(tx *bolt.Tx) error {
		old, err := tx.CreateBucket([]byte("tokens"))
		if err != nil {
			return err
		}
		sessions, err := tx.CreateBucket(sessionBucket)
		if err != nil {
			return err
		}
		return errors.Join(
			old.Put(hashSecret("tagtail_boss"), []byte(`{"id":"a1","owner":"boss","role":"admin","label":"","created":"2026-09-01T10:42:31Z"}`)),
			old.Put(hashSecret("tagtail_dev1"), []byte(`{"id":"a2","owner":"dev1","role":"developer","label":"","created":"2026-09-01T10:42:31Z"}`)),
			sessions.Put(hashSecret("before"), []byte(`{"principal":{"name":"admin","role":"admin"},"expires":"2999-01-01T00:00:00Z"}`)))
	})
	if err = errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	s := listenTest(t, cfg)
	for secret, role := range map[string]accounts.Role{"tagtail_boss": accounts.Admin, "tagtail_dev1": accounts.Developer} {
		r := mustRequest(t, "GET", "/")
		r.SetBasicAuth(strings.TrimPrefix(secret, "tagtail_"), secret)
		if p, err := s.authenticateGit(r); err != nil || p.Role != role || !gitUser.allows(p) || reading.allows(p) {
			t.Errorf("%s is of %+v, error %v, want %s", secret, p, err, role)
		}
	}
	r := mustRequest(t, "GET", "/")
	r.Header.Set("Cookie", s.cookieName()+"=before")
	if p, err := s.authenticate(r); err != nil || !administering.allows(p) {
		t.Errorf("the session is of %+v, error %v, want of admin", p, err)
	}
}
