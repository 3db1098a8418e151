package index

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/tagtail/tagtail/internal/namespace"
)

// smallDisk is a folder on a file system of so many bytes, in a mount namespace
// of the test's own.
func smallDisk(t *testing.T, bytes int) string {
	t.Helper()
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%d", bytes)); err != nil {
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
	if !namespace.Own(t, unix.CLONE_NEWNS) {
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
		if x := s.Trouble(); x.Since.IsZero() || x.Dropped < 100 || x.Err == nil {
			t.Errorf("the trouble is %+v with a full disk", x)
		}
		if err := os.Remove(ballast); err != nil {
			t.Fatal(err)
		}
		waitFor(t, func() bool { return add() == nil })
		if x := s.Trouble(); x != (Trouble{}) {
			t.Errorf("the trouble is %+v with room on the disk", x)
		}
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

func TestCloseOnADiskThatIsFullLosesNothing(t *testing.T) {
	if !namespace.Own(t, unix.CLONE_NEWNS) {
		return
	}
	disk := smallDisk(t, 8<<20)
	ballast := filepath.Join(disk, "ballast")
	cfg := Config{Dir: filepath.Join(disk, "data")}
	s := openStore(t, cfg)
	sealedMessages(t, s, "a/b", "in a block")
	appendMessages(t, s, "a/b", "in the journal", incompressible(100_000, 1))
	appendMessages(t, s, "c/d", "in the journal", incompressible(100_000, 2))
	want := messages(findAll(t, s, Query{}))
	if err := os.WriteFile(ballast, make([]byte, 16<<20), 0o600); !errors.Is(err, unix.ENOSPC) {
		t.Fatalf("error of the ballast = %v, want that the disk is full", err)
	}
	closeStore(t, s)
	if stats := s.Stats(); stats.Blocks != 1 || stats.Pending != 2 {
		t.Errorf("stats = %+v, want that two blocks could not be written", stats)
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	s = openStore(t, cfg)
	wantMessages(t, s, "after a restart", want...)
	closeStore(t, s)
	if n := journalEntries(t, cfg.Dir); n > 0 {
		t.Errorf("%d entries are in the journal once the disk has room", n)
	}
}
