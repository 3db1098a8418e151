package viewer

import (
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/tagtail/tagtail/viewer/accounts"
	"github.com/tagtail/tagtail/viewer/tokens"
)

// startBehind serves behind a proxy that says in Remote-User who asks.
func startBehind(t *testing.T, proxy string, role accounts.Role) *testServer {
	t.Helper()
	logs := newFakeLogs(0)
	cfg := testConfig(t, logs)
	cfg.Proxies = []netip.Prefix{netip.MustParsePrefix(proxy)}
	cfg.ProxyLogin = &ProxyLogin{Header: "Remote-User", Role: role}
	return startConfig(t, cfg, logs)
}

func TestAProxySaysWhoAsks(t *testing.T) {
	ts := startBehind(t, "127.0.0.1/32", accounts.Developer)
	for _, name := range []string{"dev1", "gone"} {
		if _, err := ts.accounts.Add(name, accounts.Viewer, time.Now()); err != nil {
			t.Fatal(err)
		}
		if _, err := ts.accounts.Link(name, accounts.Login{Provider: ProxyProvider, Subject: name + "@example.org"}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := ts.accounts.Disable("gone", true, time.Now()); err != nil {
		t.Fatal(err)
	}
	token := newPerson(t, ts.Server, "tool", accounts.Developer, tokens.Read)
	cookie := ts.cookieName() + "=" + newSession(t, ts.Server, "tool")
	for name, tt := range map[string]struct {
		header []string
		status int
		want   string
	}{
		"somebody new":                     {[]string{"Remote-User", "newcomer"}, 200, `"name":"newcomer","role":"developer"`},
		"the same again":                   {[]string{"Remote-User", "newcomer"}, 200, `"name":"newcomer"`},
		"who is linked":                    {[]string{"Remote-User", "dev1@example.org"}, 200, `"name":"dev1","role":"viewer"`},
		"an account's name is no proof":    {[]string{"Remote-User", "dev1"}, 403, "whom Tagtail does not let in"},
		"the administrator of the start":   {[]string{"Remote-User", "admin"}, 403, "whom Tagtail does not let in"},
		"disabled":                         {[]string{"Remote-User", "gone@example.org"}, 403, "whom Tagtail does not let in"},
		"nobody":                           {nil, 401, "not logged in"},
		"nothing":                          {[]string{"Remote-User", ""}, 401, "not logged in"},
		"two at once":                      {[]string{"Remote-User", "dev1", "remote-user", "boss"}, 400, "2 headers Remote-User"},
		"no name":                          {[]string{"Remote-User", "a b/c"}, 403, "whom Tagtail does not let in"},
		"longer than any":                  {[]string{"Remote-User", strings.Repeat("x", 4000)}, 403, "whom Tagtail does not let in"},
		"another header":                   {[]string{"X-Remote-User", "newcomer"}, 401, "not logged in"},
		"more than a cookie":               {[]string{"Remote-User", "newcomer", "Cookie", cookie}, 200, `"name":"newcomer"`},
		"less than a token":                {[]string{"Remote-User", "newcomer", "Authorization", "Bearer " + token}, 200, `"name":"tool"`},
		"a cookie where it says nothing":   {[]string{"Cookie", cookie}, 200, `"name":"tool"`},
		"from another client of the proxy": {[]string{"Remote-User", "newcomer", "X-Forwarded-For", "203.0.113.7"}, 200, `"name":"newcomer"`},
	} {
		t.Run(name, func(t *testing.T) {
			req, err := http.NewRequest("GET", ts.url+"/api/v1/me", nil)
			if err != nil {
				t.Fatal(err)
			}
			for i := 0; i < len(tt.header); i += 2 {
				req.Header.Add(tt.header[i], tt.header[i+1])
			}
			res, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			if got := readAll(t, res); res.StatusCode != tt.status || !strings.Contains(got, tt.want) {
				t.Errorf("%d %s, want %d with %q", res.StatusCode, got, tt.status, tt.want)
			}
		})
	}
	if p, found, err := ts.accounts.Find("admin"); err != nil || found {
		t.Errorf("there is an account %+v, %v", p, err)
	}
	got := ts.do(t, "GET", "/", "", "Remote-User", "gone@example.org")
	if to := got.header.Get("Location"); got.status != 303 || to != "login?trouble=oidc-disabled" {
		t.Errorf("the page is %d to %s, want the login page, which says why", got.status, to)
	}
	// The proxy's own session goes along with whatever a browser is made to send.
	got = ts.do(t, "POST", "/api/v1/links", "", "Remote-User", "newcomer", "Sec-Fetch-Site", "cross-site")
	if got.status != 403 || !strings.Contains(got.detail(t), otherSite) {
		t.Errorf("another site's request is %d %s", got.status, got.body)
	}
	if _, res, err := ts.dial(t, "/api/v1/tail", "Remote-User", "newcomer", "Origin", "https://evil.example"); err == nil || res == nil || res.StatusCode != 403 {
		t.Errorf("another site's WebSocket: %v %v", res, err)
	}
	if _, _, err := ts.dial(t, "/api/v1/tail", "Remote-User", "newcomer", "Origin", ts.url); err != nil {
		t.Errorf("the page's own WebSocket: %v", err)
	}
}

func TestOnlyAProxyIsBelieved(t *testing.T) {
	ts := startBehind(t, "192.0.2.0/24", accounts.Admin) // which we are not
	for _, header := range [][]string{{"Remote-User", "boss"}, {"Remote-User", "boss", "X-Forwarded-For", "192.0.2.7"}} {
		if got := ts.do(t, "GET", "/api/v1/me", "", header...); got.status != 401 {
			t.Errorf("with %v somebody is %d %s", header, got.status, got.body)
		}
	}
	list, err := ts.accounts.List()
	if err != nil || len(list) > 0 {
		t.Errorf("there are accounts %v, %v", list, err)
	}
}

func TestWithoutADefaultRoleOnlyWhoIsLinkedIsLetIn(t *testing.T) {
	ts := startBehind(t, "127.0.0.1/32", "")
	if _, err := ts.accounts.Add("dev1", accounts.Developer, time.Now()); err != nil {
		t.Fatal(err)
	}
	if got := ts.do(t, "GET", "/api/v1/me", "", "Remote-User", "dev1"); got.status != 403 {
		t.Errorf("who is not linked is %d %s", got.status, got.body)
	}
	if got := ts.do(t, "PUT", "/api/v1/people/dev1", `{"login":{"subject":"dev1"}}`, "Authorization", "Bearer "+adminToken); got.status != 200 {
		t.Fatalf("linking is %d %s", got.status, got.body)
	}
	if got := ts.do(t, "GET", "/api/v1/me", "", "Remote-User", "dev1"); got.status != 200 || !strings.Contains(string(got.body), `"role":"developer"`) {
		t.Errorf("who is linked is %d %s", got.status, got.body)
	}
}

func TestProxyLoginThatWouldLetAnybodyInIsRefused(t *testing.T) {
	here := netip.MustParsePrefix("127.0.0.1/32")
	for want, tt := range map[string]struct {
		login   ProxyLogin
		proxies []netip.Prefix
	}{
		"none is listed: anybody could be anybody": {ProxyLogin{Header: "Remote-User"}, nil},
		"believes everybody":                       {ProxyLogin{Header: "Remote-User"}, []netip.Prefix{here, netip.MustParsePrefix("0.0.0.0/0")}},
		`has the header ""`:                        {ProxyLogin{}, []netip.Prefix{here}},
		"which browsers send themselves":           {ProxyLogin{Header: "cookie"}, []netip.Prefix{here}},
		`the default_role "king"`:                  {ProxyLogin{Header: "Remote-User", Role: "king"}, []netip.Prefix{here}},
	} {
		cfg := testConfig(t, newFakeLogs(0))
		cfg.ProxyLogin, cfg.Proxies = &tt.login, tt.proxies
		if err := cfg.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
		if s, err := Listen(cfg); err == nil {
			closeTest(t, s)
			t.Errorf("%q: the server starts", want)
		}
	}
}
