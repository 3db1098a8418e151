package deploy

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tagtail/tagtail/deploy/release"
)

func order(t *testing.T, c *Controller, o Order) *Job {
	t.Helper()
	j, err := c.Order(o)
	if err != nil {
		t.Fatalf("%+v: got %v, want a job", o, err)
	}
	return j
}

func wantOutput(t *testing.T, v JobView, parts ...string) {
	t.Helper()
	out := strings.Join(v.Output, "\n")
	for _, part := range parts {
		if !strings.Contains(out, part) {
			t.Errorf("%s of %s: got the output\n%s\nwant %q in it", v.Action, v.Instance, out, part)
		}
	}
}

func TestAnOrderWaitsBehindAnotherAndTheNewestOneCounts(t *testing.T) {
	c, d, _ := gated(t)
	ran := make(chan error, 1)
	go func() { ran <- c.Run(context.Background()) }()
	first := order(t, c, Order{Instance: "a/dev1", By: "ann", Via: "push", Action: Start})
	<-d.began
	second := order(t, c, Order{Instance: "a/dev1", By: "bob", Action: Start})
	wantOutput(t, second.View(), "waits until start by ann has ended")
	third := order(t, c, Order{Instance: "a/dev1", By: "cleo", Via: "push", Action: Start})
	wantFailed(t, finish(t, second), "it never began: start by cleo was ordered after it")
	d.gate <- nil
	if v := finish(t, first); v.State != JobSucceeded || v.Via != "push" || v.Kind != SignalJob {
		t.Errorf("got %+v", v)
	}
	<-d.began
	d.gate <- nil
	if v := finish(t, third); v.State != JobSucceeded {
		t.Errorf("got %+v", v)
	}
	if err := errors.Join(c.Close(), <-ran); err != nil {
		t.Error(err)
	}
}

func TestAnOrderThatWaitsTooLongSaysForWhom(t *testing.T) {
	c, d, _ := gated(t)
	c.patience = time.Millisecond
	ran := make(chan error, 1)
	go func() { ran <- c.Run(context.Background()) }()
	first := order(t, c, Order{Instance: "a/dev1", By: "ann", Action: Start})
	<-d.began
	late := order(t, c, Order{Instance: "a/dev1", By: "bob", Action: Start})
	wantFailed(t, finish(t, late), "start by ann is running since", "order it again")
	d.gate <- nil
	finish(t, first)
	if err := errors.Join(c.Close(), <-ran); err != nil {
		t.Error(err)
	}
}

func TestCloseEndsAnOrderThatWaits(t *testing.T) {
	c, d, _ := gated(t)
	ran := make(chan error, 1)
	go func() { ran <- c.Run(context.Background()) }()
	running := order(t, c, Order{Instance: "a/dev1", By: "ann", Action: Start})
	<-d.began
	waiting := order(t, c, Order{Instance: "a/dev1", By: "bob", Action: Start})
	closed := make(chan error, 1)
	go func() { closed <- c.Close() }()
	wantFailed(t, finish(t, waiting), "never began, because Tagtail is stopping")
	d.gate <- nil
	finish(t, running)
	if err := errors.Join(<-closed, <-ran); err != nil {
		t.Error(err)
	}
}

