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
	"strings"
	"syscall"
	"testing"
	"time"
)

// inside names the test that runs on a machine of its own.
const inside = "TAGTAIL_TEST_MACHINE"

// Config is what a machine has beyond this one.
type Config struct {
	// Setup is a shell script that root runs there before the test.
	Setup string
	// User is who runs the test there. Default root.
	User string
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
	dir := t.TempDir()
	pid, out := start(t, dir)
	if pid == 0 {
		cannot(t, "systemd does not start in namespaces of its own:\n"+out())
		return false
	}
	in := func(argv ...string) *exec.Cmd {
		return exec.Command("nsenter", append([]string{"--target", fmt.Sprint(pid), "--all", "--"}, argv...)...)
	}
	if err := running(in); err != nil {
		cannot(t, fmt.Sprintf("systemd does not get ready: %v\n%s", err, out()))
		return false
	}
	wd, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	setup := in("sh", "-eu", "-c", `mkdir /run/test; cp "$1" /run/test/program; cp -r "$2" /run/test/folder; chmod -R a+rX /run/test; `+cfg.Setup, "sh", program, wd)
	if text, err := setup.CombinedOutput(); err != nil {
		t.Fatalf("set the machine up: %v\n%s", err, text)
	}
	argv := []string{"env", inside + "=" + t.Name(), "HOME=/tmp"}
	if cfg.User != "" {
		argv = append(argv, "setpriv", "--reuid", cfg.User, "--regid", cfg.User, "--init-groups", "--inh-caps=-all", "--bounding-set=-all", "--no-new-privs")
	}
	argv = append(argv, "sh", "-c", `cd /run/test/folder; exec "$@"`, "sh", "/run/test/program", "-test.run=^"+t.Name()+"$", "-test.v", "-test.timeout=5m")
	text, err := in(argv...).CombinedOutput()
	t.Logf("on its own machine:\n%s", text)
	if err != nil {
		journal, _ := in("journalctl", "--no-pager", "-q", "-n", "60").CombinedOutput()
		t.Fatalf("%v; the machine's journal ends with\n%s", err, journal)
	}
	return false
}

func cannot(t *testing.T, why string) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatal(why)
	}
	t.Skip(why)
}

// start boots the machine, which ends with the test. It gives the number of its
// first process as it is seen from here, 0 if there is none, and what it said.
func start(t *testing.T, dir string) (pid int, said func() string) {
	t.Helper()
	script := filepath.Join(dir, "boot.sh")
	if err := os.WriteFile(script, []byte(boot), 0o700); err != nil {
		t.Fatal(err)
	}
	name := "tagtail-test-" + fmt.Sprint(os.Getpid()) + "-" + filepath.Base(dir)
	log, err := os.Create(filepath.Join(dir, "boot.log"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("unshare", "--mount", "--propagation", "private", "sh", "-eu", script, "outside", dir, name)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setsid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait() // it is killed
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // and so --kill-child ends the machine
		<-ended
		away := exec.Command("unshare", "--mount", "--propagation", "private", "sh", "-u", script, "away", dir, name)
		if text, err := away.CombinedOutput(); err != nil {
			t.Errorf("remove the machine's control group: %v\n%s", err, text)
		}
		if err := log.Close(); err != nil {
			t.Error(err)
		}
	})
	said = func() string {
		b, _ := os.ReadFile(log.Name())
		return string(b)
	}
	children := fmt.Sprintf("/proc/%d/task/%[1]d/children", cmd.Process.Pid)
	for deadline := time.Now().Add(bootTimeout); time.Now().Before(deadline); {
		select {
		case <-ended:
			return 0, said
		case <-time.After(20 * time.Millisecond):
		}
		b, err := os.ReadFile(children)
		if err != nil {
			continue
		}
		var child int
		if _, err := fmt.Sscan(string(b), &child); err != nil {
			continue
		}
		if exe, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", child)); err == nil && strings.HasSuffix(exe, "/systemd") {
			return child, said
		}
	}
	return 0, said
}

// running waits until the machine has started what it starts.
func running(in func(...string) *exec.Cmd) error {
	var last []byte
	for deadline := time.Now().Add(bootTimeout); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		last, _ = in("systemctl", "is-system-running").CombinedOutput()
		switch state := string(bytes.TrimSpace(last)); state {
		case "running", "degraded":
			return nil
		}
	}
	return errors.New(string(last))
}
