package viewer

import (
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tagtail/tagtail/viewer/views"
)

func TestViewsAreSavedListedOpenedAndDeleted(t *testing.T) {
	cfg := testConfig(t, newFakeLogs(0))
	store, err := views.Open(filepath.Join(cfg.DataDir, "views.json"), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	cfg.Views = store
	ts := startConfig(t, cfg, nil)
	admin := []string{"Authorization", "Bearer " + adminToken}
	const name = "/api/v1/views/team/%E6%85%A2%20q"
	for _, step := range []struct {
		method, path, body string
		status             int
	}{
		{"PUT", name, `{"search":"?q=slow"}`, 204},
		{"PUT", name, `{`, 400},
		{"PUT", name, `{"search":"` + strings.Repeat("x", 9000) + `"}`, 400},
		{"PUT", "/api/v1/views/all/a", `{"search":""}`, 400},
		{"PUT", "/api/v1/views/me/a%2Fb", `{"search":""}`, 400},
		{"DELETE", "/api/v1/views/me/none", "", 404},
	} {
		if got := ts.do(t, step.method, step.path, step.body, admin...); got.status != step.status {
			t.Errorf("%s %s = %d %s, want %d", step.method, step.path, got.status, got.body, step.status)
		}
	}
	if got := string(ts.get(t, "/api/v1/views").body); !strings.Contains(got, `{"scope":"team","name":"慢 q","by":"`) || !strings.Contains(got, `"search":"?q=slow"`) {
		t.Errorf("the list is %s", got)
	}
	if got := ts.do(t, "GET", "/s/%E6%85%A2%20q", "").header.Get("Location"); got != "../?view=%E6%85%A2+q" {
		t.Errorf("its address leads to %s", got)
	}
	if got := ts.do(t, "PUT", name, `{"search":""}`); got.status != 401 {
		t.Errorf("without login: %d", got.status)
	}
	if got := ts.do(t, "DELETE", name, "", admin...); got.status != 204 || len(store.List("")) != 0 {
		t.Errorf("delete = %d %s", got.status, got.body)
	}
}

func TestAnInstanceHasAnAddressOfItsOwn(t *testing.T) {
	ts := startTest(t, 0)
	for path, want := range map[string]string{
		"/i/socketserver/dev1":          "../../?i=socketserver%2Fdev1",
		"/i/socketserver%2Fdev1?q=a+b":  "../?i=socketserver%2Fdev1&q=a+b",
		"/i/socketserver/dev1/?i=other": "../../../?i=socketserver%2Fdev1",
		"/i/%E6%B8%B8%E6%88%8F/dev1":    "../../?i=%E6%B8%B8%E6%88%8F%2Fdev1",
		"/i/":                           "../?i=",
		"/i//evil.example/%2e%2e":       "../../../?i=evil.example%2F..",
	} {
		if got := ts.do(t, "GET", path, ""); got.status != 303 || got.header.Get("Location") != want {
			t.Errorf("%s = %d to %q, want %q", path, got.status, got.header.Get("Location"), want)
		}
	}
}
