package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/tagtail/tagtail/internal/machine"
)

// The package of make deb is installed, used and removed on a machine of its own,
// with a real systemd, as an administrator would.
func TestTheDebianPackageLivesFromInstallToPurge(t *testing.T) {
	setup := ""
	if !machine.Inside() {
		need(t, "dpkg", "logger")
		root, err := filepath.Abs("../..")
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command("make", "-C", root, "-s", "deb", "VERSION=9.9.9")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("make deb: %v\n%s", err, out)
		}
		made, err := filepath.Glob(filepath.Join(root, "bin", "tagtail_9.9.9_*.deb"))
		if err != nil || len(made) != 1 {
			t.Fatalf("make deb makes %v, %v", made, err)
		}
		t.Cleanup(func() {
			if err := os.Remove(made[0]); err != nil {
				t.Error(err)
			}
		})
		// Images of containers forbid that anything starts.
		setup = fmt.Sprintf("cp %q /run/test/tagtail.deb; rm -f /usr/sbin/policy-rc.d", made[0])
	}
	if !machine.Own(t, machine.Config{Setup: setup}) {
		return
	}
	run := func(argv ...string) string {
		t.Helper()
		cmd := exec.Command(argv[0], argv[1:]...)
		cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive", "PATH=/usr/sbin:/usr/bin:/sbin:/bin")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %v\n%s", argv, err, out)
		}
		return string(out)
	}
	finds := func(word string) {
		t.Helper()
		var out []byte
		for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
			// Nobody hears a datagram while it starts.
			run("logger", "-n", "127.0.0.1", "-P", "514", "-d", "-t", "shop_dev1", word)
			var err error
			if out, err = exec.Command("/usr/bin/tagtail", "search", "--data", "/var/lib/tagtail", word).CombinedOutput(); err == nil && bytes.Contains(out, []byte(word)) {
				return
			}
		}
		t.Fatalf("%s is not found: %s", word, out)
	}

	run("dpkg", "--force-depends", "-i", "/run/test/tagtail.deb")
	listed := run("dpkg", "-L", "tagtail")
	for _, want := range []string{
		"/usr/bin/tagtail", "/lib/systemd/system/tagtail.service", "/etc/tagtail/tagtail.yaml", "/usr/share/man/man1/tagtail-serve.1.gz",
		"/usr/share/bash-completion/completions/tagtail", "/usr/share/doc/tagtail/copyright", "/usr/share/doc/tagtail/configuration.md",
	} {
		if info, err := os.Stat(want); !strings.Contains(listed, want+"\n") || err != nil || info.Mode().Perm()&0o022 != 0 {
			t.Errorf("%s is not as it should be: %v", want, err)
		}
	}
	if out := run("systemd-analyze", "verify", "/lib/systemd/system/tagtail.service"); strings.Contains(out, "tagtail.service") {
		t.Errorf("systemd finds in the unit: %s", out)
	}
	exposure := regexp.MustCompile(`exposure level for tagtail.service: ([\d.]+)`).FindStringSubmatch(run("systemd-analyze", "security", "--no-pager", "tagtail.service"))
	if exposure == nil || exposure[1] > "3.0" {
		t.Errorf("the unit is exposed by %v, want at most 3.0", exposure)
	}
	if out := run("systemctl", "show", "-p", "ActiveState,SubState,User,UnitFileState", "tagtail"); !strings.Contains(out, "ActiveState=active") || !strings.Contains(out, "UnitFileState=enabled") {
		t.Errorf("after the installation it is %s", out)
	}
	info, err := os.Stat("/var/lib/tagtail")
	if err != nil || info.Mode().Perm() != 0o750 || uidOf(info) == "0" {
		t.Errorf("the data folder is %v, %v", info, err)
	}
	run("/usr/bin/tagtail", "check", "--config", "/etc/tagtail/tagtail.yaml")
	if out := run("journalctl", "-u", "tagtail", "--no-pager"); !strings.Contains(out, "makes a link that logs you in") || strings.Contains(out, "login#") {
		t.Errorf("the journal has %s", out)
	}
	if out := run("setpriv", "--reuid", "tagtail", "--regid", "tagtail", "--clear-groups", "/usr/bin/tagtail", "login", "--data", "/var/lib/tagtail"); !strings.HasPrefix(out, "http://127.0.0.1:8514/login#") {
		t.Errorf("the link is %s", out)
	}
	finds("aardvark")

	// The machine goes down and comes up: before those who log.
	mustWrite(t, "/etc/systemd/system/bottom.target", "[Unit]\nRequires=basic.target\nAfter=basic.target\nAllowIsolate=yes\n")
	run("systemctl", "daemon-reload")
	run("systemctl", "isolate", "bottom.target")
	for end := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		out, _ := exec.Command("systemctl", "is-active", "tagtail").Output()
		if string(out) == "inactive\n" {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("at the bottom it is %s", out)
		}
	}
	kept := run("/usr/bin/tagtail", "verify", "--data", "/var/lib/tagtail")
	if !strings.Contains(kept, "0 findings") {
		t.Errorf("what it has left: %s", kept)
	}
	run("systemctl", "isolate", "multi-user.target")
	finds("zebrafish")
	if out := run("/usr/bin/tagtail", "count", "--data", "/var/lib/tagtail", "aardvark"); out == "0\n" {
		t.Error("what was kept before is gone")
	}
	since := func(unit string) string {
		return strings.TrimSpace(strings.TrimPrefix(run("systemctl", "show", "-p", "ActiveEnterTimestampMonotonic", unit), "ActiveEnterTimestampMonotonic="))
	}
	for _, sender := range []string{"rsyslog", "nginx"} {
		if of := since(sender); of != "0" && len(of) <= len(since("tagtail")) && of < since("tagtail") {
			t.Errorf("%s was up at %s, before tagtail at %s", sender, of, since("tagtail"))
		}
	}

	// Killed, it is back; installed again, it keeps what it has.
	run("systemctl", "kill", "-s", "KILL", "tagtail")
	finds("wolverine")
	mustWrite(t, "/etc/tagtail/tagtail.yaml", "data: /var/lib/tagtail\nsyslog: [udp://127.0.0.1:514]\n")
	run("dpkg", "--force-depends", "--force-confold", "-i", "/run/test/tagtail.deb")
	finds("capybara")

	run("dpkg", "-r", "tagtail")
	for path, there := range map[string]bool{
		"/usr/bin/tagtail": false, "/lib/systemd/system/tagtail.service": false, "/usr/share/doc/tagtail": false,
		"/etc/tagtail/tagtail.yaml": true, "/var/lib/tagtail/accounts.db": true,
	} {
		if _, err := os.Stat(path); (err == nil) != there {
			t.Errorf("removed, %s is there: %t", path, err == nil)
		}
	}
	if out, _ := exec.Command("systemctl", "is-active", "tagtail").Output(); strings.HasPrefix(string(out), "active") {
		t.Error("removed, it still runs")
	}
	run("dpkg", "-P", "tagtail")
	for _, path := range []string{"/etc/tagtail", "/var/lib/tagtail", "/etc/systemd/system/multi-user.target.wants/tagtail.service", "/etc/systemd/system/tagtail.service"} {
		if _, err := os.Lstat(path); err == nil {
			t.Errorf("purged, %s is still there", path)
		}
	}
}
