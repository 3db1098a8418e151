package deploy

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestASignalNeverReachesAnotherProcessOfTheSameNumber(t *testing.T) {
	sleep := exec.Command("sleep", "1000")
	if err := sleep.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = sleep.Process.Kill() // it may have been killed: that is what the test is about
		_ = sleep.Wait()
	})
	// Start returns a moment before the kernel shows the new command line.
	var seen process
	err := waitFor(t.Context(), 2*time.Minute, func() (done bool, err error) {
		seen, err = readProcess(sleep.Process.Pid)
		return seen.title == "sleep 1000", err
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*process){
		"another start":   func(p *process) { p.ticks++ },
		"another title":   func(p *process) { p.title = "nginx: master process" },
		"another program": func(p *process) { p.exe = "/usr/sbin/nginx" },
	} {
		other := seen
		change(&other)
		if err := other.signal(syscall.SIGKILL, t.TempDir(), account{}); err != errGone { //nolint:errorlint // it is never wrapped
			t.Errorf("%s: got %v, want %v", name, err, errGone)
		}
	}
	if !seen.alive() {
		t.Fatal("the stranger was ended")
	}
	if err := seen.signal(syscall.SIGTERM, t.TempDir(), account{}); err != nil {
		t.Fatal(err)
	}
	if err := sleep.Wait(); err == nil || !strings.Contains(err.Error(), "terminated") {
		t.Errorf("got %v, want that it was terminated", err)
	}
}

func TestAnotherUsersProcessIsNotSignalled(t *testing.T) {
	p := process{pid: 7, uid: os.Geteuid() + 1}
	want := fmt.Sprintf("process 7 runs as user %d and Tagtail as %d: it was not started from here", p.uid, os.Geteuid())
	if got := p.maySignal(t.TempDir(), account{}); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	p.uid = os.Geteuid()
	if got := p.maySignal(t.TempDir(), account{}); got != "" {
		t.Errorf("our own process: got %q, want nothing", got)
	}
}

func TestAFIFOInPlaceOfAFileIsNotWaitedFor(t *testing.T) {
	path := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if pid, err := readPID(path); err == nil || !strings.Contains(err.Error(), "is not a regular file") {
		t.Errorf("the pid is %d, %v, want that it is not a regular file", pid, err)
	}
	if lines := (account{}).linesSince(path, 0, 5); lines != nil {
		t.Errorf("the lines are %q, want none", lines)
	}
}

func TestReadPID(t *testing.T) {
	path := t.TempDir() + "/pid"
	if pid, err := readPID(path); pid != 0 || err != nil {
		t.Errorf("no file: got %d, %v, want 0", pid, err)
	}
	for _, c := range []struct {
		text string
		want int
		ok   bool
	}{
		{"", 0, true}, {"\n", 0, true}, {"12\n", 12, true}, {"12 34 boot\n", 12, true},
		{"1\n", 0, false}, {"-12\n", 0, false}, {"0", 0, false}, {"x", 0, false},
	} {
		writeTestFile(t, path, c.text)
		pid, err := readPID(path)
		if pid != c.want || (err == nil) != c.ok {
			t.Errorf("%q: got %d, %v, want %d", c.text, pid, err, c.want)
		}
	}
}

// BenchmarkStatus is one poll of a hundred instances, none of which runs.
func BenchmarkStatus(b *testing.B) {
	var list []Instance
	for i := range 100 {
		list = append(list, Layout{Root: b.TempDir()}.withDefaults().nginxInstance("socketserver", fmt.Sprintf("dev%d", i)))
	}
	c, err := NewController(Config{Instances: list})
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if got := len(c.Status(b.Context())); got != len(list) {
			b.Fatalf("got %d, want %d", got, len(list))
		}
	}
}
