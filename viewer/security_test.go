package viewer

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
)

func mustRequest(t *testing.T, method, path string) *http.Request {
	t.Helper()
	return httptest.NewRequest(method, path, nil)
}

func gunzip(t *testing.T, data []byte) string {
	t.Helper()
	gz, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(gz)
	if err != nil {
		t.Fatal(err)
	}
	return string(plain)
}

func TestEveryAnswerHasTheSecurityHeaders(t *testing.T) {
	ts := startTest(t, 1)
	want := map[string]string{
		"Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
		"X-Content-Type-Options":  "nosniff",
		"Referrer-Policy":         "no-referrer",
	}
	for _, path := range []string{"/", "/login", "/static/js/app.js", "/static/none", "/api/v1/search", "/nowhere", "/metrics"} {
		got := ts.do(t, "GET", path, "")
		for name, value := range want {
			if got.header.Get(name) != value {
				t.Errorf("%s has %s %q, want %q", path, name, got.header.Get(name), value)
			}
		}
	}
}

func TestStateChangesOfOtherSitesAreRefused(t *testing.T) {
	ts := startTest(t, 1)
	auth := []string{"Authorization", "Bearer " + adminToken}
	tests := map[string]struct {
		header []string
		status int
	}{
		"cross-site":           {[]string{"Sec-Fetch-Site", "cross-site"}, 403},
		"same-site, not ours":  {[]string{"Sec-Fetch-Site", "same-site"}, 403},
		"foreign origin":       {[]string{"Origin", "https://evil.example"}, 403},
		"null origin":          {[]string{"Origin", "null"}, 403},
		"our own page":         {[]string{"Sec-Fetch-Site", "same-origin", "Origin", ts.url}, 202},
		"our own, old browser": {[]string{"Origin", ts.url}, 202},
		"no browser":           {nil, 202},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := ts.do(t, "POST", "/api/v1/instances/socketserver/dev1/actions/reload", "", append(tt.header, auth...)...)
			if got.status != tt.status {
				t.Errorf("status = %d, want %d", got.status, tt.status)
			}
		})
	}
	got := ts.do(t, "POST", "/api/v1/login", `{"token":"`+adminToken+`"}`, "Sec-Fetch-Site", "cross-site")
	if got.status != 403 || got.header.Get("Set-Cookie") != "" {
		t.Errorf("login from another site = %d, want 403 without a cookie", got.status)
	}
}

func TestOversizeRequestsAreRefused(t *testing.T) {
	ts := startTest(t, 1)
	big := `{"token":"` + strings.Repeat("x", maxBodyBytes) + `"}`
	if got := ts.post(t, "/api/v1/login", big); got.status != 413 {
		t.Errorf("a large body = %d, want 413", got.status)
	}
	if got := ts.post(t, "/api/v1/instances/socketserver/dev1/actions/reload", big); got.status != 413 {
		t.Errorf("a large body for an action = %d, want 413", got.status)
	}
	chunked := fmt.Sprintf("POST /api/v1/login HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", len(big), big)
	if got := ts.raw(t, chunked); got.StatusCode != 413 {
		t.Errorf("a large body without a length = %d, want 413", got.StatusCode)
	}
	long := "GET /api/v1/me HTTP/1.1\r\nHost: x\r\nX-Long: " + strings.Repeat("x", maxHeaderBytes+8192) + "\r\n\r\n"
	if got := ts.raw(t, long); got.StatusCode != 431 {
		t.Errorf("a large header = %d, want 431", got.StatusCode)
	}
}

// raw sends bytes as they are, which an HTTP client would clean.
func (ts *testServer) raw(t *testing.T, request string) *http.Response {
	t.Helper()
	conn, err := net.Dial("tcp", ts.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer closeTest(t, conn)
	// The server may answer and close before it has read everything.
	_, _ = io.WriteString(conn, request)
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	res.Body = io.NopCloser(bytes.NewReader(body))
	return res
}

func TestHostilePathsFindNothing(t *testing.T) {
	ts := startTest(t, 1)
	paths := []string{
		"/static/../accounts.db", "/static/%2e%2e/accounts.db", "/static/..%2f..%2fetc%2fpasswd", "/static//etc/passwd",
		`/static/..\..\accounts.db`, "/static/js/", "/static/", "/static/js%2fapp.js%00", "/static/js/app.js/", "/static/%00",
		"/../../etc/passwd", "//evil.example/%2f..", "/api/v1/../../static/../x", "/api/v1/instances/../me", "/api/v1//me",
		"/api/v1/jobs/..%2f..%2fme", "/index.html", "/API/v1/me", "/.git/config", "/%ff%fe", "/login/", "/api/v1/me/",
		"/api/v1/jobs/" + strings.Repeat("x", 4000), "/<script>alert(1)</script>",
	}
	for _, path := range paths {
		t.Run(fmt.Sprintf("%.40s", path), func(t *testing.T) {
			res := ts.raw(t, "GET "+path+" HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "+adminToken+"\r\nConnection: close\r\n\r\n")
			if res.StatusCode != 404 && res.StatusCode != 400 {
				t.Errorf("status = %d to %q, want 404 or 400", res.StatusCode, res.Header.Get("Location"))
			}
		})
	}
	for _, path := range []string{"/api/v1/instances/socketserver%2Fdev1/x/actions/reload", "/api/v1/instances/..%2f/dev1/actions/reload", "/api/v1/instances/socketserver/dev1%00/actions/reload"} {
		res := ts.raw(t, "POST "+path+" HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "+adminToken+"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
		if res.StatusCode != 404 {
			t.Errorf("POST %s = %d, want 404", path, res.StatusCode)
		}
	}
}

func TestUnknownMethodsAndPathsAreProblems(t *testing.T) {
	ts := startTest(t, 1)
	got := ts.do(t, "GET", "/nowhere", "")
	if want := `There is nothing at "/nowhere": the API is described at /api/v1/openapi.json.`; got.status != 404 || got.detail(t) != want {
		t.Errorf("got %d %s, want 404 %s", got.status, got.body, want)
	}
	got = ts.do(t, "DELETE", "/api/v1/me", "")
	if want := `DELETE is not possible at "/api/v1/me": the header Allow names what is.`; got.status != 405 || got.detail(t) != want {
		t.Errorf("got %d %s, want 405 %s", got.status, got.body, want)
	}
	if allow := got.header.Get("Allow"); !strings.Contains(allow, "GET") {
		t.Errorf("allow = %q, want GET in it", allow)
	}
}

func TestPanicsCostOneRequest(t *testing.T) {
	ts := startTest(t, 1)
	ts.deployer.jobs["broken"] = nil // View of it panics
	if got := ts.do(t, "GET", "/api/v1/jobs/broken", "", "Authorization", "Bearer "+adminToken); got.status != 500 {
		t.Errorf("status = %d, want 500", got.status)
	}
	if got := ts.get(t, "/api/v1/me"); got.status != 200 {
		t.Errorf("the next request = %d, want 200", got.status)
	}
}
