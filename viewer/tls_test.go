package viewer

import (
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tagtail/tagtail/internal/certificatestest"
	"github.com/tagtail/tagtail/viewer/accounts"
)

func TestPageSpeaksTLS(t *testing.T) {
	file := filepath.Join(t.TempDir(), "page.pem")
	pool := x509.NewCertPool()
	pool.AddCert(certificatestest.SelfSigned(t, file))
	certificate, err := tls.LoadX509KeyPair(file, file)
	if err != nil {
		t.Fatal(err)
	}
	cfg := testConfig(t, newFakeLogs(1))
	cfg.TLS = &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{certificate}}
	ts := startConfig(t, cfg, nil)
	if !strings.HasPrefix(ts.Page(), "https://") {
		t.Errorf("the page is %s", ts.Page())
	}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, ServerName: "localhost"}, DisableKeepAlives: true}}
	req, err := http.NewRequestWithContext(t.Context(), "POST", "https://"+ts.Addr().String()+"/api/v1/login", strings.NewReader(`{"token":"`+adminToken+`"}`))
	if err != nil {
		t.Fatal(err)
	}
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	closeTest(t, res.Body)
	if cookies := res.Cookies(); res.StatusCode != 204 || len(cookies) != 1 || !cookies[0].Secure || !cookies[0].HttpOnly {
		t.Errorf("login = %d with %v, want a cookie that is Secure", res.StatusCode, cookies)
	}
	if got := res.Header.Get("Strict-Transport-Security"); got != strictTransport {
		t.Errorf("Strict-Transport-Security = %q", got)
	}
	if res, err := http.Get("http://" + ts.Addr().String() + "/healthz"); err == nil {
		closeTest(t, res.Body)
		if res.StatusCode != 400 {
			t.Errorf("plain HTTP is answered %d", res.StatusCode)
		}
	}
}

func TestProxiesOfOursSayWhoAsks(t *testing.T) {
	cfg := testConfig(t, newFakeLogs(0))
	cfg.Proxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("192.0.2.0/24")}
	ts := startConfig(t, cfg, nil)
	newPerson(t, ts.Server, "dev1", accounts.Developer, 1)
	tests := map[string]struct {
		header []string
		from   string
		secure bool
	}{
		"none":                     {nil, "127.0.0.1", false},
		"the client":               {[]string{"X-Forwarded-For", "198.51.100.7", "X-Forwarded-Proto", "https"}, "198.51.100.7", true},
		"through two of ours":      {[]string{"X-Forwarded-For", "198.51.100.7, 192.0.2.9"}, "198.51.100.7", false},
		"what the client has said": {[]string{"X-Forwarded-For", "203.0.113.1, 198.51.100.7"}, "198.51.100.7", false},
		"nonsense":                 {[]string{"X-Forwarded-For", "203.0.113.1, <script>", "X-Forwarded-Proto", "gopher"}, "127.0.0.1", false},
		"by IPv6":                  {[]string{"X-Forwarded-For", "2001:db8:1:2::9"}, "2001:db8:1:2::/64", false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := ts.do(t, "POST", "/api/v1/login", `{"token":"`+adminToken+`"}`, test.header...)
			if cookie := cookieOf(t, got); cookie.Secure != test.secure || (got.header.Get("Strict-Transport-Security") != "") != test.secure {
				t.Errorf("cookie = %v, want Secure %t", cookie, test.secure)
			}
			list, err := ts.sessions.list(func(string) bool { return true }, cookieOf(t, got).Value, time.Now())
			if err != nil {
				t.Fatal(err)
			}
			for _, one := range list {
				if one.Current && one.From != test.from {
					t.Errorf("the session is from %s, want %s", one.From, test.from)
				}
			}
		})
	}
	for range freeFailures + 1 {
		ts.do(t, "POST", "/api/v1/login", `{"token":"guess"}`, "X-Forwarded-For", "203.0.113.66")
	}
	if got := ts.do(t, "POST", "/api/v1/login", `{"token":"`+adminToken+`"}`, "X-Forwarded-For", "198.51.100.8"); got.status != 204 {
		t.Errorf("somebody else has to wait for who guesses: %d %s", got.status, got.body)
	}
	if got := ts.do(t, "POST", "/api/v1/login", `{"token":"`+adminToken+`"}`, "X-Forwarded-For", "203.0.113.66"); got.status != 429 {
		t.Errorf("who guesses is answered %d, want 429", got.status)
	}
}

func TestStrangersAreNotBelievedWhoTheyAre(t *testing.T) {
	ts := startTest(t, 0)
	got := ts.do(t, "POST", "/api/v1/login", `{"token":"`+adminToken+`"}`, "X-Forwarded-For", "198.51.100.7", "X-Forwarded-Proto", "https")
	if cookie := cookieOf(t, got); cookie.Secure || got.header.Get("Strict-Transport-Security") != "" {
		t.Errorf("cookie = %v, want one of plain HTTP", cookie)
	}
	for range freeFailures + 1 {
		ts.do(t, "POST", "/api/v1/login", `{"token":"guess"}`, "X-Forwarded-For", rand.Text())
	}
	if got := ts.logIn(t, adminToken); got.status != 429 {
		t.Errorf("another X-Forwarded-For each time evades the wait: %d", got.status)
	}
}
