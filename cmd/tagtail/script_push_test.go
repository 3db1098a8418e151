package main

import (
	"bytes"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"

	"github.com/rogpeppe/go-internal/testscript"
)

// scriptPorts sets each variable to a port that is free now.
func scriptPorts(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: ports NAME...")
	}
	for _, name := range args {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		ts.Check(err)
		defer l.Close() // all are different
		_, port, err := net.SplitHostPort(l.Addr().String())
		ts.Check(err)
		ts.Setenv(name, port)
	}
}

// scriptSecrets sets a variable for each line "NAME SECRET" of a file.
func scriptSecrets(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: secrets FILE")
	}
	for line := range strings.Lines(ts.ReadFile(args[0])) {
		if name, secret, ok := strings.Cut(strings.TrimSpace(line), " "); ok {
			ts.Setenv(name, secret)
		}
	}
}

// scriptFill replaces ${NAME} in files.
func scriptFill(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: fill FILE...")
	}
	for _, name := range args {
		text := os.Expand(ts.ReadFile(name), func(variable string) string {
			if value := ts.Getenv(variable); value != "" {
				return value
			}
			return "$" + variable
		})
		ts.Check(os.WriteFile(ts.MkAbs(name), []byte(text), 0o600))
	}
}

// killBelow ends the processes that a script has left running in its folder.
func killBelow(folder string) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return
	}
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		cmdline, err := os.ReadFile(filepath.Join("/proc", entry.Name(), "cmdline"))
		nginx := err == nil && bytes.HasPrefix(cmdline, []byte("nginx: master")) && bytes.Contains(cmdline, []byte(folder+"/"))
		// Redis does not tell its configuration, but works in its own folder.
		cwd, err := os.Readlink(filepath.Join("/proc", entry.Name(), "cwd"))
		redis := err == nil && bytes.Contains(cmdline, []byte("redis-server ")) && strings.HasPrefix(cwd, folder+"/")
		switch {
		case nginx:
			_ = syscall.Kill(pid, syscall.SIGTERM) // it may have ended
		case redis: // asked to end, it would try to save, and stay if its folder is gone
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
}

// transcriptBits are what of a pusher's terminal is another each time.
var transcriptBits = []struct {
	pattern *regexp.Regexp
	with    string
}{
	{regexp.MustCompile(`http://\S+/#job=\w+`), "URL"},
	{regexp.MustCompile(`\b[0-9a-f]{7}\b`), "COMMIT"},
	{regexp.MustCompile(`\d+\.\d\ds`), "SECONDS"},
	{regexp.MustCompile(`(process|workers|worker) [\d, ]*\d`), "$1 PID"},
	{regexp.MustCompile(`\$ \S+/nginx `), "$$ nginx "},
	{regexp.MustCompile(`port \d+`), "port PORT"},
	{regexp.MustCompile(`127\.0\.0\.1:\d+`), "127.0.0.1:PORT"},
	{regexp.MustCompile(`generation [0-9a-f]{12}`), "generation ID"},
	{regexp.MustCompile(`[^\s"]*/root/instances/`), "ROOT/"},
	{regexp.MustCompile(` +$`), ""},
}

// scriptTranscript writes to a file what the last push has shown of Tagtail's
// words, without what is another each time.
func scriptTranscript(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: transcript FILE")
	}
	var out strings.Builder
	for line := range strings.Lines(ts.ReadFile("stderr")) {
		words, ok := strings.CutPrefix(strings.TrimRight(line, "\r\n"), "remote: ")
		if !ok || strings.Contains(words, "still finishing their requests") { // old workers may have ended
			continue
		}
		for _, bit := range transcriptBits {
			words = bit.pattern.ReplaceAllString(words, bit.with)
		}
		out.WriteString(words + "\n")
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(out.String()), 0o600))
}
