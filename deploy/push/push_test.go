package push

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tagtail/tagtail/deploy"
)

func TestConfigurationThatCannotWorkIsRefused(t *testing.T) {
	valid := func() Config {
		return Config{
			Socket: "/x/s", Hooks: "/x/h", Program: "/x/p", Engine: &fakeEngine{}, Instances: func() []deploy.Instance { return nil },
			Repositories: []Repository{{"a", Code, "/x/a.git"}},
		}
	}
	if err := valid().Validate(); err != nil {
		t.Fatal(err)
	}
	for says, spoil := range map[string]func(*Config){
		"needs an Engine":              func(c *Config) { c.Engine = nil },
		"\"s\" of the gate":            func(c *Config) { c.Socket = "s" },
		"repository \"A\": a name":     func(c *Config) { c.Repositories[0].Name = "A" },
		"repository a is there twice":  func(c *Config) { c.Repositories = append(c.Repositories, c.Repositories[0]) },
		"kind \"\" is none of":         func(c *Config) { c.Repositories[0].Kind = "" },
		"the path \"a.git\" is not":    func(c *Config) { c.Repositories[0].Dir = "a.git" },
		"the person \"../x\" of uid 7": func(c *Config) { c.People = map[uint32]Person{7: {Name: "../x"}} },
	} {
		cfg := valid()
		spoil(&cfg)
		if err := cfg.Validate(); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("error %v, want %q", err, says)
		}
	}
}

func TestSettingsOfARepositoryThatRunProgramsAreToldOf(t *testing.T) {
	var words strings.Builder
	b := startBench(t, func(cfg *Config) {
		cfg.Logger = slog.New(slog.NewTextHandler(&words, nil))
		config := filepath.Join(cfg.Repositories[0].Dir, "config")
		text := "[core]\n\tbare = true\n\thooksPath = /tmp/evil\n"
		if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		evil := filepath.Join(cfg.Repositories[0].Dir, "hooks", "pre-receive")
		if err := os.MkdirAll(filepath.Dir(evil), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(evil, []byte("#!/bin/sh\necho evil\n"), 0o700); err != nil {
			t.Fatal(err)
		}
	})
	if !strings.Contains(words.String(), "hooksPath") {
		t.Errorf("nothing is said: %s", words.String())
	}
	name := b.cfg.Repositories[0].Name
	b.commit(t, "work")
	out, stored := b.push(t, boss, name, "HEAD:refs/heads/master")
	if !stored || strings.Contains(out, "evil") {
		t.Errorf("stored %t, the terminal shows\n%s", stored, out)
	}
}

func TestHooksAreLinksThatFollowTheProgram(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "hooks")
	for _, program := range []string{"/old/tagtail", "/new/tagtail", "/new/tagtail"} {
		if err := linkHooks(dir, program); err != nil {
			t.Fatal(err)
		}
		for _, name := range HookNames() {
			if got, err := os.Readlink(filepath.Join(dir, name)); err != nil || got != program {
				t.Errorf("%s leads to %s %v, want %s", name, got, err, program)
			}
		}
	}
}

func TestSocketsPathMayBeLong(t *testing.T) {
	b := startBench(t, func(cfg *Config) {
		dir := filepath.Join(filepath.Dir(cfg.Socket), strings.Repeat("long", 40))
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		cfg.Socket = filepath.Join(dir, "push.sock")
	})
	b.commit(t, "UP")
	if out, stored := b.push(t, dev1, "socketserver", "HEAD:refs/heads/dev1"); !stored || !strings.Contains(out, "socketserver/dev1: done") {
		t.Errorf("stored %t, the terminal shows\n%s", stored, out)
	}
}
