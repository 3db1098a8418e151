package main

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tagtail/tagtail/ingest"
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

func TestCheckReadsTheCertificates(t *testing.T) {
	dir := t.TempDir()
	certificate := certificatestest.SelfSigned(t, filepath.Join(dir, "page.pem"))
	c := &config{HTTPCert: filepath.Join(dir, "page.pem")}
	inputs := &ingest.Config{Inputs: []string{"tls://127.0.0.1:0?cert=" + c.HTTPCert, "udp://127.0.0.1:0"}}
	for name, check := range map[string]func(time.Time) (wrong, odd error){"page": c.checkHTTPS, "inputs": inputs.CheckCertificates} {
		for when, want := range map[time.Time]string{
			certificate.NotBefore.Add(-time.Minute): "is not valid before", certificate.NotBefore: "expires on",
			certificate.NotAfter.Add(time.Minute): "has expired on", certificate.NotAfter.Add(-15 * 24 * time.Hour): "is not valid before",
		} {
			wrong, odd := check(when)
			if wrong != nil || odd == nil || !strings.Contains(odd.Error(), want) || strings.Contains(odd.Error(), "\n") {
				t.Errorf("%s at %s: wrong %v, odd %v, want that it %s", name, when, wrong, odd, want)
			}
		}
	}
	mustWrite(t, c.HTTPCert, "nonsense")
	mustWrite(t, filepath.Join(dir, "tagtail.yaml"), "http_cert: page.pem\n")
	cmd := exec.Command("tagtail", "check", "--config", "tagtail.yaml", "--syslog", "tls://127.0.0.1:0?cert="+c.HTTPCert)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	for _, want := range []string{"http_cert cannot be used: read certificate", "tls://127.0.0.1:0", "has certificates that cannot be used"} {
		if err == nil || !strings.Contains(string(out), want) {
			t.Errorf("check of nonsense: %v %s, want it to say %q", err, out, want)
		}
	}
}
