package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"
)

func parseFlags(t *testing.T, args ...string) *pflag.FlagSet {
	t.Helper()
	cmd := newServeCommand(streams{})
	if err := cmd.ParseFlags(args); err != nil {
		t.Fatal(err)
	}
	return cmd.Flags()
}

func environment(pairs map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		value, ok := pairs[name]
		return value, ok
	}
}

func writeFile(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestFlagBeatsEnvironmentBeatsFileBeatsDefault(t *testing.T) {
	file := writeFile(t, "tagtail.yaml", "data: kept\nhttp: 127.0.0.1:1\nhttp_rate: 1\nhttp_burst: 1\nsync: none\nroot: /file\nsyslog: [udp://127.0.0.1:1]\n")
	got, err := loadConfig(
		parseFlags(t, "--config", file, "--http", "127.0.0.1:3", "--syslog", "udp://127.0.0.1:3", "--syslog", "tcp://127.0.0.1:3"),
		environment(map[string]string{"TAGTAIL_HTTP": "127.0.0.1:2", "TAGTAIL_ROOT": "/environment", "TAGTAIL_HTTP_RATE": "2", "TAGTAIL_SYNC": "batch"}))
	if err != nil {
		t.Fatal(err)
	}
	want := config{
		Data: filepath.Join(filepath.Dir(file), "kept"), HTTP: "127.0.0.1:3", Root: "/environment", RedisRoot: "/opt/redis",
		HTTPRate: 2, HTTPBurst: 1, Keep: "30d", Sync: "batch",
		Syslog: []string{"udp://127.0.0.1:3", "tcp://127.0.0.1:3"}, File: file, ownData: true,
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(config{})); diff != "" {
		t.Errorf("configuration (-want +got):\n%s", diff)
	}
}

func TestListsInTheEnvironmentAreSplit(t *testing.T) {
	got, err := loadConfig(parseFlags(t), environment(map[string]string{"TAGTAIL_SYSLOG": "udp://127.0.0.1:1, tcp://127.0.0.1:2"}))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"udp://127.0.0.1:1", "tcp://127.0.0.1:2"}, got.Syslog); diff != "" {
		t.Errorf("syslog (-want +got):\n%s", diff)
	}
}

func TestBadConfigurationIsOneSentence(t *testing.T) {
	tests := map[string]struct {
		args []string
		file string
		env  map[string]string
		want string
	}{
		"address without a port": {args: []string{"--http", "localhost"}, want: `http address "localhost" is not HOST:PORT`},
		"page without a scheme":  {args: []string{"--url", "logs.example.org"}, want: `url "logs.example.org" is not the address of a page`},
		"page with a question":   {file: "url: https://x/?a=b\n", want: `url "https://x/?a=b" is not the address of a page`},
		"no such file":           {args: []string{"--config", "/nonexistent.yaml"}, want: "read configuration: open /nonexistent.yaml"},
		"unknown key":            {file: "date: x\n", want: `unknown field "date"`},
		"wrong type":             {file: "syslog: {a: b}\n", want: "tagtail.yaml: [1:9]"},
		"no such folder":         {args: []string{"--serverctrl", "/nonexistent"}, want: `serverctrl "/nonexistent" is not a folder`},
		"negative rate":          {file: "http_rate: -5\n", want: "http_rate -5 with http_burst 0 is not possible: give positive numbers"},
		"rate that is no number": {env: map[string]string{"TAGTAIL_HTTP_RATE": "fast"}, want: `TAGTAIL_HTTP_RATE="fast"`},
		"no such sync":           {file: "sync: always\n", want: `sync "always" is not possible: give interval, batch, none`},
		"no such sync as flag":   {args: []string{"--sync", "often"}, want: `sync "often" is not possible`},
		"unknown supervisor":     {args: []string{"--supervisor", "runit"}, want: `supervisor "runit" is not possible: it is direct or systemd`},
		"user with a blank":      {args: []string{"--run-as", "a b"}, want: `run_as "a b" is not possible: give USER or USER:GROUP`},
		"short token":            {env: map[string]string{"TAGTAIL_ADMIN_TOKEN": "secret"}, want: "has 6 characters"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if test.file != "" {
				test.args = append(test.args, "--config", writeFile(t, "tagtail.yaml", test.file))
			}
			_, err := loadConfig(parseFlags(t, test.args...), environment(test.env))
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error = %v, want it to say %q", err, test.want)
			}
		})
	}
}
