package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/tagtail/tagtail/internal/machine"
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

// makeDeb makes the package in a folder of its own.
func makeDeb(t *testing.T, env ...string) (path string) {
	t.Helper()
	dir := t.TempDir()
	// The outer make's flags and jobs are not this one's.
	cmd := exec.Command("make", "-C", "../..", "deb", "OUT="+dir)
	cmd.Env = append(os.Environ(), append([]string{"MAKEFLAGS=", "MAKELEVEL="}, env...)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("make deb: %v\n%s", err, out)
	}
	return filepath.Join(dir, "tagtail_"+runtime.GOARCH+".deb")
}

// What somebody does with the package in its life, on a machine of its own that
// is rebooted in between: install, upgrade, remove, purge.
func TestThePackageInstallsRebootsUpgradesAndGoes(t *testing.T) {
	need(t, "make", "dpkg", "logger", "rsyslogd")
	deb := "/var/tmp/tagtail.deb"
	setup := ""
	if !machine.Inside() {
		made := makeDeb(t, "TZ=Asia/Shanghai")
		if again := makeDeb(t); !bytes.Equal(mustRead(t, made), mustRead(t, again)) {
			t.Error("the package is not the same when it is made again")
		}
		setup = "cp " + made + " " + deb + `
			rm -f /usr/sbin/policy-rc.d /var/lib/man-db/auto-update
			printf '[Unit]\nBefore=network.target\nWants=network.target\n[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n' >/etc/systemd/system/network.service
			systemctl enable --now network rsyslog`
	}
	if !machine.Own(t, machine.Config{Setup: setup, Target: "multi-user.target", Boots: 2}) {
		return
	}
	p := &packaged{t: t, deb: deb}
	if machine.Boot() == 1 {
		mustWrite(t, "/var/tmp/before", strings.Join(filesOfTheSystem(t), "\n"))
		p.install()
	} else {
		p.comeBack()
		p.upgrade()
		p.remove()
		p.purge()
	}
}

// packaged is the package on a machine.
type packaged struct {
	t   *testing.T
	deb string
}

// run gives what a command prints, which has to be content.
func (p *packaged) run(argv ...string) string {
	p.t.Helper()
	out, err := exec.Command(argv[0], argv[1:]...).CombinedOutput()
	if err != nil {
		status, _ := exec.Command("systemctl", "status", "--no-pager", "-l", "tagtail").CombinedOutput()
		p.t.Fatalf("%q: %v\n%s\n%s", argv, err, out, status)
	}
	return strings.TrimSpace(string(out))
}

// serves waits until it takes requests.
func (p *packaged) serves() {
	p.t.Helper()
	eventually(p.t, func() bool {
		answer, err := http.Get("http://127.0.0.1:8514/readyz")
		return err == nil && answer.Body.Close() == nil && answer.StatusCode == http.StatusOK
	}, func() string { return p.run("systemctl", "status", "--no-pager", "-l", "tagtail") })
}

// has waits until a message can be found.
func (p *packaged) has(message string) {
	p.t.Helper()
	eventually(p.t, func() bool {
		return p.run("tagtail", "count", `"`+message+`"`, "--config", "/etc/tagtail/tagtail.yaml") == "1"
	},
		func() string { return message + " is not found" })
}

