package logfile

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

const patience = 60 * time.Second

// running is a Writer at work, and what it said.
type running struct {
	*Writer
	t    *testing.T
	stop context.CancelFunc
	done chan struct{}

	mu    sync.Mutex
	words []string
}

// start runs a Writer until the test ends.
func start(t *testing.T, cfg Config) *running {
	t.Helper()
	r := &running{t: t, done: make(chan struct{})}
	cfg.FileMode, cfg.DirMode = 0o640, 0o750
	cfg.Owner, cfg.Group, cfg.DirOwner, cfg.DirGroup = -1, -1, -1, -1
	if cfg.QueueBytes == 0 {
		cfg.QueueBytes = 1 << 20
	}
	cfg.Trouble = func(text string) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.words = append(r.words, text)
	}
	r.Writer = New(cfg)
	ctx, stop := context.WithCancel(t.Context())
	r.stop = stop
	go func() {
		r.Run(ctx)
		close(r.done)
	}()
	t.Cleanup(r.end)
	return r
}

func (r *running) end() {
	r.stop()
	<-r.done
}

func (r *running) put(path, line string) {
	r.Put([]byte(path), []byte(line+"\n"))
	r.Wake()
}

func (r *running) said() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.words)
}

// await waits until ok.
func (r *running) await(what string, ok func() bool) {
	r.t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			r.t.Fatalf("%s does not come; it said %q", what, r.said())
		}
	}
}

// awaitText waits until a file has just that in it.
func (r *running) awaitText(path, want string) {
	r.t.Helper()
	r.await(fmt.Sprintf("%q in %s", want, path), func() bool { return read(path) == want })
}

func read(path string) string {
	text, _ := os.ReadFile(path)
	return string(text)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// What is written until the file is looked at again goes where the old one is,
// as with any logrotate.
func TestAFileThatWasMovedOrDeletedIsOpenedAnew(t *testing.T) {
	for _, dynamic := range []bool{false, true} {
		path := filepath.Join(t.TempDir(), "a", "b", "log")
		cfg, with := Config{Path: path, CreateDirs: true}, ""
		if dynamic {
			cfg, with = Config{CreateDirs: true, CacheSize: 3}, path
		}
		r := start(t, cfg)
		r.put(with, "one")
		r.awaitText(path, "one\n")
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o640 {
			t.Errorf("the file is %v, %v", info.Mode(), err)
		}
		if info, err := os.Stat(filepath.Dir(path)); err != nil || info.Mode().Perm() != 0o750 {
			t.Errorf("its folder is %v, %v", info.Mode(), err)
		}

		must(t, os.Rename(path, path+".1"))
		r.await("a new file", func() bool {
			r.put(with, "two")
			return read(path) != ""
		})
		must(t, os.Remove(path))
		r.await("a new file", func() bool {
			r.put(with, "three")
			return read(path) != ""
		})
		// copytruncate
		must(t, os.Truncate(path, 0))
		r.put(with, "four")
		r.await("the end", func() bool { return strings.HasSuffix(read(path), "four\n") })
		if text := read(path); strings.Contains(text, "\x00") {
			t.Errorf("the truncated file has a hole: %q", text)
		}
		must(t, os.RemoveAll(filepath.Dir(path)))
		r.await("a new folder", func() bool {
			r.put(with, "five")
			return read(path) != ""
		})
		if old := read(path + ".1"); old != "" {
			t.Errorf("the folder was not removed: %q", old)
		}
		if said := r.said(); len(said) > 0 {
			t.Errorf("it said %q", said)
		}
	}
}

func TestReopenOpensAnewAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	r := start(t, Config{Path: path})
	for i := range 20 {
		line := fmt.Sprintf("line %d", i)
		r.put("", line)
		r.awaitText(path, line+"\n")
		must(t, os.Rename(path, fmt.Sprintf("%s.%d", path, i)))
		r.Reopen()
	}
	for i := range 20 {
		if got, want := read(fmt.Sprintf("%s.%d", path, i)), fmt.Sprintf("line %d\n", i); got != want {
			t.Errorf("file %d: got %q, want %q", i, got, want)
		}
	}
}

func TestNoMoreFilesAreOpenThanTheCacheHolds(t *testing.T) {
	dir := t.TempDir()
	r := start(t, Config{CacheSize: 4})
	const lines, files = 500, 50
	for i := range lines {
		r.put(filepath.Join(dir, fmt.Sprint(i*i%files)), fmt.Sprint(i))
	}
	r.await("all lines", func() bool { done, _, _, _ := r.Stats(); return done == lines })
	open := 0
	fds, err := os.ReadDir("/proc/self/fd")
	must(t, err)
	for _, fd := range fds {
		if to, err := os.Readlink("/proc/self/fd/" + fd.Name()); err == nil && strings.HasPrefix(to, dir) {
			open++
		}
	}
	if open == 0 || open > 4 {
		t.Errorf("%d files are open, want up to 4", open)
	}
	count := 0
	for i := range files {
		count += strings.Count(read(filepath.Join(dir, fmt.Sprint(i))), "\n")
	}
	if count != lines {
		t.Errorf("got %d lines, want %d", count, lines)
	}
}

// A name that an administrator writes may be a link, one that messages make may
// not; and nothing but files is written to.
func TestLinksAreFollowedWhereAnAdministratorNamesThem(t *testing.T) {
	dir := t.TempDir()
	target, link := filepath.Join(dir, "target"), filepath.Join(dir, "link")
	must(t, os.Symlink(target, link))
	r := start(t, Config{Path: link})
	r.put("", "one")
	r.awaitText(target, "one\n")
	r.end()

	r = start(t, Config{CacheSize: 3})
	r.put(link, "two")
	r.put(filepath.Join(dir, "other"), "three")
	r.awaitText(filepath.Join(dir, "other"), "three\n")
	if got := read(target); got != "one\n" {
		t.Errorf("the link was followed: %q", got)
	}
	if _, dropped, _, wrong := r.Stats(); dropped != 1 || !strings.HasPrefix(wrong, link+" cannot be written to: ") {
		t.Errorf("%d are dropped, and wrong is %q", dropped, wrong)
	}
}

