package viewer

import (
	"strings"
	"testing"
)

func TestAssetsAreRevalidated(t *testing.T) {
	ts := startTest(t, 0)
	first := ts.do(t, "GET", "/static/js/app.js", "", "Accept-Encoding", "identity")
	if first.status != 200 || first.header.Get("Content-Type") != "text/javascript; charset=utf-8" || first.header.Get("Cache-Control") != "no-cache" {
		t.Errorf("asset = %d %v", first.status, first.header)
	}
	packed := ts.do(t, "GET", "/static/js/app.js", "", "Accept-Encoding", "gzip")
	if packed.header.Get("Content-Encoding") != "gzip" || gunzip(t, packed.body) != string(first.body) {
		t.Errorf("packed asset = %d %v, want the same file in gzip", packed.status, packed.header)
	}
	if packed.header.Get("ETag") == first.header.Get("ETag") {
		t.Error("two encodings have one ETag")
	}
	for encoding, etag := range map[string]string{"identity": first.header.Get("ETag"), "gzip": packed.header.Get("ETag")} {
		again := ts.do(t, "GET", "/static/js/app.js", "", "Accept-Encoding", encoding, "If-None-Match", etag)
		if again.status != 304 || len(again.body) != 0 {
			t.Errorf("%s asset again = %d with %d bytes, want 304", encoding, again.status, len(again.body))
		}
	}
	if got := ts.do(t, "GET", "/static/css/page.css", "", "Accept-Encoding", "gzip"); got.header.Get("Content-Encoding") != "" {
		t.Error("a file of six bytes is compressed")
	}
	if got := ts.do(t, "HEAD", "/static/css/page.css", "", "Accept-Encoding", "identity"); got.status != 200 || got.header.Get("Content-Length") != "6" {
		t.Errorf("HEAD = %d, length %q, want 200 and 6", got.status, got.header.Get("Content-Length"))
	}
}

func TestPagesVaryWithTheCookie(t *testing.T) {
	ts := startTest(t, 0)
	got := ts.get(t, "/")
	if !strings.Contains(strings.Join(got.header.Values("Vary"), ","), "Cookie") || got.header.Get("Content-Type") != "text/html; charset=utf-8" {
		t.Errorf("page has %v, want HTML that varies with the cookie", got.header)
	}
	if got := ts.do(t, "GET", "/login", ""); got.status != 200 || !strings.Contains(string(got.body), "login") {
		t.Errorf("login page = %d %s", got.status, got.body)
	}
}

func TestMetricsCountRequestsAndTheStore(t *testing.T) {
	ts := startTest(t, 3)
	ts.get(t, "/api/v1/me")
	ts.do(t, "GET", "/nowhere/1", "")
	c := ts.open(t, "/api/v1/tail?last=3")
	c.next()
	c.next()
	got := string(ts.get(t, "/metrics", "Accept-Encoding", "identity").body)
	for _, want := range []string{
		`tagtail_http_requests_total{code="200",method="GET",route="/api/v1/me"} 1`,
		`tagtail_http_requests_total{code="404",method="GET",route="none"} 1`,
		`tagtail_build_info{version="1.2.3"} 1`,
		`tagtail_entries_total 3`,
		`tagtail_tail_entries_total 3`,
		`tagtail_websockets 1`,
		`tagtail_input_received_total{input="udp://127.0.0.1:5514"} 7`,
		"# TYPE tagtail_input_received_total counter",
		"# TYPE tagtail_input_dropped_total counter",
		`tagtail_input_dropped_total{input="udp://127.0.0.1:5514"} 2`,
		"# TYPE tagtail_input_kernel_dropped_total counter",
		`tagtail_input_kernel_dropped_total{input="udp://127.0.0.1:5514"} 1`,
		"# TYPE tagtail_input_suppressed_total counter",
		`tagtail_input_suppressed_total{input="udp://127.0.0.1:5514"} 5`,
		"go_goroutines",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("metrics do not hold %s", want)
		}
	}
	if strings.Contains(got, "/nowhere/1") {
		t.Error("a path that nobody routes became a label")
	}
}
