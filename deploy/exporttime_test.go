package deploy

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tagtail/tagtail/deploy/release"
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
// make the files differs by ten times from one moment to the next (ext4 looks
// long for a place where much has just been deleted), so it is measured beside.
func TestAThousandFilesAreExportedAndSwitchedInATenthOfASecond(t *testing.T) {
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
	bareMedian, bareWorst := percentiles(bare)
	t.Logf("making %d files, with nothing else: p50 %s, worst %s", manyFiles, bareMedian, bareWorst)
	judge := func(what string, times []time.Duration, limit time.Duration) {
		p50, p99 := percentiles(times)
		t.Logf("export and switch, %s: p50 %s, p99 %s", what, p50, p99)
		// A slow machine is slow in all; what git itself takes is allowed for.
		if bareMedian < exportGoal/5 {
			limit = exportGoal
		}
		if p50 > limit {
			t.Errorf("%s: export and switch take %s, want at most %s where making the files takes %s", what, p50, limit, bareMedian)
		}
	}
	judge("10 of 1000 files differ", some, 2*bareMedian+exportGoal)
	judge("all differ", all, 4*bareMedian+exportGoal)
}