func TestWhatIsNoFileIsNotWrittenTo(t *testing.T) {
	dir := t.TempDir()
	pipe, folder := filepath.Join(dir, "pipe"), filepath.Join(dir, "folder")
	must(t, unix.Mkfifo(pipe, 0o600))
	must(t, os.Mkdir(folder, 0o700))
	must(t, os.WriteFile(filepath.Join(dir, "file"), nil, 0o600))
	for path, why := range map[string]string{pipe: "no such device", folder: "is a directory", filepath.Join(dir, "file", "below"): "not a directory", "/dev/full": "it is not a file", filepath.Join(dir, "none", "below"): "no such file"} {
		r := start(t, Config{Path: path})
		r.put("", "one")
		r.await("the sentence", func() bool { return len(r.said()) > 0 })
		if said := r.said()[0]; !strings.HasPrefix(said, path+" cannot be written to: ") || !strings.Contains(said, why) {
			t.Errorf("it said %q, want that %s", said, why)
		}
		r.end()
		if _, dropped, _, _ := r.Stats(); dropped != 1 {
			t.Errorf("%s: %d are dropped, want 1", path, dropped)
		}
		if said := r.said(); said[len(said)-1] != "1 messages are missing in "+path+"; they are in Tagtail's own store" {
			t.Errorf("at the end it said %q", said)
		}
	}
}

// mountSmall gives the test a file system of 64 KiB.
func mountSmall(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := unix.Mount("none", dir, "tmpfs", 0, "size=64k"); err != nil {
		t.Skipf("only root can make a small disk: %v", err)
	}
	t.Cleanup(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) })
	return dir
}

// While the disk is full the queue fills, what has no room is counted, and
// every line that is in the file is whole and in order when there is room again.
func TestWhileTheDiskIsFullLinesWaitAndAreCounted(t *testing.T) {
	dir := mountSmall(t)
	path, ballast := filepath.Join(dir, "log"), filepath.Join(dir, "ballast")
	r := start(t, Config{Path: path, QueueBytes: 32 << 10})
	must(t, os.WriteFile(ballast, make([]byte, 32<<10), 0o600))
	next := 0
	put := func() {
		r.put("", fmt.Sprintf("%d %s", next, strings.Repeat("x", 500)))
		next++
	}
	r.await("a full disk", func() bool { put(); return len(r.said()) > 0 })
	if said := r.said()[0]; !strings.Contains(said, "no space left on device") {
		t.Errorf("it said %q", said)
	}
	r.await("a full queue", func() bool { put(); _, dropped, _, _ := r.Stats(); return dropped > 10 })
	must(t, os.Remove(ballast))
	r.await("what waited", func() bool { _, _, waiting, wrong := r.Stats(); return waiting == 0 && wrong == "" })
	r.end()
	done, dropped, _, _ := r.Stats()
	if int(done+dropped) != next {
		t.Errorf("%d are written and %d dropped, want %d together", done, dropped, next)
	}
	lines := strings.Split(strings.TrimSuffix(read(path), "\n"), "\n")
	if len(lines) != int(done) {
		t.Errorf("the file has %d lines, want %d", len(lines), done)
	}
	last := -1
	for _, line := range lines {
		var n int
		if _, err := fmt.Sscanf(line, "%d", &n); err != nil || n <= last || len(line) != len(fmt.Sprint(n))+501 {
			t.Fatalf("behind line %d comes %q", last, line)
		}
		last = n
	}
	said := r.said()
	if !slices.Contains(said, path+" is written to again") || !strings.Contains(said[len(said)-1], fmt.Sprintf("messages are missing in %s; they are", path)) {
		t.Errorf("it said %q", said)
	}
}

// Files that messages name lie on many disks, perhaps: one that is full holds
// up no other, and what comes next does not go on with a torn line.
func TestAFullDiskHoldsUpNoOtherFile(t *testing.T) {
	small, large := mountSmall(t), t.TempDir()
	full, other, ballast := filepath.Join(small, "log"), filepath.Join(large, "log"), filepath.Join(small, "ballast")
	must(t, os.WriteFile(ballast, make([]byte, 32<<10), 0o600))
	r := start(t, Config{CacheSize: 5})
	const lines, length = 400, 1004
	for i := range lines {
		r.put(full, fmt.Sprintf("%03d %s", i, strings.Repeat("x", length-5)))
		r.put(other, fmt.Sprint(i))
	}
	r.await("all", func() bool { done, dropped, _, _ := r.Stats(); return done+dropped == 2*lines })
	if n := strings.Count(read(other), "\n"); n != lines {
		t.Errorf("the other file has %d lines, want %d", n, lines)
	}
	done, _, _, _ := r.Stats()
	if whole := strings.Count(read(full), "\n"); whole+lines != int(done) || whole == 0 {
		t.Errorf("%d are said to be written, want %d and %d", done, lines, whole)
	}
	must(t, os.Remove(ballast))
	r.put(full, "next")
	r.await("the next line", func() bool { return strings.HasSuffix(read(full), "\nnext\n") })
	torn := 0
	for line := range strings.Lines(strings.TrimSuffix(read(full), "next\n")) {
		if len(line) > length {
			t.Errorf("a torn line goes on: %.20q", line)
		}
		if len(line) < length {
			torn++
		}
	}
	if torn > 1 {
		t.Errorf("%d lines are torn", torn)
	}
}
