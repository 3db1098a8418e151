package viewer

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tagtail/tagtail/index"
	"github.com/tagtail/tagtail/viewer/accounts"
	"github.com/tagtail/tagtail/viewer/tokens"
)

func TestEveryRouteAsksForCredentials(t *testing.T) {
	ts := startTest(t, 1)
	live := newSession(t, ts.Server, accounts.Reserved)
	expired, err := ts.sessions.add(accounts.Reserved, "", "", time.Now().Add(-sessionLife))
	if err != nil {
		t.Fatal(err)
	}
	callers := map[string]struct {
		header []string
		known  bool
	}{
		"nobody":          {nil, false},
		"bad token":       {[]string{"Authorization", "Bearer correct-horse-battery-stapler"}, false},
		"empty token":     {[]string{"Authorization", "Bearer "}, false},
		"other scheme":    {[]string{"Authorization", "Basic " + adminToken}, false},
		"admin token":     {[]string{"Authorization", "Bearer " + adminToken}, true},
		"session":         {[]string{"Cookie", ts.cookieName() + "=" + live}, true},
		"expired session": {[]string{"Cookie", ts.cookieName() + "=" + expired}, false},
		"made-up session": {[]string{"Cookie", ts.cookieName() + "=" + strings.Repeat("A", 43)}, false},
		"empty session":   {[]string{"Cookie", ts.cookieName() + "="}, false},
		"bad token beside a session": {[]string{
			"Authorization", "Bearer nonsense", "Cookie", ts.cookieName() + "=" + live}, false},
	}
	fill := strings.NewReplacer(":service", "socketserver", ":owner", "dev1", ":action", "reload", ":id", "job1", ":order", "deploy", ":number", "1", ":seq", "1", "*", "js/app.js")
	for _, r := range ts.routes() {
		if r.path == "/api/v1/logout" || r.access == gitUser {
			continue // would end the session that the others use; TestGit… ask for the others
		}
		for name, caller := range callers {
			t.Run(r.method+" "+r.path+" by "+name, func(t *testing.T) {
				ts.failures.forget("127.0.0.1")
				got := ts.do(t, r.method, fill.Replace(r.path), "", caller.header...)
				switch {
				case r.access == anyone || caller.known:
					toPage := strings.HasPrefix(strings.TrimLeft(got.header.Get("Location"), "./"), "?")
					if got.status == 401 || got.status == 303 && !toPage {
						t.Errorf("status = %d, want to be let in", got.status)
					}
				case r.access == page:
					if got.status != 303 || !strings.HasPrefix(strings.TrimLeft(got.header.Get("Location"), "./"), "login") {
						t.Errorf("status = %d to %q, want 303 to login", got.status, got.header.Get("Location"))
					}
				default:
					if got.status != 401 || got.header.Get("WWW-Authenticate") == "" {
						t.Errorf("status = %d, want 401 with a challenge", got.status)
					}
					got.detail(t)
				}
			})
		}
	}
}

func TestZeroAccessPrincipalAndScopeAllowNothing(t *testing.T) {
	if nobody.allows(admin()) {
		t.Error("a route without access lets an admin in")
	}
	for a := nobody; a <= gitUser; a++ {
		if a == anyone {
			continue
		}
		someone := principal{Name: "x", Role: "looker", scopes: tokens.AllScopes, present: true, team: true}
		if a.allows(principal{}) || a.allows(someone) || a.allows(principal{Role: accounts.Admin, scopes: tokens.AllScopes, present: true}) {
			t.Errorf("access %d lets somebody without a known role in", a)
		}
	}
	var p principal
	if p.mayAct("socketserver/dev1") || p.scope().holds("socketserver/dev1") || p.scope().holds(index.Unassigned) {
		t.Error("the zero principal may act or see")
	}
	if sc := (scope{instances: []string{"a/b"}}); !sc.holds("a/b") || sc.holds("a/c") {
		t.Error("a scope does not hold exactly its instances")
	}
}

func TestPageSendsToLoginAndBack(t *testing.T) {
	ts := startTest(t, 0)
	got := ts.do(t, "GET", "/?q=a+b&live=1", "")
	if want := "login?next=%2F%3Fq%3Da%2Bb%26live%3D1"; got.header.Get("Location") != want {
		t.Errorf("location = %q, want %q", got.header.Get("Location"), want)
	}
	got = ts.do(t, "GET", "/lib/api/index.html", "")
	if want := "../../login?next=%2Flib%2Fapi%2Findex.html"; got.header.Get("Location") != want {
		t.Errorf("location = %q, want %q", got.header.Get("Location"), want)
	}
	if got := ts.get(t, "/"); got.status != http.StatusOK || !strings.Contains(string(got.body), "page") {
		t.Errorf("page = %d %s", got.status, got.body)
	}
}
