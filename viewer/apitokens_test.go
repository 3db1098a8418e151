package viewer

import (
	"strings"
	"testing"
	"time"

	"github.com/tagtail/tagtail/viewer/tokens"
)

func TestTokensAreMadeListedAndRevoked(t *testing.T) {
	ts := startTest(t, 0)
	admin := []string{"Authorization", "Bearer " + adminToken}
	var made struct {
		tokens.Token
		Secret string
	}
	got := ts.do(t, "POST", "/api/v1/tokens", `{"owner":"dev1","role":"developer","label":"laptop"}`, admin...)
	if got.decode(t, &made); got.status != 201 || made.Owner != "dev1" || len(made.Secret) < 43 {
		t.Fatalf("made = %d %s", got.status, got.body)
	}
	if found, ok, err := ts.tokens.Find(made.Secret, time.Now()); err != nil || !ok || found.ID != made.ID {
		t.Errorf("found %+v %t %v", found, ok, err)
	}
	got = ts.do(t, "GET", "/api/v1/tokens", "", admin...)
	if list := string(got.body); !strings.Contains(list, `"label":"laptop"`) || strings.Contains(list, made.Secret) {
		t.Errorf("list = %s, want the token without its secret", list)
	}
	if got := ts.do(t, "DELETE", "/api/v1/tokens/"+made.ID, "", admin...); got.status != 204 {
		t.Errorf("revoked = %d %s", got.status, got.body)
	}
	if got := ts.do(t, "DELETE", "/api/v1/tokens/"+made.ID, "", admin...); got.status != 404 || !strings.HasPrefix(got.detail(t), "There is no token") {
		t.Errorf("revoked again = %d %s", got.status, got.body)
	}
	for body, says := range map[string]string{
		"{":                                 "cannot be read",
		`{"owner":"../x"}`:                  "must begin with a letter",
		`{"owner":"dev1","role":"emperor"}`: "none of admin, developer and viewer",
	} {
		if got := ts.do(t, "POST", "/api/v1/tokens", body, admin...); got.status != 400 || !strings.Contains(got.detail(t), says) {
			t.Errorf("%s is answered %d %s, want 400 with %q", body, got.status, got.body, says)
		}
	}
}
