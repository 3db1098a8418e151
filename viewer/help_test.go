package viewer

import (
	"net/http"
	"strings"
	"testing"
)

type fakeDocuments struct{}

func (fakeDocuments) Page(name string) ([]byte, bool) {
	return []byte("<h1>" + name + "</h1>"), name == "" || name == "page.md"
}

func TestDocumentsAreServed(t *testing.T) {
	logs := newFakeLogs(0)
	cfg := testConfig(t, logs)
	cfg.Help = fakeDocuments{}
	ts := startConfig(t, cfg, logs)
	for path, want := range map[string]string{"/help/": "<h1></h1>", "/help/page.md": "<h1>page.md</h1>"} {
		got := ts.get(t, path)
		if got.status != http.StatusOK || string(got.body) != want || got.header.Get("Content-Type") != "text/html; charset=UTF-8" {
			t.Errorf("%s answers %d %q, %s", path, got.status, got.body, got.header.Get("Content-Type"))
		}
		if policy := got.header.Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'none'") {
			t.Errorf("%s has the policy %q", path, policy)
		}
	}
	for _, path := range []string{"/help/nosuch.md", "/help/../go.mod", "/help/..%2fgo.mod"} {
		if got := ts.get(t, path); got.status != http.StatusNotFound {
			t.Errorf("%s answers %d", path, got.status)
		}
	}
}
