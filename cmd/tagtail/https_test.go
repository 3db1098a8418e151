package main

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tagtail/tagtail/internal/certificatestest"
)

// The commands on the same machine trust the server's own certificate, and no
// other.
func TestCommandsReachAServerThatSpeaksTLS(t *testing.T) {
	dir := t.TempDir()
	certificatestest.SelfSigned(t, filepath.Join(dir, "page.pem"))
	file := filepath.Join(dir, "tagtail.yaml")
	mustWrite(t, file, "http_cert: page.pem\n")
	server, at := startServer(t, serverOptions{dir: dir, args: []string{"--config", file}})
	t.Cleanup(server.kill)
	if !strings.HasPrefix(at.Server, "https://127.0.0.1:") {
		t.Errorf("the page is at %s", at.Server)
	}
	if _, err := (&config{HTTPCert: filepath.Join(dir, "none.pem")}).httpTLS(nil); err == nil || !strings.Contains(err.Error(), "http_cert cannot be used: read certificate") {
		t.Errorf("without the file: error %v", err)
	}
	run := func(args ...string) (string, error) {
		cmd := exec.Command("tagtail", args...)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	if out, err := run("user", "add", "dev1"); err != nil || !strings.HasPrefix(out, "https://") {
		t.Errorf("user add: %v %s", err, out)
	}
	certificatestest.SelfSigned(t, filepath.Join(dir, "page.pem"))
	if out, err := run("user", "list"); err != nil || !strings.HasPrefix(out, "dev1") {
		t.Errorf("with a new certificate: %v %s", err, out)
	}
	if out, err := run("count", "x", "--server", strings.Replace(at.Server, "127.0.0.1", "localhost", 1), "--token", at.Token); err == nil || !strings.Contains(out, "certificate") {
		t.Errorf("another name is trusted: %v %s", err, out)
	}
}
