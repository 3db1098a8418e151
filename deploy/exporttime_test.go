package deploy

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tagtail/tagtail/deploy/release"
	"github.com/tagtail/tagtail/internal/namespace"
)

const (
	manyFiles  = 1000
	exportGoal = 100 * time.Millisecond
)

func manyName(i int) string { return fmt.Sprintf("dir%02d/file%03d.lua", i/25, i) }

// makeBare makes as many files as the deploys below, with nothing but the system.
func makeBare(t *testing.T, dir string, text []byte) time.Duration {
	t.Helper()
	begin := time.Now()
	for i := range manyFiles {
		path := filepath.Join(dir, manyName(i))
		err := os.MkdirAll(filepath.Dir(path), 0o755)
		if err == nil {
			err = os.WriteFile(path, text, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return time.Since(begin)
}

func percentiles(times []time.Duration) (p50, p99 time.Duration) {
	slices.Sort(times)
	return times[len(times)/2], times[len(times)*99/100]
}

// From the order to begin to the switched link. What the machine itself takes to
// make the files differs by ten times from one moment to the next (ext4 without
// a journal looks long for a place where much has just been deleted), so it is
// measured beside.
func TestAThousandFilesAreExportedAndSwitchedInATenthOfASecond(t *testing.T) {
	wantExports(t, func(m exports) (some, all time.Duration) {
		limit := func(most time.Duration) time.Duration {
			if m.bare < exportGoal/5 {
				return exportGoal
			}
			return most // a slow machine is slow in all; what git itself takes is allowed for
		}
		return limit(2*m.bare + exportGoal), limit(4*m.bare + exportGoal)
	})
}

// On the file system of most servers it is a tenth of a second whatever differs.
func TestAThousandNewFilesTakeATenthOfASecondOnExt4WithAJournal(t *testing.T) {
	needRoot(t)
	need(t, "mkfs.ext4")
	if !namespace.Own(t, unix.CLONE_NEWNS) {
		return
	}
	dir := t.TempDir()
	image, disk := filepath.Join(dir, "image"), filepath.Join(dir, "disk")
	writeTestFile(t, image, "")
	if err := errors.Join(os.Truncate(image, 1<<30), os.Mkdir(disk, 0o755)); err != nil {
		t.Fatal(err)
	}
	for _, argv := range [][]string{{"mkfs.ext4", "-q", "-F", image}, {"mount", "-o", "loop", image, disk}} {
		if out, err := runProgram(t.Context(), dir, testTimeout, argv...); err != nil {
			if argv[0] == "mount" && os.Getenv("CI") == "" {
				t.Skipf("no file system can be mounted here: %v: %s", err, out)
			}
			t.Fatalf("%q: %v: %s", argv, err, out)
		}
	}
	t.Cleanup(func() {
		if err := unix.Unmount(disk, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	if err := os.Chmod(disk, 0o755|os.ModeSticky); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TMPDIR", disk)
	t.Run("on the disk", func(t *testing.T) {
		wantExports(t, func(m exports) (some, all time.Duration) {
			limit := exportGoal
			if m.bare > exportGoal/2 { // it is this machine that is slow
				limit += 4 * m.bare
			}
			return limit, limit
		})
	})
}

// exports are medians: of making the files with nothing but the system, and of
// exports of which few files differ, and all.
type exports struct{ bare, some, all time.Duration }

// wantExports measures until the medians are within the limits, a few times: what
// else the machine does meanwhile only adds to them.
func wantExports(t *testing.T, limits func(m exports) (some, all time.Duration)) {
	t.Helper()
	for try := range 4 {
		m := measureExports(t)
		some, all := limits(m)
		if m.some <= some && m.all <= all {
			return
		}
		if try == 3 {
			t.Errorf("of %d files: if 10 differ, export and switch take %s, want at most %s; if all do %s, want at most %s; making the files takes %s",
				manyFiles, m.some, some, m.all, all, m.bare)
		}
	}
}

func measureExports(t *testing.T) exports {
	t.Helper()
	w := newWorld(t)
	repo := w.repository("socketserver")
	in := w.layout.nginxInstance("socketserver", "dev1")
	c := w.control([]Instance{in}, func(cfg *Config) { cfg.Repositories = filepath.Dir(repo.dir) })
	code, err := c.codeRepository(in)
	if err != nil {
		t.Fatal(err)
	}
	store, _ := c.store(in)
	files := map[string]string{}
	text := func(i, round int) string { return strings.Repeat(fmt.Sprintf("-- file %d, round %d\n", i, round), 100) }
	const rounds = 12
	var bare, some, all []time.Duration
	for round := range rounds {
		whole := round%3 == 0
		for i := range manyFiles {
			if whole || i%100 == round {
				files["src/"+manyName(i)] = text(i, round)
			}
		}
		repo.commit("dev1", "UP", files)
		commit, err := findCommit(t.Context(), code, "dev1")
		if err != nil {
			t.Fatal(err)
		}
		r, err := store.Begin(release.Release{Kind: release.Deploy, Instance: in.Name, SHA: commit.SHA})
		if err != nil {
			t.Fatal(err)
		}
		j := newJob(in, JobView{})
		begin := time.Now()
		if err := c.fillTree(t.Context(), store, &r, j, c.codeOf(in, code, commit)); err != nil {
			t.Fatal(err)
		}
		took := time.Since(begin)
		if whole {
			all = append(all, took)
		} else {
			some = append(some, took)
		}
		bare = append(bare, makeBare(t, filepath.Join(t.TempDir(), "bare"), []byte(text(1, 1))))
		r.Result = release.Succeeded
		if err := store.Finish(r); err != nil {
			t.Fatal(err)
		}
		for _, i := range []int{0, round, 500, manyFiles - 1} {
			got, err := os.ReadFile(filepath.Join(in.Prefix, "src", manyName(i)))
			if err != nil || string(got) != files["src/"+manyName(i)] {
				t.Fatalf("round %d: %s has %.40q, %v", round, manyName(i), got, err)
			}
		}
	}
	var m exports
	for _, c := range []struct {
		what   string
		times  []time.Duration
		median *time.Duration
	}{{"making the files, with nothing else", bare, &m.bare}, {"export and switch, 10 differ", some, &m.some}, {"export and switch, all differ", all, &m.all}} {
		p50, p99 := percentiles(c.times)
		*c.median = p50
		t.Logf("%d files: %s: p50 %s, p99 %s", manyFiles, c.what, p50, p99)
	}
	return m
}
