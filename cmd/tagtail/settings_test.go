package main

import (
	"bytes"
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write what is made from the code into docs")

// TestTheReferenceOfKeysIsThatOfTheCode compares the tables of keys, which
// go generate writes.
func TestTheReferenceOfKeysIsThatOfTheCode(t *testing.T) {
	const page, begin, end = "../../docs/configuration.md", "<!-- made by go generate ./cmd/tagtail -->\n", "<!-- end -->"
	old, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(old), begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("%s has no place for the tables, between %q and %q", page, begin, end)
	}
	var tables, words bytes.Buffer
	if code := run(t.Context(), []string{"config", "--markdown"}, streams{nil, &tables, &words}); code != exitDone {
		t.Fatal(words.String())
	}
	want := before + begin + tables.String() + end + after
	if *update {
		if err := os.WriteFile(page, []byte(want), 0o644); err != nil { //nolint:gosec // a document of the repository
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, string(old)); diff != "" {
		t.Errorf("%s is not that of the code: run go generate ./cmd/tagtail (-want +got):\n%s", page, diff)
	}
}

func TestAnUnknownKeyIsRefusedWithTheNearest(t *testing.T) {
	tests := map[string]string{
		"htpp: x\n":                               "[1:1] unknown field \"htpp\"\nPerhaps it is http;",
		"instances: [{namme: a/b}]\n":             "Perhaps it is name;",
		"instances:\n- name: a/b\n  pidfile: x\n": "[3:3] unknown field \"pidfile\"\nPerhaps it is pid_file;",
		"deploys: {web: {helth: /x}}\n":           "Perhaps it is health;",
		"rules: [{patern: x, instance: a/b}]\n":   "Perhaps it is pattern;",
		"rate_limit: {persecond: 1}\n":            "Perhaps it is per_second;",
		"colour: red\n":                           "unknown field \"colour\"\ntagtail config lists all keys.",
	}
	for file, want := range tests {
		_, err := loadConfig(parseFlags(t, "--config", writeFile(t, "tagtail.yaml", file)), environment(nil))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error = %v, want it to say %q", file, err, want)
		}
	}
}

func TestTheNearestNameIsFound(t *testing.T) {
	names := []string{"keep", "keep_bytes", "http", "url"}
	for written, want := range map[string]string{"kep": "keep", "keepbytes": "keep_bytes", "htpt": "http", "ulr": "url", "keep": "keep", "people": "", "x": ""} {
		if got := perhaps(written, names); got != want {
			t.Errorf("perhaps(%q) = %q, want %q", written, got, want)
		}
	}
}
