package push

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tagtail/tagtail/deploy"
)

func TestUpgradeIsExactlyUP(t *testing.T) {
	commands := map[string]string{"UP": "", "UP allen": "allen", "UP 7ebbf4f": "7ebbf4f", "UP dev1": "dev1", "UP master": "master"}
	for subject, rev := range commands {
		if u, ok, _ := ParseUpgrade(subject); !ok || u.Rev != rev {
			t.Errorf("%q is %+v %t, want a command with %q", subject, u, ok, rev)
		}
	}
	mistyped := []string{
		"UPzrong", "up", "Up dev1", "UP ", " UP", "UP  dev1", "UP dev1 dev2", "UP refs/heads/dev1", "UP --upload-pack=id",
		"UP $(id)", "UP ../dev1", "UP HEAD", "UP 7ebbf4f^", "UP\tdev1", "UP;id", "UP Dev1", "UP 中文",
	}
	for _, subject := range mistyped {
		if u, ok, hint := ParseUpgrade(subject); ok || !strings.Contains(hint, "must be exactly UP") {
			t.Errorf("%q is %+v %t %q, want no command and a hint", subject, u, ok, hint)
		}
	}
	for _, subject := range []string{"", "Update the README", "fix UP", "uprising", "Merge branch 'dev1'"} {
		if u, ok, hint := ParseUpgrade(subject); ok || hint != "" {
			t.Errorf("%q is %+v %t %q, want an ordinary push", subject, u, ok, hint)
		}
	}
}

func TestSignalIsExactlyAnActionAndServices(t *testing.T) {
	commands := map[string]Signal{
		"start":                        {Action: deploy.Start},
		"stop":                         {Action: deploy.Stop},
		"quit":                         {Action: deploy.Quit},
		"reopen":                       {Action: deploy.Reopen},
		"reload":                       {Action: deploy.Reload},
		"restart redis":                {Action: deploy.Restart, Services: []string{"redis"}},
		"reload socketserver dtserver": {Action: deploy.Reload, Services: []string{"socketserver", "dtserver"}},
		"reload dtserver dtserver":     {Action: deploy.Reload, Services: []string{"dtserver"}},
	}
	for subject, want := range commands {
		got, ok, _ := ParseSignal(subject)
		if diff := cmp.Diff(want, got); !ok || diff != "" {
			t.Errorf("%q (-want +got):\n%s", subject, diff)
		}
	}
	for _, subject := range []string{
		"", "Start", "RELOAD", "relaod", "reload;id", "reload ", " reload", "reload  redis", "reload -x", "reload ../redis",
		"test", "reload socketserver/dev2", "kill", "reload\tredis", "UP",
	} {
		if got, ok, hint := ParseSignal(subject); ok || !strings.Contains(hint, "exactly one of start, stop, quit, reopen, reload, restart") {
			t.Errorf("%q is %+v %t %q, want no command and a hint", subject, got, ok, hint)
		}
	}
}

func TestQuotedTextFitsATerminal(t *testing.T) {
	for text, want := range map[string]string{
		"a\x1b[31mb\nc":           `"a\x1b[31mb\nc"`,
		"\xff":                    "\"\ufffd\"",
		strings.Repeat("中", 1000): `"` + strings.Repeat("中", 60) + `"…`,
	} {
		if got := quote(text); got != want {
			t.Errorf("%.20q is shown as %s, want %s", text, got, want)
		}
	}
}
