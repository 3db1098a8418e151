package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// stopWithin is how long a peer may take to end before it is killed.
	stopWithin = time.Minute
	// clockTicks is how many of /proc's ticks a second has; Linux fixes it.
	clockTicks = 100
)

// process is a peer's program while it runs.
type process struct {
	cmd    *exec.Cmd
	exited chan struct{} // closed when it has ended
	log    string        // its standard output and error
}

// startProcess runs a program until stop. Its output goes to the file log.
func startProcess(log string, env []string, name string, args ...string) (*process, error) {
	out, err := os.OpenFile(log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return nil, err
	}
	defer func() { _ = out.Close() }() // the child has its own
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stdout, cmd.Stderr = out, out
	// Ctrl-C is for us: a peer ends when it is stopped.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &process{cmd: cmd, exited: make(chan struct{}), log: log}
	go func() {
		_ = cmd.Wait() // how it ended is in ProcessState
		close(p.exited)
	}()
	return p, nil
}

// stop asks the program to end and waits for it.
func (p *process) stop() error {
	if p == nil {
		return nil
	}
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // it may have ended already
	select {
	case <-p.exited:
		return nil
	case <-time.After(stopWithin):
		_ = p.cmd.Process.Kill()
		<-p.exited
		return fmt.Errorf("stop %s: it took longer than %v", p.cmd.Path, stopWithin)
	}
}

// await polls until ready says yes, the program ends or ctx does.
func (p *process) await(ctx context.Context, ready func() bool) error {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		if ready() {
			return nil
		}
		select {
		case <-tick.C:
		case <-p.exited:
			return fmt.Errorf("start %s: it ended: %v; see %s", p.cmd.Path, p.cmd.ProcessState, p.log)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// cpu is the processor time of the program so far, user and system, with that
// of the children it has waited for.
func (p *process) cpu() (time.Duration, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	// The name before the last parenthesis may hold anything. After it the
	// first field is the third of proc(5); utime to cstime are 14 to 17.
	fields := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:])
	if len(fields) < 15 {
		return 0, errors.New("read processor time: /proc/PID/stat is short")
	}
	var ticks int64
	for _, field := range fields[11:15] {
		n, err := strconv.ParseInt(string(field), 10, 64)
		if err != nil {
			return 0, fmt.Errorf("read processor time: %w", err)
		}
		ticks += n
	}
	return time.Duration(ticks) * time.Second / clockTicks, nil
}

// total is the same after the program has ended.
func (p *process) total() time.Duration {
	return p.cmd.ProcessState.UserTime() + p.cmd.ProcessState.SystemTime()
}

// peakMemory is the most memory the program has had, in bytes.
func (p *process) peakMemory() (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kilobytes, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			return kilobytes << 10, err
		}
	}
	return 0, errors.New("read peak memory: /proc/PID/status has no VmHWM")
}

// freeAddress is an address of this machine on which nothing listens.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String(), nil
}

// eachFile calls f for the files below dir. Those that vanish are left out.
func eachFile(dir string, f func(*os.File) error) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		file, err := os.Open(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		defer func() { _ = file.Close() }()
		return f(file)
	})
}

// diskBytes is how much of the disk the files below dir take. Small files take
// more than they are long.
func diskBytes(dir string) (int64, error) {
	var total int64
	err := eachFile(dir, func(f *os.File) error {
		if err := f.Sync(); err != nil { // before that the kernel may have given it none
			return err
		}
		var state unix.Stat_t
		if err := unix.Fstat(int(f.Fd()), &state); err != nil {
			return err
		}
		total += state.Blocks * 512
		return nil
	})
	return total, err
}

// forget makes the kernel drop what it has cached of the files below dir. It
// needs no rights and leaves other programs' files alone, unlike drop_caches.
func forget(dir string) error {
	return eachFile(dir, func(f *os.File) error {
		if err := f.Sync(); err != nil { // what is not on the disk yet would stay
			return err
		}
		return unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED)
	})
}
