package deploy

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// gateDriver is a process that can always be started and whose jobs end when
// the test says so.
type gateDriver struct {
	began chan string
	gate  chan error
}

func (gateDriver) observe(processTable, Instance) observation { return observation{state: Stopped} }

func (d gateDriver) act(_ context.Context, in Instance, a Action, j *Job) error {
	j.printf("%s begins\n\x1b[31mred\xff", a)
	d.began <- in.Name
	return <-d.gate
}

// gated is a controller of two instances whose jobs wait for the test.
func gated(t *testing.T) (*Controller, gateDriver, func() []JobView) {
	t.Helper()
	var mu sync.Mutex
	var audited []JobView
	c, err := NewController(Config{
		Instances: []Instance{{Name: "a/dev1", Kind: Command, Argv: []string{"x"}}, {Name: "a/dev2", Kind: Command, Argv: []string{"x"}}},
		Audit: func(v JobView) {
			mu.Lock()
			defer mu.Unlock()
			audited = append(audited, v)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	d := gateDriver{began: make(chan string, 2), gate: make(chan error)}
	c.drivers[Command] = d
	return c, d, func() []JobView {
		mu.Lock()
		defer mu.Unlock()
		return audited
	}
}

func TestASecondActionIsRefusedWithWhoHoldsTheInstance(t *testing.T) {
	c, d, audited := gated(t)
	ctx, cancel := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	go func() { ran <- c.Run(ctx) }()
	first, err := c.Do("a/dev1", Start, "ann")
	if err != nil {
		t.Fatal(err)
	}
	<-d.began
	wantRefused(t, c, "a/dev1", Start, "start by ann is running since "+first.View().Started.Format("15:04:05"))
	other, err := c.Do("a/dev2", Start, "bob")
	if err != nil {
		t.Fatalf("another instance: got %v, want a job", err)
	}
	<-d.began
	d.gate <- nil
	d.gate <- errors.New("no\nluck")
	states := []JobState{finish(t, first).State, finish(t, other).State}
	if diff := cmp.Diff(states, []JobState{JobSucceeded, JobFailed}, cmpopts.SortSlices(func(a, b JobState) bool { return a > b })); diff != "" {
		t.Error(diff)
	}
	cancel()
	if err := <-ran; err != nil {
		t.Fatal(err)
	}
	if _, err := c.Do("a/dev1", Start, "ann"); err == nil || err.Error() != "Tagtail is stopping" {
		t.Errorf("after the end: got %v", err)
	}
	var seen []string
	for _, v := range audited() {
		if v.Instance == "a/dev1" {
			seen = append(seen, fmt.Sprintf("%s %s %v", v.By, v.Action, v.State != JobRunning))
		}
	}
	if diff := cmp.Diff(seen, []string{"ann start false", "ann start true"}); diff != "" {
		t.Errorf("audit: %s", diff)
	}
}

func TestCloseEndsAJobThatHasNotBegun(t *testing.T) {
	c, _, _ := gated(t)
	// Run has not begun: this one only waits.
	waiting, err := c.Do("a/dev1", Start, "ann")
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	wantFailed(t, finish(t, waiting), "never began")
	if err := c.Run(t.Context()); err != nil {
		t.Errorf("Run after Close: got %v, want nil", err)
	}
}

func TestCloseWaitsForARunningJob(t *testing.T) {
	c, d, _ := gated(t)
	ran := make(chan error, 1)
	go func() { ran <- c.Run(context.Background()) }()
	running, err := c.Do("a/dev1", Start, "ann")
	if err != nil {
		t.Fatal(err)
	}
	<-d.began
	closed := make(chan error, 1)
	go func() { closed <- c.Close() }()
	select {
	case err := <-closed:
		t.Fatalf("Close did not wait for the job: %v", err)
	case d.gate <- nil:
	}
	if err := errors.Join(<-closed, <-ran, c.Close()); err != nil {
		t.Error(err)
	}
	if v := running.View(); v.State != JobSucceeded {
		t.Errorf("got %s, want succeeded", v.State)
	}
}

func TestSetInstancesReplacesThoseThatExist(t *testing.T) {
	c, d, _ := gated(t)
	ran := make(chan error, 1)
	go func() { ran <- c.Run(context.Background()) }()
	running, err := c.Do("a/dev1", Start, "ann")
	if err != nil {
		t.Fatal(err)
	}
	<-d.began
	if err := c.SetInstances([]Instance{{Name: "bad"}}); err == nil {
		t.Error("a bad name is accepted")
	}
	if err := c.SetInstances([]Instance{{Name: "a/dev3", Kind: Command, Argv: []string{"x"}}}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Do("a/dev1", Start, "ann"); !errors.Is(err, ErrUnknownInstance) {
		t.Errorf("a removed instance: got %v, want ErrUnknownInstance", err)
	}
	wantState(t, c, "a/dev3", Stopped, "")
	d.gate <- nil
	if v := finish(t, running); v.State != JobSucceeded {
		t.Errorf("the removed instance's job: got %s, want succeeded", v.State)
	}
	if err := errors.Join(c.Close(), <-ran); err != nil {
		t.Error(err)
	}
}

func TestDoRefusesWhatDoesNotExist(t *testing.T) {
	c, err := NewController(Config{Instances: []Instance{{Name: "mysql/shared", Kind: Shared}}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Do("nobody/knows", Start, "ann"); !errors.Is(err, ErrUnknownInstance) {
		t.Errorf("got %v, want ErrUnknownInstance", err)
	}
	wantRefused(t, c, "mysql/shared", Start, "not controlled from here")
	var refused *RefusedError
	if _, err := c.Do("mysql/shared", "format", "ann"); !errors.As(err, &refused) {
		t.Errorf("got %v, want a refusal", err)
	}
	wantState(t, c, "mysql/shared", Unknown, "")
}

func TestOnlyTheNewestJobsAreKept(t *testing.T) {
	c, d, _ := gated(t)
	ran := make(chan error, 1)
	go func() { ran <- c.Run(context.Background()) }()
	var first, last *Job
	for i := range MaxJobs + 1 {
		j, err := c.Do("a/dev1", Start, "ann")
		if err != nil {
			t.Fatal(err)
		}
		<-d.began
		d.gate <- nil
		finish(t, j)
		if i == 0 {
			first = j
		}
		last = j
	}
	if _, ok := c.Job(first.View().ID); ok {
		t.Error("the oldest job is still there")
	}
	if got, ok := c.Job(last.View().ID); !ok || got != last {
		t.Error("the newest job is not there")
	}
	if err := errors.Join(c.Close(), <-ran); err != nil {
		t.Error(err)
	}
}

func TestAJobsOutputIsCleanedAndBounded(t *testing.T) {
	j := newJob(Instance{Name: "a/b"}, JobView{Action: Start, By: "ann"})
	j.printf("one\r\n\x1b[31mtwo\xff\tend\n")
	j.printf("%s", strings.Repeat("é", MaxJobLineBytes))
	v := j.View()
	if diff := cmp.Diff(v.Output[:2], []string{"one", "\ufffd[31mtwo\ufffd\tend"}); diff != "" {
		t.Error(diff)
	}
	if n := len(v.Output[2]); n > MaxJobLineBytes || n < MaxJobLineBytes-4 || !strings.HasSuffix(v.Output[2], "é…") {
		t.Errorf("a long line is kept with %d bytes", n)
	}
	j.printf("%s", strings.Repeat("x\n", 2*MaxJobLines))
	if v = j.View(); len(v.Output) != MaxJobLines || v.Output[MaxJobLines-1] != "(what follows is not kept)" {
		t.Errorf("got %d lines, the last %q", len(v.Output), v.Output[len(v.Output)-1])
	}
}

func TestWaitGivesTheLinesBeyondAndTheEnd(t *testing.T) {
	j := newJob(Instance{Name: "a/b"}, JobView{Action: Start, By: "ann"})
	j.printf("one\ntwo")
	lines, done, err := j.Wait(t.Context(), 1)
	if diff := cmp.Diff(lines, []string{"two"}); diff != "" || done || err != nil {
		t.Errorf("%s %v %v", diff, done, err)
	}
	type answer struct {
		lines []string
		done  bool
		err   error
	}
	answers := make(chan answer)
	go func() {
		lines, done, err := j.Wait(context.Background(), 2)
		answers <- answer{lines, done, err}
	}()
	j.printf("three")
	if a := <-answers; len(a.lines) != 1 || a.err != nil {
		t.Errorf("got %+v, want the third line", a)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if _, _, err := j.Wait(ctx, 3); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want the context's error", err)
	}
	j.finish(nil)
	if lines, done, err := j.Wait(t.Context(), 3); len(lines) != 0 || !done || err != nil {
		t.Errorf("got %v, %v, %v, want the end", lines, done, err)
	}
}

func TestValidateTellsWhatIsWrong(t *testing.T) {
	for _, c := range []struct {
		want string
		in   []Instance
	}{
		{`instance "x": the name must be service/owner`, []Instance{{Name: "x", Kind: Nginx}}},
		{`instance a/b is there twice`, []Instance{{Name: "a/b", Kind: Nginx}, {Name: "a/b", Kind: Redis}}},
		{`instance a/b: kind "apache" is none of nginx, redis, command, shared`, []Instance{{Name: "a/b", Kind: "apache"}}},
		{`instance a/b: a command needs the program to run`, []Instance{{Name: "a/b", Kind: Command}}},
	} {
		if _, err := NewController(Config{Instances: c.in}); err == nil || err.Error() != c.want {
			t.Errorf("got %v, want %s", err, c.want)
		}
	}
}
