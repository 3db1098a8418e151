package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// maxExposure is the figure of systemd-analyze that docs/install.md tells.
const maxExposure = 2.1

func TestTheUnitOfThePackageIsValidAndClosed(t *testing.T) {
	need(t, "systemd-analyze")
	text, err := os.ReadFile("../../packaging/tagtail.service")
	if err != nil {
		t.Fatal(err)
	}
	unit := filepath.Join(t.TempDir(), "tagtail.service")
	// The program is not installed here.
	mustWrite(t, unit, strings.ReplaceAll(string(text), "/usr/bin/tagtail", "/bin/true"))
	if out, err := exec.Command("systemd-analyze", "verify", "--man=no", unit).CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("systemd-analyze verify: %v\n%s", err, out)
	}
	out, err := exec.Command("systemd-analyze", "security", "--offline=yes", "--no-pager", unit).CombinedOutput()
	if err != nil {
		t.Fatalf("systemd-analyze security: %v\n%s", err, out)
	}
	m := regexp.MustCompile(`Overall exposure level for tagtail.service: ([0-9.]+)`).FindSubmatch(out)
	if m == nil {
		t.Fatalf("no figure in\n%s", out)
	}
	if exposure, err := strconv.ParseFloat(string(m[1]), 64); err != nil || exposure > maxExposure {
		t.Errorf("the exposure is %s, %v; want at most %v\n%s", m[1], err, maxExposure, out)
	}
}

func TestTheConfigurationOfThePackageLoads(t *testing.T) {
	cfg := defaultConfig()
	if err := cfg.readFile("../../packaging/" + configName); err != nil {
		t.Fatal(err)
	}
	if cfg.Data != "/var/lib/tagtail" || cfg.Supervisor != "systemd" || len(cfg.Syslog) != 3 {
		t.Errorf("got data %q, supervisor %q, syslog %q", cfg.Data, cfg.Supervisor, cfg.Syslog)
	}
}
