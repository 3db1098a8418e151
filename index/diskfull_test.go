package index

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// namespaced names the test that runs in a mount namespace of its own.
const namespaced = "TAGTAIL_TEST_NAMESPACED"

// inMountNamespace runs the calling test again in a process whose mounts end
// with it, and tells the process whether it is that one.
func inMountNamespace(t *testing.T) bool {
	t.Helper()
	if os.Getenv(namespaced) == t.Name() {
		return true
	}
	attr := &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
	if os.Geteuid() != 0 {
		attr.Cloneflags |= unix.CLONE_NEWUSER
		attr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
		attr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), namespaced+"="+t.Name())
	cmd.SysProcAttr = attr
	out, err := cmd.CombinedOutput()
	t.Logf("in its own namespace:\n%s", out)
	switch {
	case cmd.Process == nil && os.Getenv("CI") == "":
		t.Skip(err)
	case err != nil:
		t.Fatal(err)
	}
	return false
}

// smallDisk is a folder on a file system of so many bytes.
func smallDisk(t *testing.T, bytes int) string {
	t.Helper()
	dir := t.TempDir()
	err := unix.Mount("none", "/", "", unix.MS_REC|unix.MS_PRIVATE, "")
	if err == nil {
		err = unix.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%d", bytes))
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func TestDiskThatFillsUpAndIsFreedLosesNothingThatWasAcknowledged(t *testing.T) {
	if !inMountNamespace(t) {
		return
	}
	disk := smallDisk(t, 8<<20)
	ballast := filepath.Join(disk, "ballast")
	cfg := Config{Dir: filepath.Join(disk, "data"), HeadEntries: 32, HeadAge: 20 * time.Millisecond, SegmentBytes: 64 << 10}
	s := openStore(t, cfg)
	ctx, cancel := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	go func() { ran <- s.Run(ctx) }()

	var acknowledged []string
	add := func() error {
		n := len(acknowledged)
		message := fmt.Sprintf("message %d %s", n, incompressible(1000, n))
		err := s.Append([]Entry{{Instance: fmt.Sprintf("i/%d", n%3), Message: message}})
		if err == nil {
			acknowledged = append(acknowledged, message)
		}
		return err
	}
	for range 3 {
		for range 200 {
			if err := add(); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.WriteFile(ballast, make([]byte, 16<<20), 0o600); !errors.Is(err, unix.ENOSPC) {
			t.Fatalf("error of the ballast = %v, want that the disk is full", err)
		}
		dropped := s.Stats().Dropped
		for deadline := time.Now().Add(20 * time.Second); s.Stats().Dropped < dropped+100; {
			if err := add(); err != nil && !errors.Is(err, unix.ENOSPC) && !errors.Is(err, errBacklog) {
				t.Fatal(err)
			}
			if time.Now().After(deadline) {
				t.Fatal("the disk is not full")
			}
		}
		if err := os.Remove(ballast); err != nil {
			t.Fatal(err)
		}
		waitFor(t, func() bool { return add() == nil })
		waitFor(t, func() bool { return s.Stats().Pending == 0 })
	}
	if err := s.Sync(ctx); err != nil {
		t.Errorf("sync afterwards: %v", err)
	}
	wantMessages(t, s, "afterwards", acknowledged...)
	cancel()
	if err := <-ran; err != nil {
		t.Error(err)
	}
	closeStore(t, s)
	wantLock(t, cfg.Dir, "closed")
	s = openStore(t, cfg)
	if diff := cmp.Diff(acknowledged, messages(findAll(t, s, Query{}))); diff != "" {
		t.Errorf("after reopening %d messages (-want +got):\n%.2000s", len(acknowledged), diff)
	}
	if stats := s.Stats(); stats.DamagedBlocks+stats.DamagedFrames > 0 {
		t.Errorf("stats = %+v, want no damage", stats)
	}
	closeStore(t, s)
}
