package viewer

import (
	"strings"
	"testing"
	"testing/fstest"
)

func TestLibrarysDocumentsAreShownAndRunNothing(t *testing.T) {
	logs := newFakeLogs(0)
	cfg := testConfig(t, logs)
	cfg.LibraryDocs = fstest.MapFS{
		"README.md":      {Data: []byte("# The library <script>")},
		"api/index.html": {Data: []byte("<h1>API</h1>")},
		"evil.svg":       {Data: []byte("<svg onload='x'>")},
	}
	ts := startConfig(t, cfg, logs)
	for path, want := range map[string][2]string{
		"/lib/":          {"text/html", `<a href="README.md">`},
		"/lib/README.md": {"text/plain", "<script>"},
		"/lib/api/":      {"text/html", "<h1>API</h1>"},
		"/lib/evil.svg":  {"text/plain", "<svg"},
	} {
		got := ts.get(t, path)
		if got.status != 200 || !strings.HasPrefix(got.header.Get("Content-Type"), want[0]) || !strings.Contains(string(got.body), want[1]) {
			t.Errorf("%s is %d %s %s, want %s with %s", path, got.status, got.header.Get("Content-Type"), got.body, want[0], want[1])
		}
		if !strings.Contains(got.header.Get("Content-Security-Policy"), "default-src 'none'") {
			t.Errorf("%s has the policy %q", path, got.header.Get("Content-Security-Policy"))
		}
	}
	for _, path := range []string{"/lib/nosuch", "/lib/..%2f..%2fetc/passwd"} {
		if got := ts.get(t, path); got.status != 404 {
			t.Errorf("%s is %d, want 404", path, got.status)
		}
	}
}
