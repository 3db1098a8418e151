package ingest

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// namespaced names the test that runs in namespaces of its own.
const namespaced = "TAGTAIL_TEST_NAMESPACED"

// inNamespaces runs the calling test again in a process with its own
// namespaces, which end with it, and tells the process whether it is that one.
func inNamespaces(t *testing.T, namespaces uintptr) bool {
	t.Helper()
	if os.Getenv(namespaced) == t.Name() {
		return true
	}
	attr := &syscall.SysProcAttr{Cloneflags: namespaces, Pdeathsig: syscall.SIGKILL}
	if os.Geteuid() != 0 {
		attr.Cloneflags |= unix.CLONE_NEWUSER
		attr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
		attr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	args := []string{"-test.run=^" + t.Name() + "$", "-test.v"}
	if testing.Short() {
		args = append(args, "-test.short")
	}
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), namespaced+"="+t.Name())
	cmd.SysProcAttr = attr
	out, err := cmd.CombinedOutput()
	t.Logf("in its own namespaces:\n%s", out)
	switch {
	case cmd.Process == nil && os.Getenv("CI") == "":
		t.Skip(err)
	case err != nil:
		t.Fatal(err)
	}
	return false
}

// ownDev replaces /dev by one in which there is no log socket yet.
func ownDev(t *testing.T) {
	t.Helper()
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	check(unix.Mount("none", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""))
	dir := t.TempDir()
	check(unix.Mount("tmpfs", dir, "tmpfs", 0, "mode=0755"))
	for _, name := range []string{"null", "zero", "random", "urandom"} {
		file := filepath.Join(dir, name)
		check(os.WriteFile(file, nil, 0o600))
		check(unix.Mount("/dev/"+name, file, "", unix.MS_BIND, ""))
	}
	check(unix.Mount(dir, "/dev", "", unix.MS_MOVE, ""))
}

// needRoot ends a test that has to act as several users.
func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() == 0 {
		return
	}
	if os.Getenv("CI") != "" {
		t.Fatal("only root can act as several users")
	}
	t.Skip("only root can act as several users")
}

// asUser makes cmd run as the user uid, without any rights.
func asUser(cmd *exec.Cmd, uid int) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(uid)}}
}
