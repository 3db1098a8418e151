package deploy

import (
	"context"
	"flag"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// command is an instance that runs a shell script of the test.
func command(t *testing.T, script string) (*world, *Controller, Instance) {
	t.Helper()
	w := newWorld(t)
	in := Instance{
		Name: "worker/dev1", Kind: Command, Prefix: filepath.Join(w.layout.Root, "worker/dev1"),
		Argv: []string{"/bin/sh", "-c", script},
	}
	return w, w.control([]Instance{in}, nil), in
}

func logText(t *testing.T, in Instance) string {
	t.Helper()
	b, err := os.ReadFile(commandLog(in))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// awaitLog waits until the program has written what is expected.
func awaitLog(t *testing.T, in Instance, want string) {
	t.Helper()
	err := waitFor(t.Context(), testTimeout, func() (bool, error) {
		return strings.Contains(logText(t, in), want), nil
	})
	if err != nil {
		t.Fatalf("got %q, want %q in it", logText(t, in), want)
	}
}

func TestACommandLivesFromStartToStop(t *testing.T) {
	t.Setenv("TAGTAIL_SECRET", "hidden")
	_, c, in := command(t, `trap 'echo hup' HUP; env; echo ready; while :; do sleep 0.05; done`)
	wantState(t, c, in.Name, Stopped, "")
	wantRefused(t, c, in.Name, Quit, "there is no quit")
	mustDo(t, c, in.Name, Start)
	st := wantState(t, c, in.Name, Running, "")
	wantRefused(t, c, in.Name, Start, "runs already, as process "+strconv.Itoa(st.PID))
	awaitLog(t, in, "ready")
	if strings.Contains(logText(t, in), "hidden") {
		t.Error("the child got our environment")
	}
	mustDo(t, c, in.Name, Reload)
	awaitLog(t, in, "hup")
	mustDo(t, c, in.Name, Restart)
	if now := wantState(t, c, in.Name, Running, ""); now.PID == st.PID {
		t.Error("the restart kept the process")
	}
	mustDo(t, c, in.Name, Stop)
	wantState(t, c, in.Name, Stopped, "")
}

// TestHelperListens is no test: it is the program of the next one.
func TestHelperListens(t *testing.T) {
	if flag.NArg() != 1 {
		return
	}
	l, err := net.Listen("tcp", "127.0.0.1:"+flag.Arg(0))
	if err != nil {
		t.Fatal(err)
	}
	_, _ = l.Accept() // until it is ended
}

func TestACommandHasStartedWhenItListensOnItsPort(t *testing.T) {
	w := newWorld(t)
	in := Instance{Name: "worker/dev1", Kind: Command, Prefix: filepath.Join(w.layout.Root, "worker/dev1"), Port: freePort(t)}
	in.Argv = []string{os.Args[0], "-test.run=^TestHelperListens$", "--", strconv.Itoa(in.Port)}
	c := w.control([]Instance{in}, nil)
	mustDo(t, c, in.Name, Start)
	conn, err := net.Dial("tcp", "127.0.0.1:"+strconv.Itoa(in.Port))
	if err != nil {
		t.Errorf("it has started, and does not listen: %v", err)
	} else if err := conn.Close(); err != nil {
		t.Error(err)
	}
}

func TestACommandThatEndsAtOnceIsReported(t *testing.T) {
	_, c, in := command(t, `echo no such file; exit 3`)
	v := do(t, c, in.Name, Start)
	wantFailed(t, v, "ended at once: exit status 3")
	if out := strings.Join(v.Output, "\n"); !strings.Contains(out, "no such file") {
		t.Errorf("the output lacks the program's own:\n%s", out)
	}
	wantState(t, c, in.Name, Failed, "exit status 3; its last line: no such file")
}

func TestACommandOutlivesTheControllerAndIsFoundAgain(t *testing.T) {
	w, _, in := command(t, `sleep 1000`)
	first, err := NewController(Config{Instances: []Instance{in}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	go func() { ran <- first.Run(ctx) }()
	mustDo(t, first, in.Name, Start)
	pid := statusOf(t, first, in.Name).PID
	cancel()
	if err := <-ran; err != nil {
		t.Fatal(err)
	}
	second := w.control([]Instance{in}, nil)
	if st := wantState(t, second, in.Name, Running, ""); st.PID != pid {
		t.Errorf("got process %d, want %d", st.PID, pid)
	}
	// The child is the first one's to reap, as init would.
	v, err := second.Do(in.Name, Stop, "tester")
	if err != nil {
		t.Fatal(err)
	}
	finish(t, v)
	first.Status(t.Context())
	wantState(t, second, in.Name, Stopped, "")
}

func TestARecycledPIDOfACommandIsNeverSignalled(t *testing.T) {
	_, c, in := command(t, `sleep 1000`)
	sleep := exec.Command("sleep", "1000")
	if err := sleep.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = sleep.Process.Kill() // it may have been killed: that is what the test is about
		_ = sleep.Wait()
	})
	p, err := readProcess(sleep.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	p.ticks-- // the same number, another process
	writeTestFile(t, commandPIDFile(in), trackedText(p))
	wantState(t, c, in.Name, Failed, "ended without being stopped")
	wantRefused(t, c, in.Name, Stop, "does not run")
	if err := c.drivers[Command].act(t.Context(), in, Stop, newJob(in, JobView{Action: Stop, By: "tester"})); err == nil {
		t.Error("stop succeeded on a stranger")
	}
	if p, err := readProcess(sleep.Process.Pid); err != nil || p.zombie {
		t.Fatal("the stranger was ended")
	}
}

func TestACommandThatIgnoresTERMIsKilled(t *testing.T) {
	w, _, in := command(t, `trap '' TERM; echo ready; while :; do sleep 0.05; done`)
	c := w.control([]Instance{in}, nil)
	c.drivers[Command] = &commandDriver{stopLimit: 1, children: map[int]string{}, ends: map[string]string{}}
	mustDo(t, c, in.Name, Start)
	awaitLog(t, in, "ready")
	v := mustDo(t, c, in.Name, Stop)
	if out := strings.Join(v.Output, "\n"); !strings.Contains(out, "sent KILL") {
		t.Errorf("got the output\n%s", out)
	}
	wantState(t, c, in.Name, Stopped, "")
}

func TestStopKillsAChildThatIgnoresTERM(t *testing.T) {
	_, c, in := command(t, `sh -c 'trap "" TERM; echo child $$; exec sleep 1000' & wait`)
	c.drivers[Command].(*commandDriver).stopLimit = 100 * time.Millisecond
	mustDo(t, c, in.Name, Start)
	awaitLog(t, in, "child ")
	pid, err := strconv.Atoi(strings.TrimSpace(strings.TrimPrefix(logText(t, in), "child ")))
	if err != nil {
		t.Fatal(err)
	}
	child, err := readProcess(pid)
	if err != nil {
		t.Fatal(err)
	}
	mustDo(t, c, in.Name, Stop)
	if child.alive() {
		t.Errorf("stop succeeded and the child %d goes on", pid)
	}
}

func TestStopEndsTheCommandsWholeGroup(t *testing.T) {
	_, c, in := command(t, `sleep 1000 & echo child $!; wait`)
	mustDo(t, c, in.Name, Start)
	awaitLog(t, in, "child ")
	pid, err := strconv.Atoi(strings.TrimSpace(strings.TrimPrefix(logText(t, in), "child ")))
	if err != nil {
		t.Fatal(err)
	}
	child, err := readProcess(pid)
	if err != nil {
		t.Fatal(err)
	}
	mustDo(t, c, in.Name, Stop)
	err = waitFor(t.Context(), testTimeout, func() (bool, error) { return !child.alive(), nil })
	if err != nil {
		t.Errorf("the child %d goes on", pid)
	}
}
