package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/tagtail/tagtail/cmd/tagtail/archive"
)

// Somebody commits and packs while a repository is copied: what the copy's
// branches lead to is there.
func TestBackupOfARepositoryAtWorkIsWhole(t *testing.T) {
	dir := t.TempDir()
	repo := filepath.Join(dir, "git", "shop.git")
	git := func(args ...string) {
		cmd := exec.Command("git", append([]string{"-C", repo, "-c", "user.name=dev1", "-c", "user.email=dev1@localhost"}, args...)...)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("git %v: %v %s", args, err, out)
		}
	}
	if err := os.MkdirAll(repo, 0o755); err != nil {
		t.Fatal(err)
	}
	git("init", "-q", "-b", "dev1", ".")
	git("commit", "-q", "--allow-empty", "-m", "first")
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			git("commit", "-q", "--allow-empty", "-m", "next")
			if i%5 == 0 {
				git("gc", "-q", "--prune=now")
			}
		}
	}()
	t.Cleanup(func() {
		close(stop)
		<-done
	})
	for i := range 10 {
		var b bytes.Buffer
		out := archive.NewWriter(&b, "", nil)
		if err := addRepository(out, filepath.Join(repo, ".git"), ""); err != nil {
			t.Fatal(err)
		}
		if err := out.Close(); err != nil {
			t.Fatal(err)
		}
		copied := filepath.Join(dir, "copy", string(rune('a'+i)))
		if _, err := archive.Each("-", &b, func(f archive.File) error { return archive.Put(copied, f.Name, f) }); err != nil {
			t.Fatal(err)
		}
		for _, sub := range []string{"refs/heads", "refs/tags", "objects"} { // git wants them, though they are empty
			if err := os.MkdirAll(filepath.Join(copied, sub), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		if out, err := exec.Command("git", "-C", copied, "fsck", "--full", "--connectivity-only").CombinedOutput(); err != nil {
			t.Fatalf("copy %d: %v %s", i, err, out)
		}
		if out, err := exec.Command("git", "-C", copied, "log", "--format=%s", "dev1").CombinedOutput(); err != nil || !bytes.HasSuffix(out, []byte("first\n")) {
			t.Fatalf("copy %d: %v %s", i, err, out)
		}
	}
}
