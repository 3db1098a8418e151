// Package namespace runs a test in Linux namespaces of its own, which end with
// it: networks that count only its own datagrams, file systems that it may fill.
package namespace

import (
	"os"
	"os/exec"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// inside names the test that runs in namespaces of its own.
const inside = "TAGTAIL_TEST_NAMESPACED"

// Own runs the calling test again in a process with its own namespaces, of
// unix.CLONE_NEWNET and CLONE_NEWNS, and tells the process whether it is that
// one; the other has nothing more to do. There 127.0.0.1 is usable, and mounts
// stay inside. Where the kernel does not allow it the test skips, or fails
// under CI.
func Own(t *testing.T, namespaces uintptr) bool {
	t.Helper()
	if os.Getenv(inside) == t.Name() {
		prepare(t, namespaces)
		return true
	}
	attr := &syscall.SysProcAttr{Cloneflags: namespaces, Pdeathsig: syscall.SIGKILL}
	if os.Geteuid() != 0 {
		attr.Cloneflags |= unix.CLONE_NEWUSER
		attr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
		attr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	args := []string{"-test.run=^" + t.Name() + "$", "-test.v", "-test.timeout=5m"}
	if testing.Short() {
		args = append(args, "-test.short")
	}
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), inside+"="+t.Name())
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

// prepare makes new namespaces usable.
func prepare(t *testing.T, namespaces uintptr) {
	t.Helper()
	var err error
	if namespaces&unix.CLONE_NEWNS != 0 {
		err = unix.Mount("none", "/", "", unix.MS_REC|unix.MS_PRIVATE, "")
	}
	if err == nil && namespaces&unix.CLONE_NEWNET != 0 {
		err = loopbackUp()
	}
	if err != nil {
		t.Fatalf("prepare namespaces: %v", err)
	}
}

// loopbackUp makes 127.0.0.1 usable in a new network.
func loopbackUp() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(fd) }() // it was only asked
	request, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	request.SetUint16(unix.IFF_UP)
	return unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, request)
}