func (p *packaged) install() {
	t := p.t
	p.run("dpkg", "-i", p.deb)
	if out := p.run("dpkg", "-V", "tagtail"); out != "" {
		t.Errorf("dpkg -V: %s", out)
	}
	installed := strings.Split(p.run("dpkg", "-L", "tagtail"), "\n")
	for _, want := range []string{
		"/usr/bin/tagtail", "/lib/systemd/system/tagtail.service", "/etc/tagtail/tagtail.yaml", "/usr/lib/sysusers.d/tagtail.conf",
		"/usr/share/man/man1/tagtail-serve.1.gz", "/usr/share/bash-completion/completions/tagtail", "/usr/share/zsh/vendor-completions/_tagtail",
		"/usr/share/fish/vendor_completions.d/tagtail.fish", "/usr/share/doc/tagtail/copyright", "/usr/share/doc/tagtail/docs/configuration.md",
	} {
		if !slices.Contains(installed, want) {
			t.Errorf("the package has no %s", want)
		}
	}
	if out := p.run("systemd-analyze", "verify", "tagtail.service"); out != "" {
		t.Errorf("systemd-analyze verify: %s", out)
	}
	p.run("tagtail", "check", "--config", "/etc/tagtail/tagtail.yaml")
	p.serves()
	p.run("logger", "-n", "127.0.0.1", "-P", "514", "-d", "-t", "socketserver_dev1", "before the reboot")
	p.run("logger", "-n", "127.0.0.1", "-P", "514", "-T", "-t", "socketserver_dev1", "by TCP")
	p.run("logger", "-u", "/run/tagtail/log.sock", "-t", "socketserver_dev1", "to the socket")
	for _, message := range []string{"before the reboot", "by TCP", "to the socket"} {
		p.has(message)
	}
	if got := p.run("stat", "-c", "%U:%G %a", "/etc/tagtail/tagtail.yaml", "/var/lib/tagtail"); got != "root:tagtail 640\ntagtail:tagtail 751" {
		t.Errorf("configuration and data are %q", got)
	}
	status := string(mustRead(t, "/proc/"+p.run("systemctl", "show", "--property=MainPID", "--value", "tagtail")+"/status"))
	uid := p.run("id", "-u", "tagtail")
	const bind = "0000000000000400" // CAP_NET_BIND_SERVICE
	for _, want := range []string{"Uid:\t" + uid + "\t", "CapEff:\t" + bind, "CapBnd:\t" + bind, "NoNewPrivs:\t1", "Seccomp:\t2"} {
		if !strings.Contains(status, want) {
			t.Errorf("the process's status has no %q:\n%s", want, status)
		}
	}
	if journal := p.run("journalctl", "-q", "--no-pager", "-u", "tagtail"); strings.Contains(journal, "/login") || !strings.Contains(journal, "tagtail login --data /var/lib/tagtail") {
		t.Errorf("the journal has a link that logs in, or does not say how to make one:\n%s", journal)
	}
	if link := p.run("tagtail", "login", "--config", "/etc/tagtail/tagtail.yaml"); !strings.Contains(link, "http://127.0.0.1:8514/") {
		t.Errorf("tagtail login prints %q", link)
	}
	if got := p.run("systemctl", "is-enabled", "tagtail"); got != "enabled" {
		t.Errorf("the service is %s", got)
	}
}

// comeBack looks at the machine that has been booted again.
func (p *packaged) comeBack() {
	t := p.t
	p.serves()
	p.has("before the reboot")
	p.run("logger", "-n", "127.0.0.1", "-P", "514", "-d", "-t", "socketserver_dev1", "after the reboot")
	p.has("after the reboot")
	when := func(unit, what string) int {
		n, err := strconv.Atoi(p.run("systemctl", "show", "--property="+what+"TimestampMonotonic", "--value", unit))
		if err != nil || n == 0 {
			t.Fatalf("%s of %s: %d %v", what, unit, n, err)
		}
		return n
	}
	began := when("tagtail.service", "InactiveExit")
	if network := when("network.target", "ActiveEnter"); network > began {
		t.Errorf("Tagtail began at %d, before the network at %d", began, network)
	}
	if up, rsyslog := when("tagtail.service", "ActiveEnter"), when("rsyslog.service", "InactiveExit"); up > rsyslog {
		t.Errorf("rsyslog began at %d, before Tagtail at %d", rsyslog, up)
	}
}

// upgrade installs it over itself, where a person has changed something.
func (p *packaged) upgrade() {
	t := p.t
	const file = "/etc/tagtail/tagtail.yaml"
	p.run("sh", "-c", "echo 'keep_bytes: 1GB' >>"+file)
	changed := mustRead(t, file)
	before := p.run("systemctl", "show", "--property=MainPID", "--value", "tagtail")
	p.run("dpkg", "-i", p.deb)
	if !bytes.Equal(mustRead(t, file), changed) {
		t.Errorf("the upgrade has changed %s", file)
	}
	if after := p.run("systemctl", "show", "--property=MainPID", "--value", "tagtail"); after == before || after == "0" {
		t.Errorf("the new program does not run: process %s, before %s", after, before)
	}
	p.serves()
	p.has("after the reboot")

	p.run("systemctl", "disable", "--now", "tagtail")
	p.run("dpkg", "-i", p.deb)
	if out, err := exec.Command("systemctl", "is-active", "tagtail").Output(); err == nil {
		t.Errorf("an upgrade starts what somebody has stopped: %s", out)
	}
	if out, err := exec.Command("systemctl", "is-enabled", "tagtail").Output(); err == nil {
		t.Errorf("an upgrade enables what somebody has disabled: %s", out)
	}
	p.run("systemctl", "enable", "--now", "tagtail")
	p.serves()
}

