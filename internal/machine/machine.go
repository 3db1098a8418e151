// Package machine runs a test on a machine of its own: a real systemd as process
// 1, in namespaces that end with the test, on a copy-on-write view of this
// machine's file systems.
package machine

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// inside names the test that runs on a machine of its own, and onBoot counts how
// often that has been booted.
const (
	inside = "TAGTAIL_TEST_MACHINE"
	onBoot = "TAGTAIL_TEST_BOOT"
)

// Config is what a machine has beyond this one.
type Config struct {
	// Setup is a shell script that root runs there before the test.
	Setup string
	// User is who runs the test there. Default root.
	User string
	// Target is the unit to which it boots. Default basic.target, without services.
	Target string
	// Boots is how often the test runs, the machine being rebooted in between.
	// Setup is for the first only. Default once.
	Boots int
}

// Boot counts the machine's boots, from 1.
func Boot() int {
	n, _ := strconv.Atoi(os.Getenv(onBoot))
	return n
}

// Inside tells whether the process is on such a machine.
func Inside() bool { return os.Getenv(inside) != "" }

//go:embed boot.sh
var boot string

const (
	systemd     = "/lib/systemd/systemd"
	bootTimeout = 90 * time.Second
)

// Own runs the calling test again on a machine of its own, in a copy of its
// folder, and tells the process whether it is that one; the other has nothing
// more to do. Only the loopback network is there. Where that cannot be, the test
// skips and says why, or fails under CI.
func Own(t *testing.T, cfg Config) bool {
	t.Helper()
	if os.Getenv(inside) == t.Name() {
		return true
	}
	if _, err := os.Stat(systemd); err != nil || os.Geteuid() != 0 {
		cannot(t, "needs root and systemd")
		return false
	}
	m := start(t, cfg)
	for boot := 1; boot <= max(1, cfg.Boots); boot++ {
		if boot > 1 {
			_, _ = m.in("systemctl", "reboot").CombinedOutput() // it may be gone before it answers
			cfg.Setup = ""
		}
		if err := m.boot(); err != nil {
			cannot(t, fmt.Sprintf("systemd does not start in namespaces of its own: %v\n%s", err, m.said()))
			return false
		}
		m.run(t, cfg, boot)
	}
	return false
}

// run runs the test there.
func (m *machine) run(t *testing.T, cfg Config, boot int) {
	t.Helper()
	wd, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	setup := m.in("sh", "-eu", "-c", `mkdir /run/test; cp "$1" /run/test/program; cp -r "$2" /run/test/folder; chmod -R a+rX /run/test; `+cfg.Setup, "sh", program, wd)
	if text, err := setup.CombinedOutput(); err != nil {
		t.Fatalf("set the machine up: %v\n%s", err, text)
	}
	argv := []string{"env", inside + "=" + t.Name(), onBoot + "=" + strconv.Itoa(boot), "HOME=/tmp"}
	if cfg.User != "" {
		argv = append(argv, "setpriv", "--reuid", cfg.User, "--regid", cfg.User, "--init-groups", "--inh-caps=-all", "--bounding-set=-all", "--no-new-privs")
	}
	argv = append(argv, "sh", "-c", `cd /run/test/folder; exec "$@"`, "sh", "/run/test/program", "-test.run=^"+t.Name()+"$", "-test.v", "-test.timeout=5m")
	text, err := m.in(argv...).CombinedOutput()
	t.Logf("on its own machine:\n%s", text)
	if err != nil {
		journal, _ := m.in("journalctl", "--no-pager", "-q", "-n", "60").CombinedOutput()
		t.Fatalf("%v; the machine's journal ends with\n%s", err, journal)
	}
}

func cannot(t *testing.T, why string) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatal(why)
	}
	t.Skip(why)
}

// machine is one that runs.
type machine struct {
	cmd   *exec.Cmd // outside of it
	ended chan struct{}
	log   string // a file
	pid   int    // of its first process, as it is seen from here
}

// start begins to boot the machine, which ends with the test.
func start(t *testing.T, cfg Config) *machine {
	t.Helper()
	dir := t.TempDir()
	script := filepath.Join(dir, "boot.sh")
	if err := os.WriteFile(script, []byte(boot), 0o700); err != nil {
		t.Fatal(err)
	}
	name := "tagtail-test-" + fmt.Sprint(os.Getpid()) + "-" + filepath.Base(dir)
	log, err := os.Create(filepath.Join(dir, "boot.log"))
	if err != nil {
		t.Fatal(err)
	}
	target := cfg.Target
	if target == "" {
		target = "basic.target"
	}
	cmd := exec.Command("unshare", "--mount", "--propagation", "private", "sh", "-eu", script, "outside", dir, name, target)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setsid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	m := &machine{cmd: cmd, ended: make(chan struct{}), log: log.Name()}
	go func() {
		defer close(m.ended)
		_ = cmd.Wait() // it is killed
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // and so each process below it, down to the machine's first
		<-m.ended
		away := exec.Command("unshare", "--mount", "--propagation", "private", "sh", "-u", script, "away", dir, name, target)
		if text, err := away.CombinedOutput(); err != nil {
			t.Errorf("remove the machine's control group: %v\n%s", err, text)
		}
		if err := log.Close(); err != nil {
			t.Error(err)
		}
	})
	return m
}

// in is a command that runs there.
func (m *machine) in(argv ...string) *exec.Cmd {
	return exec.Command("nsenter", append([]string{"--target", strconv.Itoa(m.pid), "--all", "--"}, argv...)...)
}

func (m *machine) said() string {
	b, _ := os.ReadFile(m.log)
	return string(b)
}

// boot waits for a first process that is another than before, and until it has
// started what it starts.
func (m *machine) boot() error {
	before := m.pid
	deadline := time.Now().Add(bootTimeout)
	for m.pid == before {
		select {
		case <-m.ended:
			return errors.New("it has ended")
		case <-time.After(20 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			return errors.New("it takes too long")
		}
		// The shell's child makes the namespaces, and its child is systemd.
		first := childOf(childOf(m.cmd.Process.Pid))
		if exe, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", first)); first != 0 && err == nil && strings.HasSuffix(exe, "/systemd") {
			m.pid = first
		}
	}
	var last []byte
	for ; time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		last, _ = m.in("systemctl", "is-system-running").CombinedOutput()
		switch state := string(bytes.TrimSpace(last)); state {
		case "running", "degraded":
			return nil
		}
	}
	return fmt.Errorf("it does not get ready: %s", last)
}

// childOf is the first child of a process, 0 if it has none.
func childOf(pid int) (child int) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%[1]d/children", pid))
	if err != nil {
		return 0
	}
	_, _ = fmt.Sscan(string(b), &child) // of an empty file: 0
	return child
}
