package viewer

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tagtail/tagtail/viewer/accounts"
	"github.com/tagtail/tagtail/viewer/tokens"
)

func (ts *testServer) logIn(t *testing.T, token string) answerOf {
	t.Helper()
	return ts.do(t, "POST", "/api/v1/login", `{"token":"`+token+`"}`, "Content-Type", "application/json")
}

func cookieOf(t *testing.T, a answerOf) *http.Cookie {
	t.Helper()
	cookies := (&http.Response{Header: a.header}).Cookies()
	if len(cookies) != 1 {
		t.Fatalf("%d cookies, want 1, in %d %s", len(cookies), a.status, a.body)
	}
	return cookies[0]
}

func TestLoginLinkWorksOnce(t *testing.T) {
	ts := startTest(t, 0)
	link, err := ts.LoginLink()
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(link)
	if err != nil || u.Scheme != "http" || u.Host != ts.Addr().String() || u.Path != "/login" || len(u.Fragment) != 43 {
		t.Fatalf("link = %s, want http://%s/login#TOKEN", link, ts.Addr())
	}
	first := ts.logIn(t, u.Fragment)
	cookie := cookieOf(t, first)
	if first.status != 204 || !cookie.HttpOnly || cookie.SameSite != http.SameSiteLaxMode || cookie.Secure || cookie.Path != "/" || cookie.MaxAge != 30*24*3600 {
		t.Errorf("login = %d with %v, want 204 with HttpOnly, Lax, 30 days", first.status, cookie)
	}
	second := ts.logIn(t, u.Fragment)
	if second.status != 401 || second.header.Get("Set-Cookie") != "" {
		t.Errorf("second login = %d, want 401 without a cookie", second.status)
	}
	got := ts.do(t, "GET", "/api/v1/me", "", "Cookie", cookie.String())
	var me object
	got.decode(t, &me)
	want := object{"name": "admin", "role": "admin", "has_account": false, "has_password": false, "scopes": []any{"read", "control", "push", "ingest"}, "everything": true, "version": "1.2.3", "zone": "UTC"}
	if diff := cmp.Diff(want, me); diff != "" {
		t.Errorf("me (-want +got):\n%s", diff)
	}
}

