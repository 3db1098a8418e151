package viewer

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/oauth2-proxy/mockoidc"

	"github.com/tagtail/tagtail/viewer/accounts"
	"github.com/tagtail/tagtail/viewer/openid"
	"github.com/tagtail/tagtail/viewer/tokens"
)

// idp is a provider that runs in the test.
type idp struct {
	*mockoidc.MockOIDC
	down atomic.Bool
	keys atomic.Pointer[[]byte] // what JWKS says instead, if anything
}

// user is one that logs in at it, whose token can be changed before it is signed.
type user struct {
	mockoidc.MockUser
	change func(*mockoidc.IDTokenClaims)
}

func (u *user) Claims(scope []string, claims *mockoidc.IDTokenClaims) (jwt.Claims, error) {
	if u.change != nil {
		u.change(claims)
	}
	return u.MockUser.Claims(scope, claims)
}

func newIDP(t *testing.T) *idp {
	t.Helper()
	m, err := mockoidc.NewServer(nil)
	if err != nil {
		t.Fatal(err)
	}
	p := &idp{MockOIDC: m}
	middle := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if p.down.Load() {
				panic(http.ErrAbortHandler)
			}
			if keys := p.keys.Load(); keys != nil && r.URL.Path == mockoidc.JWKSEndpoint {
				w.Write(*keys)
				return
			}
			next.ServeHTTP(w, r)
		})
	}
	if err := m.AddMiddleware(middle); err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Start(listener, nil); err != nil {
		t.Fatal(err)
	}
	m.Server.ErrorLog = log.New(io.Discard, "", 0)
	t.Cleanup(func() {
		if err := m.Server.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

// says makes somebody log in at the next attempt.
func (p *idp) says(subject, name string, groups ...string) *user {
	u := &user{MockUser: mockoidc.MockUser{Subject: subject, PreferredUsername: name, Groups: groups}}
	p.QueueUser(u)
	return u
}

func (p *idp) config() *openid.Config {
	return &openid.Config{
		Issuer: p.Issuer(), ClientID: p.ClientID, ClientSecret: p.ClientSecret, Scopes: []string{"openid", "profile", "groups"}, RoleClaim: "groups",
		Roles: accounts.RoleMap{Values: map[string]accounts.Role{"ops": accounts.Admin, "dev": accounts.Developer, "all": accounts.Viewer}}, Label: "Our team",
	}
}

func startOIDC(t *testing.T) (*testServer, *idp) {
	t.Helper()
	p := newIDP(t)
	logs := newFakeLogs(0)
	cfg := testConfig(t, logs)
	cfg.OIDC = p.config()
	return startConfig(t, cfg, logs), p
}

// webBrowser keeps cookies and follows redirects.
type webBrowser struct {
	t *testing.T
	*http.Client
}

func newBrowser(t *testing.T) *webBrowser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return &webBrowser{t, &http.Client{Jar: jar, Transport: transport}}
}

// open follows all redirects and returns the address and body of where they end.
func (b *webBrowser) open(address string) (at *url.URL, body string) {
	b.t.Helper()
	res := b.send(address)
	return res.Request.URL, readAll(b.t, res)
}

// step returns where the address redirects to.
func (b *webBrowser) step(address string) string {
	b.t.Helper()
	b.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	defer func() { b.CheckRedirect = nil }()
	res := b.send(address)
	body := readAll(b.t, res)
	at, err := res.Location()
	if err != nil {
		b.t.Fatalf("%s: %d without a Location: %.300s", address, res.StatusCode, body)
	}
	return at.String()
}

func (b *webBrowser) status(address string) int {
	b.t.Helper()
	res := b.send(address)
	readAll(b.t, res)
	return res.StatusCode
}

func (b *webBrowser) send(address string) *http.Response {
	b.t.Helper()
	req, err := http.NewRequestWithContext(b.t.Context(), http.MethodGet, address, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	res, err := b.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	return res
}

func readAll(t *testing.T, res *http.Response) string {
	t.Helper()
	defer closeTest(t, res.Body)
	data, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// me is who is logged in, "" if nobody is.
func (b *webBrowser) me(ts *testServer) (name string, role accounts.Role) {
	b.t.Helper()
	_, body := b.open(ts.url + "/api/v1/me")
	var answer struct {
		Name string
		Role accounts.Role
	}
	if err := json.Unmarshal([]byte(body), &answer); err != nil {
		b.t.Fatal(err)
	}
	return answer.Name, answer.Role
}

func (b *webBrowser) cookies(ts *testServer) map[string]string {
	u, err := url.Parse(ts.url)
	if err != nil {
		b.t.Fatal(err)
	}
	all := map[string]string{}
	for _, c := range b.Jar.Cookies(u) {
		all[c.Name] = c.Value
	}
	return all
}

func (b *webBrowser) setCookie(ts *testServer, name, value string) {
	u, err := url.Parse(ts.url)
	if err != nil {
		b.t.Fatal(err)
	}
	b.Jar.SetCookies(u, []*http.Cookie{{Name: name, Value: value, Path: "/"}})
}

func TestTheProviderLogsPeopleIn(t *testing.T) {
	ts, p := startOIDC(t)
	b := newBrowser(t)
	planted := newSession(t, ts.Server, accounts.Reserved) // somebody else has put it there
	b.setCookie(ts, ts.cookieName(), planted)
	p.says("17", "dev1", "dev", "all")
	at, body := b.open(ts.url + "/login/oidc?next=" + url.QueryEscape("/?q=level:err&i=web/dev1#l=7"))
	if at.String() != ts.url+"/?q=level:err&i=web/dev1#l=7" || !strings.Contains(body, "<title>page") {
		t.Errorf("the log-in ends at %s with %s", at, body)
	}
	if name, role := b.me(ts); name != "dev1" || role != accounts.Developer {
		t.Errorf("logged in as %q, %s", name, role)
	}
	id := b.cookies(ts)[ts.cookieName()]
	if _, planted, err := ts.sessions.find(planted, time.Now()); id == "" || planted || err != nil {
		t.Errorf("the session is %q, and the one of before is there: %t, %v", id, planted, err)
	}
	if got, _, err := ts.accounts.Find("dev1"); got.HasPassword || got.Login != (accounts.Login{Provider: p.Issuer(), Subject: "17"}) || err != nil {
		t.Errorf("the account is %+v, %v", got, err)
	}
	// Later they are called something else and are an administrator.
	p.says("17", "dev9", "ops")
	if at, _ := b.open(ts.url + "/login/oidc"); at.String() != ts.url+"/" {
		t.Errorf("the log-in without a page to come back to ends at %s", at)
	}
	if name, role := b.me(ts); name != "dev1" || role != accounts.Admin {
		t.Errorf("logged in again as %q, %s", name, role)
	}
	if b.cookies(ts)[ts.cookieName()] == id {
		t.Error("the session has the id of the one before")
	}
}

func TestWhoHasLostTheGroupLosesTheRights(t *testing.T) {
	p := newIDP(t)
	logs := newFakeLogs(0)
	cfg := testConfig(t, logs)
	cfg.OIDC = p.config()
	var log auditLog
	cfg.Audit = log.add
	ts := startConfig(t, cfg, logs)
	b := newBrowser(t)
	p.says("17", "dev1", "ops")
	b.open(ts.url + "/login/oidc")
	_, token, err := ts.tokens.Add("dev1", tokens.Read, "", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	statuses := func() string {
		return fmt.Sprint(b.status(ts.url+"/api/v1/people"), b.status(ts.url+"/api/v1/me"), ts.do(t, "GET", "/api/v1/me", "", "Authorization", "Bearer "+token).status)
	}
	for _, tt := range []struct{ group, want string }{
		{"ops", "200 200 200"}, {"dev", "403 200 200"}, {"strangers", "401 401 401"},
		{"ops", "401 401 200"}, // the session of before has ended for good
	} {
		p.says("17", "dev1", tt.group)
		newBrowser(t).open(ts.url + "/login/oidc") // elsewhere
		if got := statuses(); got != tt.want {
			t.Errorf("logged in as one of %s, what is open elsewhere is answered by %s, want %s", tt.group, got, tt.want)
		}
	}
	var told []string
	for _, e := range log.take() {
		if e.What == eventPerson {
			told = append(told, e.Person+" "+e.More[0][1]+" "+e.More[1][1])
		}
	}
	want := "dev1 admin false, dev1 developer false, dev1 developer true, dev1 admin false"
	if got := strings.Join(told, ", "); got != want {
		t.Errorf("the audit has %s, want %s", got, want)
	}
}

func TestTheAttemptIsInACookieThatNoPageReads(t *testing.T) {
	ts, p := startOIDC(t)
	got := ts.do(t, "GET", "/login/oidc?next=/lib/notes", "")
	cookie := cookieOf(t, got)
	if !cookie.HttpOnly || cookie.SameSite != http.SameSiteLaxMode || cookie.Secure || cookie.MaxAge != 600 || cookie.Name != ts.attemptCookieName() {
		t.Errorf("cookie = %v, want one of 10 minutes, HttpOnly and Lax", cookie)
	}
	if got.header.Get("Cache-Control") != "no-store" {
		t.Error("the way to the provider may be kept by a cache")
	}
	at, err := url.Parse(got.header.Get("Location"))
	if err != nil {
		t.Fatal(err)
	}
	q := at.Query()
	if at.Host != p.Server.Addr || q.Get("response_type") != "code" || q.Get("code_challenge_method") != "S256" || len(q.Get("code_challenge")) != 43 ||
		len(q.Get("state")) < 26 || len(q.Get("nonce")) < 26 || q.Get("redirect_uri") != ts.url+"/login/oidc/callback" || q.Get("scope") != "openid profile groups" {
		t.Errorf("the provider is asked by %s", at)
	}
	if strings.Contains(cookie.Value, q.Get("state")) || strings.Contains(at.String(), "notes") {
		t.Error("the attempt can be read")
	}
}

func TestWhatIsNotOfThisLogInIsRefused(t *testing.T) {
	ts, p := startOIDC(t)
	must := func(_ accounts.Person, err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	must(ts.accounts.Add("boss", accounts.Admin, time.Now()))
	must(ts.accounts.LogIn(accounts.Claim{Login: accounts.Login{Provider: p.Issuer(), Subject: "13"}, Name: "gone", Role: accounts.Developer}, time.Now()))
	must(ts.accounts.Disable("gone", true, time.Now()))
	// with changes the address that the provider leads back to.
	with := func(address string, change func(url.Values)) string {
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		q := u.Query()
		change(q)
		u.RawQuery = q.Encode()
		return u.String()
	}
	// back is that address.
	back := func(b *webBrowser) string { return b.step(b.step(ts.url + "/login/oidc?next=/export")) }
	claims := func(change func(*mockoidc.IDTokenClaims)) func(*webBrowser) string {
		return func(b *webBrowser) string {
			p.says("17", "dev1", "dev").change = change
			return back(b)
		}
	}
	for name, tt := range map[string]struct {
		begin func(b *webBrowser) (callback string)
		want  trouble
	}{
		"a wrong state": {func(b *webBrowser) string {
			return with(back(b), func(q url.Values) { q.Set("state", "another") })
		}, troubleState},
		"no state": {func(b *webBrowser) string { return with(back(b), func(q url.Values) { q.Del("state") }) }, troubleState},
		"the state of another browser": {func(b *webBrowser) string {
			b.step(ts.url + "/login/oidc")
			return back(newBrowser(t))
		}, troubleState},
		"no attempt": {func(*webBrowser) string { return back(newBrowser(t)) }, troubleState},
		"an attempt that is not ours": {func(b *webBrowser) string {
			address := back(b)
			b.setCookie(ts, ts.attemptCookieName(), b.cookies(ts)[ts.attemptCookieName()]+"AA")
			return address
		}, troubleState},
		"another issuer": {func(b *webBrowser) string {
			return with(back(b), func(q url.Values) { q.Set("iss", "https://evil.example.org") })
		}, troubleState},
		"a replay": {func(b *webBrowser) string {
			p.says("17", "dev1", "dev")
			address := back(b)
			b.step(address)
			b.setCookie(ts, ts.cookieName(), "")
			return address
		}, troubleState},
		"a replay with the cookie": {func(b *webBrowser) string {
			p.says("17", "dev1", "dev")
			address := back(b)
			attempt := b.cookies(ts)[ts.attemptCookieName()]
			b.step(address)
			b.setCookie(ts, ts.cookieName(), "")
			b.setCookie(ts, ts.attemptCookieName(), attempt)
			return address
		}, troubleState},
		"a code that was used": {func(b *webBrowser) string {
			p.says("17", "dev1", "dev")
			other := newBrowser(t)
			used := back(other)
			other.step(used)
			return with(back(b), func(q url.Values) { q.Set("code", codeOf(used)) })
		}, troubleRefused},
		"a code of another attempt": {func(b *webBrowser) string {
			p.says("17", "dev1", "dev")
			others := back(newBrowser(t))
			return with(back(b), func(q url.Values) { q.Set("code", codeOf(others)) })
		}, troubleRefused},
		"no code": {func(b *webBrowser) string { return with(back(b), func(q url.Values) { q.Del("code") }) }, troubleRefused},
		"a refusal": {func(b *webBrowser) string {
			return with(back(b), func(q url.Values) { q.Set("error", "access_denied"); q.Set("error_description", "evil text") })
		}, troubleRefused},
		"a wrong nonce":  {claims(func(c *mockoidc.IDTokenClaims) { c.Nonce = "another" }), troubleToken},
		"no nonce":       {claims(func(c *mockoidc.IDTokenClaims) { c.Nonce = "" }), troubleToken},
		"an audience":    {claims(func(c *mockoidc.IDTokenClaims) { c.Audience = jwt.ClaimStrings{"another"} }), troubleToken},
		"an old token":   {claims(func(c *mockoidc.IDTokenClaims) { c.ExpiresAt = jwt.NewNumericDate(time.Now().Add(-time.Minute)) }), troubleToken},
		"a wrong issuer": {claims(func(c *mockoidc.IDTokenClaims) { c.Issuer = "https://evil.example.org" }), troubleToken},
		"no subject":     {claims(func(c *mockoidc.IDTokenClaims) { c.Subject = "" }), troubleName},
		"an unmapped role": {func(b *webBrowser) string {
			p.says("17", "dev1", "strangers")
			return back(b)
		}, troubleRole},
		"a disabled person": {func(b *webBrowser) string {
			p.says("13", "gone", "dev")
			return back(b)
		}, troubleDisabled},
		"the name of a local person": {func(b *webBrowser) string {
			p.says("14", "boss", "dev")
			return back(b)
		}, troubleLink},
		"a name that nobody can have": {func(b *webBrowser) string {
			p.says("14", "Jane Doe", "dev")
			return back(b)
		}, troubleName},
		"the name of the administrator's token": {func(b *webBrowser) string {
			p.says("14", "admin", "ops")
			return back(b)
		}, troubleName},
	} {
		t.Run(name, func(t *testing.T) {
			ts.failures.forget("127.0.0.1")
			b := newBrowser(t)
			at, err := url.Parse(b.step(tt.begin(b)))
			if err != nil {
				t.Fatal(err)
			}
			if got := trouble(at.Query().Get("trouble")); at.Path != "/login" || got != tt.want || strings.Contains(at.String(), "evil") {
				t.Errorf("the log-in ends at %s, want the trouble %s", at, tt.want)
			}
			if next := at.Query().Get("next"); next != "" && next != "/export" {
				t.Errorf("the page to open is %q", next)
			}
			if name, _ := b.me(ts); name != "" {
				t.Errorf("it logs %s in", name)
			}
			if b.cookies(ts)[ts.attemptCookieName()] != "" {
				t.Error("the attempt is still in its cookie")
			}
		})
	}
}

// codeOf is the code of an address that the provider leads back to.
func codeOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Query().Get("code")
}

func TestATokenSignedByAnotherKeyIsRefused(t *testing.T) {
	ts, p := startOIDC(t)
	jwks, err := p.Keypair.JWKS()
	if err != nil {
		t.Fatal(err)
	}
	p.keys.Store(&jwks)
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	p.Keypair = &mockoidc.Keypair{PrivateKey: key, PublicKey: &key.PublicKey, Kid: p.Keypair.Kid}
	p.says("17", "dev1", "dev")
	b := newBrowser(t)
	if at, _ := b.open(ts.url + "/login/oidc"); at.Query().Get("trouble") != string(troubleToken) {
		t.Errorf("the log-in ends at %s", at)
	}
	if name, _ := b.me(ts); name != "" {
		t.Errorf("it logs %s in", name)
	}
}

func TestALinkedAccountIsThePersonOfTheProvider(t *testing.T) {
	ts, p := startOIDC(t)
	if _, err := ts.accounts.Add("boss", accounts.Viewer, time.Now()); err != nil {
		t.Fatal(err)
	}
	got := ts.do(t, "PUT", "/api/v1/people/boss", `{"login":{"subject":"14"}}`, "Authorization", "Bearer "+adminToken)
	if got.status != 200 || !strings.Contains(string(got.body), p.Issuer()) {
		t.Fatalf("link = %d %s", got.status, got.body)
	}
	p.says("14", "jane.doe", "ops")
	b := newBrowser(t)
	b.open(ts.url + "/login/oidc")
	if name, role := b.me(ts); name != "boss" || role != accounts.Admin {
		t.Errorf("logged in as %q, %s, want boss, admin", name, role)
	}
	for body, status := range map[string]int{`{"login":{"subject":""}}`: 400, `{"login":{"provider":"https://other.example.org","subject":"14"}}`: 200} {
		if got := ts.do(t, "PUT", "/api/v1/people/boss", body, "Authorization", "Bearer "+adminToken); got.status != status {
			t.Errorf("%s = %d %s, want %d", body, got.status, got.body, status)
		}
	}
}

func TestAProviderThatIsDownStopsNothingElse(t *testing.T) {
	p := newIDP(t)
	p.down.Store(true)
	logs := newFakeLogs(0)
	cfg := testConfig(t, logs)
	cfg.OIDC = p.config()
	ts := startConfig(t, cfg, logs)
	if _, err := ts.accounts.Add("dev1", accounts.Developer, time.Now()); err != nil {
		t.Fatal(err)
	}
	if _, err := ts.accounts.SetPassword("dev1", "the right password", time.Now()); err != nil {
		t.Fatal(err)
	}
	b := newBrowser(t)
	at, _ := b.open(ts.url + "/login/oidc?next=/export")
	if at.Path != "/login" || at.RawQuery != "next=%2Fexport&trouble=oidc-down" {
		t.Errorf("the log-in ends at %s", at)
	}
	if got := ts.post(t, "/api/v1/login", `{"name":"dev1","password":"the right password"}`); got.status != 204 {
		t.Errorf("login by password = %d %s", got.status, got.body)
	}
	p.down.Store(false)
	p.says("17", "dev7", "dev")
	back := b.step(b.step(ts.url + "/login/oidc"))
	p.down.Store(true)
	if at := b.step(back); !strings.HasSuffix(at, "/login?trouble=oidc-down") {
		t.Errorf("the code of a provider that is down leads to %s", at)
	}
	for range freeFailures + 1 { // which make nobody wait who has a password
		p.down.Store(false)
		back := b.step(b.step(ts.url + "/login/oidc"))
		p.down.Store(true)
		b.step(back)
	}
	if got := ts.post(t, "/api/v1/login", `{"name":"dev1","password":"the right password"}`); got.status != 204 {
		t.Errorf("login by password after those = %d %s", got.status, got.body)
	}
	p.down.Store(false)
	p.says("17", "dev7", "dev")
	b.open(ts.url + "/login/oidc")
	if name, _ := b.me(ts); name != "dev7" {
		t.Errorf("logged in as %q once the provider is up", name)
	}
}

func TestWhoFailsAtTheProviderHasToWait(t *testing.T) {
	ts, p := startOIDC(t)
	for range freeFailures {
		p.says("17", "dev1", "strangers")
		newBrowser(t).open(ts.url + "/login/oidc")
	}
	p.says("17", "dev1", "dev")
	if at, _ := newBrowser(t).open(ts.url + "/login/oidc"); at.Query().Get("trouble") != string(troubleWait) {
		t.Errorf("the log-in ends at %s", at)
	}
}

func TestThePageToComeBackToIsOurs(t *testing.T) {
	ts, p := startOIDC(t)
	for next, want := range map[string]string{
		"": "", "/": "/", "/?q=x#l=1": "/?q=x#l=1", "/lib/": "/lib/", `/?q=a\b`: `/?q=a\b`, "/lib/a/b.md": "/lib/a/b.md", "/export?q=%2F%2Fx": "/export?q=%2F%2Fx",
		"//evil.example.org": "", "https://evil.example.org/": "", `/\evil.example.org`: "", `\\evil.example.org`: "", "/%5cevil": "", "/lib/../../../evil": "",
		"/lib/%2e%2e/%2E%2E/evil": "", "javascript:alert(1)": "", "evil": "", "?q=x": "", "/lib//evil": "", "/lib/..": "", "/evil": "", "/api/v1/me": "", "/login": "",
		"/lib/\t/evil.example.org": "", "/\n/evil.example.org": "", "///evil.example.org": "", "/lib/" + strings.Repeat("a", maxNextBytes): "",
		"/lib/a%5c..%5c..": "", `/lib/\evil`: "", "/.//evil.example.org": "", "http:/lib/x": "", "//user@/lib/x": "",
	} {
		if got := ts.ours(next); got != want {
			t.Errorf("ours(%q) = %q, want %q", next, got, want)
		}
	}
	for _, next := range []string{"//evil.example.org", "https://evil.example.org", `/\evil.example.org`} {
		p.says("17", "dev1", "dev")
		b := newBrowser(t)
		if at := b.step(b.step(b.step(ts.url + "/login/oidc?next=" + url.QueryEscape(next)))); at != ts.url+"/" {
			t.Errorf("next=%s leads to %s", next, at)
		}
	}
}

func TestTheProviderLogsPeopleInBelowABasePath(t *testing.T) {
	var target atomic.Pointer[url.URL]
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.StripPrefix("/logs", httputil.NewSingleHostReverseProxy(target.Load())).ServeHTTP(w, r)
	}))
	defer front.Close()
	p := newIDP(t)
	logs := newFakeLogs(0)
	cfg := testConfig(t, logs)
	cfg.OIDC, cfg.URL = p.config(), front.URL+"/logs/"
	ts := startConfig(t, cfg, logs)
	u, err := url.Parse(ts.url)
	if err != nil {
		t.Fatal(err)
	}
	target.Store(u)
	p.says("17", "dev1", "dev")
	b := newBrowser(t)
	if at, body := b.open(front.URL + "/logs/login/oidc?next=" + url.QueryEscape("/?q=x")); at.String() != front.URL+"/logs/?q=x" || !strings.Contains(body, "<title>page") {
		t.Errorf("the log-in ends at %s with %s", at, body)
	}
	if at, _ := newBrowser(t).open(front.URL + "/logs/login/oidc/callback?state=x&code=y"); at.String() != front.URL+"/logs/login?trouble=oidc-state" {
		t.Errorf("trouble ends at %s", at)
	}
}

func TestTheLoginPageKnowsWhetherThereIsAProvider(t *testing.T) {
	ts, p := startOIDC(t)
	if got := ts.do(t, "GET", "/api/v1/login", ""); got.status != 200 || string(got.body) != `{"oidc":{"label":"Our team"}}` {
		t.Errorf("the ways are %d %s", got.status, got.body)
	}
	without := startTest(t, 0)
	if got := without.do(t, "GET", "/api/v1/login", ""); got.status != 200 || string(got.body) != `{}` {
		t.Errorf("the ways are %d %s", got.status, got.body)
	}
	for _, path := range []string{"/login/oidc", "/login/oidc/callback"} {
		if got := without.do(t, "GET", path, ""); got.status != 404 || got.detail(t) != "Nobody logs in by OpenID Connect here: the configuration has no oidc." {
			t.Errorf("%s = %d %s", path, got.status, got.body)
		}
	}
	cfg := testConfig(t, newFakeLogs(0))
	cfg.OIDC = p.config()
	cfg.OIDC.ClientID = ""
	if s, err := Listen(cfg); err == nil {
		t.Errorf("Listen accepts a provider without a client_id: %v", s.Close())
	}
}

func TestAttemptsEnd(t *testing.T) {
	made := func() *attempts {
		a, err := newAttempts()
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	all := made()
	a := attempt{openid.Attempt{State: "s", Nonce: "n", Verifier: "v"}, "/lib/", someTime.Add(attemptLife)}
	sealed, err := all.seal(a)
	if err != nil {
		t.Fatal(err)
	}
	if got, ok := all.open(sealed, someTime.Add(attemptLife-time.Second)); !ok || got != a {
		t.Errorf("the attempt is %+v, %t", got, ok)
	}
	if _, ok := all.open(sealed, someTime.Add(attemptLife)); ok {
		t.Error("an attempt counts after its time")
	}
	if _, ok := made().open(sealed, someTime); ok {
		t.Error("an attempt counts after a restart")
	}
	for _, bad := range []string{"", "AAAA", sealed[1:], strings.ToLower(sealed), sealed + "="} {
		if _, ok := all.open(bad, someTime); ok {
			t.Errorf("%q counts", bad)
		}
	}
	if first, second := all.use(a, someTime), all.use(a, someTime); !first || second {
		t.Errorf("an attempt is used: %t, %t", first, second)
	}
	for range maxUsed + 10 {
		all.use(attempt{Attempt: openid.Attempt{State: rand.Text()}, Expires: someTime.Add(attemptLife)}, someTime)
	}
	if len(all.used) > maxUsed {
		t.Errorf("%d attempts are remembered", len(all.used))
	}
	all.use(attempt{Attempt: openid.Attempt{State: "late"}}, someTime.Add(attemptLife))
	if len(all.used) > 2 {
		t.Errorf("%d attempts are remembered that have expired", len(all.used))
	}
}
