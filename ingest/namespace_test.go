package ingest

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// ownDev replaces /dev by one in which there is no log socket yet, in a mount
// namespace of the test's own.
func ownDev(t *testing.T) {
	t.Helper()
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
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