func TestLoginFailuresAllSoundTheSame(t *testing.T) {
	ts := startTest(t, 0)
	used, err := ts.links.add(accounts.Reserved, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	ts.links.use(used, time.Now())
	expired, err := ts.links.add(accounts.Reserved, time.Now().Add(-linkLife))
	if err != nil {
		t.Fatal(err)
	}
	push := newPerson(t, ts.Server, "dev1", accounts.Developer, tokens.AllScopes)
	newPerson(t, ts.Server, "gone", accounts.Developer, tokens.Push)
	for _, name := range []string{"dev1", "gone"} {
		if _, err := ts.accounts.SetPassword(name, "the right password", time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := ts.accounts.Disable("gone", true, time.Now()); err != nil {
		t.Fatal(err)
	}
	linkOfGone, err := ts.links.add("gone", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	const want = "The name, the password or the token is not valid, or the link was used before: try again, or ask for a new login link."
	for _, body := range []string{
		`{}`, `{"token":"x"}`, `{"token":"` + used + `"}`, `{"token":"` + expired + `"}`, `{"token":"` + push + `"}`, `{"token":"` + linkOfGone + `"}`,
		`{"name":"dev1","password":"wrong"}`, `{"name":"dev1"}`, `{"name":"nobody","password":"the right password"}`,
		`{"name":"gone","password":"the right password"}`, `{"name":"admin","password":"` + adminToken + `"}`,
	} {
		ts.failures.forget("127.0.0.1")
		if got := ts.post(t, "/api/v1/login", body); got.status != 401 || got.detail(t) != want || got.header.Get("Set-Cookie") != "" {
			t.Errorf("login with %s = %d %s, want 401 %s", body, got.status, got.body, want)
		}
	}
	ts.failures.forget("127.0.0.1")
	for _, body := range []string{"", "token=x", `{"token":1}`, "[]"} {
		if got := ts.post(t, "/api/v1/login", body); got.status != 400 {
			t.Errorf("login with body %q = %d, want 400", body, got.status)
		}
	}
}

func TestLoginIsRateLimited(t *testing.T) {
	ts := startTest(t, 0)
	for i := range freeFailures {
		if got := ts.logIn(t, "wrong"); got.status != 401 {
			t.Fatalf("failure %d = %d, want 401", i, got.status)
		}
	}
	got := ts.logIn(t, adminToken)
	if got.status != 429 || got.header.Get("Retry-After") != "1" {
		t.Errorf("login after %d failures = %d, retry after %q, want 429 and 1 s", freeFailures, got.status, got.header.Get("Retry-After"))
	}
	got.detail(t)
	if got := ts.get(t, "/api/v1/me"); got.status != 200 {
		t.Errorf("who is in already gets %d, want 200", got.status)
	}
}

func TestFailuresBackOff(t *testing.T) {
	var f failures
	now := someTime
	var waits []time.Duration
	for range 14 {
		f.add("a", now)
		wait := f.wait("a", now)
		waits = append(waits, wait/time.Second)
		now = now.Add(wait)
	}
	if diff := cmp.Diff([]time.Duration{0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60, 60}, waits); diff != "" {
		t.Errorf("seconds to wait (-want +got):\n%s", diff)
	}
	if got := f.wait("b", now); got != 0 {
		t.Errorf("another client waits %v", got)
	}
	f.forget("a")
	f.add("a", now)
	if got := f.wait("a", now); got != 0 {
		t.Errorf("after a success one failure costs %v", got)
	}
}

func TestFailuresAreBounded(t *testing.T) {
	var f failures
	for i := range maxClients + 100 {
		f.add(fmt.Sprint("client", i), someTime)
	}
	if got := len(f.client); got > maxClients+1 {
		t.Errorf("%d clients are remembered, want up to %d", got, maxClients+1)
	}
	if got := f.wait("a newcomer", someTime); got == 0 {
		t.Error("newcomers are not limited once the memory is full")
	}
	later := someTime.Add(3 * maxWait)
	f.add("one more", later)
	if got := len(f.client); got != 1 {
		t.Errorf("%d clients are remembered after a quiet time, want 1", got)
	}
}

func TestClientOf(t *testing.T) {
	for addr, want := range map[string]string{
		"192.0.2.7:4711": "192.0.2.7", "[2001:db8:1:2:3::9]:80": "2001:db8:1:2::/64",
		"[fe80::1%eth0]:80": "fe80::/64", "[::ffff:192.0.2.7]:1": "::ffff:192.0.2.7", "pipe": "pipe",
	} {
		if got := clientOf(&http.Request{RemoteAddr: addr}); got != want {
			t.Errorf("clientOf(%s) = %s, want %s", addr, got, want)
		}
	}
}

func TestLoginLinksAreBounded(t *testing.T) {
	var l loginLinks
	first, err := l.add("dev1", someTime)
	if err != nil {
		t.Fatal(err)
	}
	var last string
	for i := range maxLinks {
		if last, err = l.add("dev1", someTime.Add(time.Duration(i+1)*time.Second)); err != nil {
			t.Fatal(err)
		}
	}
	if _, ok := l.use(first, someTime); ok {
		t.Error("the oldest link is still valid past the limit")
	}
	if person, ok := l.use(last, someTime); !ok || person != "dev1" {
		t.Errorf("the newest link is of %q, valid %t", person, ok)
	}
}

func TestSessionSurvivesARestart(t *testing.T) {
	logs := newFakeLogs(0)
	cfg := testConfig(t, logs)
	s := listenTest(t, cfg)
	id := newSession(t, s, accounts.Reserved)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	again := listenTest(t, cfg)
	r := mustRequest(t, "GET", "/")
	r.Header.Set("Cookie", again.cookieName()+"="+id)
	if p, err := again.authenticate(r); err != nil || p.Name != "admin" || !administering.allows(p) {
		t.Errorf("after a restart the session is of %v, %v, want of admin", p, err)
	}
	file, err := os.ReadFile(filepath.Join(cfg.DataDir, "accounts.db"))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(file), id) {
		t.Error("the file holds a session id that can be used")
	}
	if info, err := os.Stat(filepath.Join(cfg.DataDir, "accounts.db")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file has mode %v, %v, want 0600", info.Mode(), err)
	}
}

func TestSessionsExpireAndAreRemoved(t *testing.T) {
	s := listenTest(t, testConfig(t, newFakeLogs(0)))
	id, err := s.sessions.add(accounts.Reserved, "", "", someTime)
	if err != nil {
		t.Fatal(err)
	}
	for after, want := range map[time.Duration]bool{0: true, sessionLife - time.Second: true, sessionLife: false} {
		if _, ok, err := s.sessions.find(id, someTime.Add(after)); ok != want || err != nil {
			t.Errorf("session after %v: %v, %v, want %v", after, ok, err, want)
		}
	}
	if _, err := s.sessions.add(accounts.Reserved, "", "", someTime.Add(sessionLife)); err != nil {
		t.Fatal(err)
	}
	if _, ok, err := s.sessions.find(id, someTime); ok || err != nil {
		t.Errorf("an expired session is kept: %v, %v", ok, err)
	}
}

func TestLogoutEndsTheSession(t *testing.T) {
	ts := startTest(t, 0)
	cookie := cookieOf(t, ts.logIn(t, adminToken))
	got := ts.do(t, "POST", "/api/v1/logout", "", "Cookie", cookie.String())
	if removed := cookieOf(t, got); got.status != 204 || removed.MaxAge >= 0 {
		t.Errorf("logout = %d with %v, want 204 and the cookie removed", got.status, removed)
	}
	if got := ts.do(t, "GET", "/api/v1/me", "", "Cookie", cookie.String()); got.status != 401 {
		t.Errorf("after logout the session gets %d, want 401", got.status)
	}
	if got := ts.do(t, "POST", "/api/v1/logout", ""); got.status != 204 {
		t.Errorf("logout of nobody = %d, want 204", got.status)
	}
}

func TestALinkMadeForAColleagueLogsInOnce(t *testing.T) {
	ts := startTest(t, 0)
	got := ts.post(t, "/api/v1/links", "")
	if got.status != 201 {
		t.Fatalf("status = %d, want 201", got.status)
	}
	var made struct{ Link string }
	if err := json.Unmarshal(got.body, &made); err != nil {
		t.Fatal(err)
	}
	_, token, _ := strings.Cut(made.Link, "/login#")
	for _, want := range []int{204, 401} {
		if got := ts.do(t, "POST", "/api/v1/login", `{"token":"`+token+`"}`); got.status != want {
			t.Errorf("login by %q = %d, want %d", made.Link, got.status, want)
		}
	}
}

func TestSessionCookieIsSecureUnderTLS(t *testing.T) {
	r := mustRequest(t, "POST", "/api/v1/login")
	r.TLS = &tls.ConnectionState{}
	w := httptest.NewRecorder()
	listenTest(t, testConfig(t, newFakeLogs(0))).setSessionCookie(w, r, "id")
	if got := w.Result().Cookies()[0]; !got.Secure {
		t.Errorf("cookie = %v, want it secure", got)
	}
}

func TestWithoutAdminTokenNoTokenIsValid(t *testing.T) {
	cfg := testConfig(t, newFakeLogs(0))
	cfg.AdminToken = ""
	s := listenTest(t, cfg)
	for _, header := range []string{"Bearer ", "Bearer", "Bearer x"} {
		r := mustRequest(t, "GET", "/").WithContext(context.Background())
		r.Header.Set("Authorization", header)
		if p, err := s.authenticate(r); err == nil || p.known() {
			t.Errorf("%q is %v, %v, want nobody", header, p, err)
		}
	}
}