func (p *packaged) remove() {
	t := p.t
	p.run("dpkg", "-r", "tagtail")
	if out := p.run("sh", "-c", "find /proc -maxdepth 1 -user tagtail 2>/dev/null || true"); out != "" {
		t.Errorf("processes are left: %s", out)
	}
	for _, gone := range []string{"/usr/bin/tagtail", "/lib/systemd/system/tagtail.service", "/run/tagtail"} {
		if _, err := os.Lstat(gone); err == nil {
			t.Errorf("%s is left", gone)
		}
	}
	for _, kept := range []string{"/etc/tagtail/tagtail.yaml", "/var/lib/tagtail/logs"} {
		if _, err := os.Stat(kept); err != nil {
			t.Errorf("a removal that is no purge takes away: %v", err)
		}
	}
}

func (p *packaged) purge() {
	t := p.t
	const data = "/var/lib/tagtail"
	// A disk of its own is somebody's decision.
	p.run("mount", "-t", "tmpfs", "tmpfs", data)
	mustWrite(t, data+"/precious", "precious")
	if out := p.run("sh", "/var/lib/dpkg/info/tagtail.postrm", "purge"); !strings.Contains(out, "stays in "+data) {
		t.Errorf("the purge says %q", out)
	}
	if _, err := os.Stat(data + "/precious"); err != nil {
		t.Errorf("the purge took what is on a disk of its own: %v", err)
	}
	p.run("umount", data)

	p.run("dpkg", "-P", "tagtail")
	before := strings.Split(string(mustRead(t, "/var/tmp/before")), "\n")
	for _, name := range filesOfTheSystem(t) {
		if _, had := slices.BinarySearch(before, name); !had {
			t.Errorf("the purge leaves %s", name)
		}
	}
	// On purpose: files elsewhere may be theirs.
	p.run("id", "tagtail")
}

// filesOfTheSystem are the names of all files where packages and services leave
// some, but for those of dpkg, the journal and the list of users.
func filesOfTheSystem(t *testing.T) []string {
	t.Helper()
	var names []string
	for _, top := range []string{"/etc", "/opt", "/srv", "/usr", "/var"} {
		err := filepath.WalkDir(top, func(name string, d fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case d.IsDir() && slices.Contains([]string{"/var/lib/dpkg", "/var/log", "/var/cache", "/var/tmp"}, name):
				return fs.SkipDir
			case name == "/etc/.pwd.lock", slices.Contains([]string{"/etc/passwd-", "/etc/group-", "/etc/shadow-", "/etc/gshadow-"}, name):
				return nil
			}
			names = append(names, name)
			return nil
		})
		if err != nil {
			t.Fatal(fmt.Errorf("list %s: %w", top, err))
		}
	}
	slices.Sort(names)
	return names
}

func mustRead(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// What the binary is made of has to be named in the package.
func TestTheCopyrightOfThePackageNamesEveryModule(t *testing.T) {
	cmd := exec.Command("go", "list", "-deps", "-f", "{{with .Module}}{{.Path}}{{end}}", ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	named := strings.Fields(string(mustRead(t, "../../packaging/copyright")))
	used := strings.Fields(string(out))
	for _, m := range used {
		if m != module && !slices.Contains(named, m) {
			t.Errorf("packaging/copyright does not name %s", m)
		}
	}
	for _, m := range named {
		if strings.Contains(m, "/") && strings.Contains(m, ".") && !strings.HasPrefix(m, "/") && !strings.Contains(m, ":") && !slices.Contains(used, m) {
			t.Errorf("packaging/copyright names %s, which the program does not have", m)
		}
	}
}