func TestJobsAreThereAfterARestartAndRunningOnesAreAbandoned(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "jobs")
	cfg := Config{JobsDir: dir, Instances: []Instance{{Name: "a/dev1", Kind: Command, Argv: []string{"x"}}}}
	written := make(chan struct{}) // closed when the failed job is on the disk
	cfg.Audit = func(v JobView) {
		if v.State == JobFailed {
			close(written)
		}
	}
	c, err := NewController(cfg)
	if err != nil {
		t.Fatal(err)
	}
	d := gateDriver{began: make(chan string, 2), gate: make(chan error)}
	c.drivers[Command] = d
	ran := make(chan error, 1)
	go func() { ran <- c.Run(context.Background()) }()
	done := order(t, c, Order{Instance: "a/dev1", By: "ann", Via: "cli", Action: Start})
	<-d.began
	d.gate <- errors.New("no luck")
	finish(t, done)
	<-written
	running := order(t, c, Order{Instance: "a/dev1", By: "bob", Action: Start})
	<-d.began
	// Another controller finds what this one would have left in a crash.
	if err := os.WriteFile(filepath.Join(dir, strings.Repeat("A", 26)+".json"), []byte("{nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	var told []JobView
	cfg.Audit = func(v JobView) { told = append(told, v) }
	again, err := NewController(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ended, end := context.WithCancel(context.Background())
	end()
	if err := again.Run(ended); err != nil || len(told) != 1 || told[0].State != JobAbandoned {
		t.Errorf("told of %+v %v, want the abandoned job", told, err)
	}
	d.gate <- nil
	if err := errors.Join(c.Close(), <-ran, again.Close()); err != nil {
		t.Fatal(err)
	}
	j, ok := again.Job(done.View().ID)
	if !ok {
		t.Fatal("the ended job is forgotten")
	}
	v := finish(t, j)
	wantFailed(t, v, "no luck")
	wantOutput(t, v, "start begins")
	if v.By != "ann" || v.Via != "cli" {
		t.Errorf("got %+v", v)
	}
	j, ok = again.Job(running.View().ID)
	if !ok {
		t.Fatal("the running job is forgotten")
	}
	if v := finish(t, j); v.State != JobAbandoned || v.Error == "" || v.Finished.IsZero() {
		t.Errorf("got %+v, want abandoned", v)
	}
}

func TestAHalfReleaseIsAbandonedAndItsFilesRemovedAfterARestart(t *testing.T) {
	in := Layout{Root: t.TempDir()}.withDefaults().nginxInstance("socketserver", "dev1")
	store := release.Open(filepath.Join(in.Prefix, "releases"), filepath.Join(in.Prefix, "src"))
	half, err := store.Begin(release.Release{Kind: release.Deploy, Instance: in.Name, SHA: strings.Repeat("a", 40), By: "dev1"})
	if err != nil {
		t.Fatal(err)
	}
	tree, err := store.Tree(half)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(tree.WriteFile("main.lua", []byte("half a fi"), 0o644), tree.Close()); err != nil {
		t.Fatal(err)
	}
	c, err := NewController(Config{Instances: []Instance{in}})
	if err != nil {
		t.Fatal(err)
	}
	list, err := c.Releases(in.Name)
	if err != nil || len(list) != 1 || list[0].Result != release.Abandoned || list[0].Kept || list[0].Error == "" {
		t.Errorf("got %+v, %v, want it abandoned", list, err)
	}
	if _, err := os.Stat(filepath.Join(store.Dir(half), "src")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("its files are left: %v", err)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}

func TestTheJobOfAReleaseIsFoundWhenItIsForgotten(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "jobs")
	cfg := Config{JobsDir: dir, Instances: []Instance{{Name: "a/dev1", Kind: Command, Argv: []string{"x"}}}}
	l := journal{dir, slog.New(slog.DiscardHandler)}
	if _, _, err := l.load(); err != nil { // makes the folder
		t.Fatal(err)
	}
	begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	ids := make([]string, MaxJobs+2)
	for i := range ids {
		ids[i] = rand.Text()
		v := JobView{ID: ids[i], Instance: "a/dev1", Kind: DeployJob, State: JobFailed, Started: begin.Add(time.Duration(i) * time.Second), Output: []string{"line"}}
		if i != 1 {
			v.Release = i + 1
		}
		if err := l.writeView(v); err != nil {
			t.Fatal(err)
		}
	}
	c, err := NewController(cfg)
	if err != nil {
		t.Fatal(err)
	}
	j, ok := c.Job(ids[0])
	if !ok {
		t.Fatal("the job of a release is forgotten")
	}
	if v := finish(t, j); v.Release != 1 || v.State != JobFailed || len(v.Output) != 1 {
		t.Errorf("got %+v", v)
	}
	if _, ok := c.Job(ids[1]); ok {
		t.Error("a job without a release is kept")
	}
	for _, id := range []string{"", "../jobs/" + ids[2], strings.Repeat("A", 26)} {
		if _, ok := c.Job(id); ok {
			t.Errorf("there is a job %q", id)
		}
	}
	l.prune(0)
	if _, ok := c.Job(ids[0]); ok {
		t.Error("what is too old is kept")
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}
