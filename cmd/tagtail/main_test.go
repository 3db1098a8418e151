package main

import (
	"bytes"
	"strings"
	"testing"
)

func TestExitCodesTellUsageFromTrouble(t *testing.T) {
	tests := map[string]struct {
		args []string
		code int
		says string
	}{
		"done":            {[]string{"version"}, exitDone, ""},
		"unknown command": {[]string{"sevre"}, exitUsage, "there is no command \"sevre\"\nSee: tagtail -h"},
		"unknown flag":    {[]string{"serve", "--htpp", "x"}, exitUsage, "unknown flag: --htpp\nSee: tagtail serve -h"},
		"bad value":       {[]string{"serve", "--http", "x"}, exitUsage, "is not HOST:PORT"},
		"missing operand": {[]string{"render"}, exitUsage, "render takes one instance"},
		"no server":       {[]string{"search", "--data", "/nonexistent", "x"}, exitFailed, "no server runs on"},
		"unwritable":      {[]string{"serve", "--data", "/proc/nowhere", "--http", "127.0.0.1:0", "--syslog", "udp://127.0.0.1:0"}, exitFailed, "/proc/nowhere"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var out, words bytes.Buffer
			code := run(t.Context(), test.args, streams{strings.NewReader(""), &out, &words})
			if code != test.code || !strings.Contains(words.String(), test.says) {
				t.Errorf("exit code %d, said %q; want %d and %q", code, words.String(), test.code, test.says)
			}
		})
	}
}

func TestHelpNamesEveryCommandThatAPersonUses(t *testing.T) {
	var out, words bytes.Buffer
	if code := run(t.Context(), []string{"-h"}, streams{strings.NewReader(""), &out, &words}); code != exitDone {
		t.Fatalf("exit code %d, said %q", code, words.String())
	}
	for _, name := range []string{"serve", "demo", "check", "render", "search", "count", "export", "tail", "ctl", "status", "units", "releases", "rollback", "login", "init", "token", "hook", "git-serve", "version"} {
		if !strings.Contains(out.String(), "\n  "+name+" ") {
			t.Errorf("the help does not name %s:\n%s", name, out.String())
		}
	}
	if strings.Contains(out.String(), "demo-instance") {
		t.Error("the help names demo-instance, which is the demo's own")
	}
}
