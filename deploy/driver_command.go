package deploy

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// How long each step of a command may take.
const (
	commandStartLimit = 10 * time.Second       // until it listens on its port
	commandProbation  = 500 * time.Millisecond // a wrong argument ends a program sooner
	commandStopLimit  = 10 * time.Second
	commandKillLimit  = 5 * time.Second
)

// commandDriver drives programs that stay in the foreground. They get a session
// of their own and outlive Tagtail; the pid file, with the start time that makes
// a pid unique, lets the next Tagtail find them again. A program that is our
// child is reaped when it is looked at: no goroutine waits for it.
type commandDriver struct {
	stopLimit time.Duration // from TERM to KILL; immutable
	accounts  *accounts     // immutable

	mu       sync.Mutex
	children map[int]string    // pid → instance, of those not reaped yet
	ends     map[string]string // how an instance's last child ended
}

func newCommandDriver(who *accounts) *commandDriver {
	return &commandDriver{stopLimit: commandStopLimit, accounts: who, children: map[int]string{}, ends: map[string]string{}}
}

// commandPIDFile is where the process is remembered.
func commandPIDFile(in Instance) string {
	if in.PIDFile != "" {
		return in.PIDFile
	}
	return filepath.Join(in.Prefix, "run", in.Service()+".pid")
}

func commandLog(in Instance) string {
	return filepath.Join(in.Prefix, "logs", in.Service()+".log")
}

func (d *commandDriver) observe(_ processTable, in Instance) observation {
	d.reap()
	seen := observation{state: Stopped}
	if _, ok := findProgram(in.Argv[0]); !ok {
		seen.noStart = fmt.Sprintf("the program %s does not exist on the server", in.Argv[0])
	}
	as := d.accounts.ownerOf(in, &seen)
	in.PIDFile = commandPIDFile(in)
	p, err := as.readTrackedProcess(in.PIDFile)
	if err == nil {
		seen.state, seen.processes, seen.noSignal = Running, []process{p}, p.maySignal(in.Prefix, as)
		return seen
	}
	if errors.Is(err, os.ErrNotExist) {
		return seen
	}
	d.mu.Lock()
	end := d.ends[in.Name]
	d.mu.Unlock()
	seen.state, seen.detail = Failed, "it ended without being stopped"
	if end != "" {
		seen.detail += ": " + end
	}
	if lines := as.linesSince(commandLog(in), 0, 1); len(lines) > 0 {
		seen.detail += "; its last line: " + cleanLine(cutText(lines[0], 200))
	}
	return seen
}

// reap collects our ended children, and remembers how they ended.
func (d *commandDriver) reap() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for pid, name := range d.children {
		var status syscall.WaitStatus
		got, err := syscall.Wait4(pid, &status, syscall.WNOHANG, nil)
		if got != pid && !errors.Is(err, syscall.ECHILD) {
			continue
		}
		delete(d.children, pid)
		switch {
		case err != nil:
		case status.Signaled():
			d.ends[name] = "ended by the signal " + status.Signal().String()
		default:
			d.ends[name] = "exit status " + strconv.Itoa(status.ExitStatus())
		}
	}
}

// trackedText is the pid file's content: pid, start and boot are together
// unique for ever.
func trackedText(p process) string { return fmt.Sprintf("%d %d %s\n", p.pid, p.ticks, bootID()) }

func bootID() string {
	b, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "-"
	}
	return strings.TrimSpace(string(b))
}

// readTrackedProcess gives the process that a pid file proves, os.ErrNotExist
// without a file, and errGone if the process is no more. What the user can
// write to proves nothing about processes of others.
func (a account) readTrackedProcess(path string) (process, error) {
	text, err := readLimited(path, 200)
	if err != nil {
		return process{}, err
	}
	pid, err := readPID(path)
	if err != nil || pid == 0 {
		return process{}, errGone
	}
	p, err := readProcess(pid)
	if err != nil || p.zombie || trackedText(p) != string(text) {
		return process{}, errGone
	}
	if a.foreign() && p.uid != int(a.uid) && !isOurs(filepath.Dir(path)) {
		return process{}, errGone
	}
	return p, nil
}

func (d *commandDriver) act(ctx context.Context, in Instance, action Action, job *Job) error {
	in.PIDFile = commandPIDFile(in)
	as, err := d.accounts.of(in)
	if err != nil && action != Stop {
		return err
	}
	p, err := as.readTrackedProcess(in.PIDFile)
	running := err == nil
	switch {
	case action == Start && running:
		return fmt.Errorf("%s runs already, as process %d", in.Name, p.pid)
	case action == Start, action == Restart && !running:
		return d.start(ctx, in, as, job)
	case !running:
		return errors.New(in.Name + " does not run")
	case action == Reload:
		if err := p.signal(syscall.SIGHUP, in.Prefix, as); err != nil {
			return err
		}
		job.printf("sent HUP to process %d", p.pid)
		return nil
	}
	if err := d.stop(ctx, in, as, p, job); err != nil || action == Stop {
		return err
	}
	return d.start(ctx, in, as, job)
}

func (d *commandDriver) start(ctx context.Context, in Instance, as account, job *Job) error {
	program, ok := findProgram(in.Argv[0])
	if !ok {
		return fmt.Errorf("the program %s does not exist on the server", in.Argv[0])
	}
	if err := as.mayListen(in); err != nil {
		return err
	}
	if err := as.giveCommand(in); err != nil {
		return err
	}
	if taken := portTaken(in.Port); taken != "" {
		return errors.New(taken)
	}
	offset := fileSize(commandLog(in))
	p, err := d.spawn(in, as, program)
	if err != nil {
		return err
	}
	job.printf("$ %s", strings.Join(append([]string{program}, in.Argv[1:]...), " "))
	limit := commandStartLimit
	if in.Port == 0 {
		limit = commandProbation
	}
	err = waitFor(ctx, limit, func() (bool, error) {
		if d.reap(); !p.alive() {
			return false, errGone
		}
		return in.Port != 0 && holdsSocketInSession(p, listenInodes(in.Port)), nil
	})
	for _, line := range as.linesSince(commandLog(in), offset, 20) {
		job.printf("%s", line)
	}
	switch {
	case errors.Is(err, errGone):
		d.reap() // it may have ended after the last one
		d.mu.Lock()
		defer d.mu.Unlock()
		return fmt.Errorf("%s ended at once: %s", filepath.Base(program), d.ends[in.Name])
	case errors.Is(err, errTimeout) && in.Port != 0:
		return fmt.Errorf("process %d runs, but does not listen on port %d within %s", p.pid, in.Port, limit)
	}
	job.printf("%s runs as process %d%s; its output goes to %s", in.Name, p.pid, as.words(), commandLog(in))
	return nil
}

// giveCommand makes the folders of the log and the pid file. PREFIX may be the
// account's own: what is written below it is written with its rights.
func (a account) giveCommand(in Instance) error {
	if !a.foreign() {
		return makeDirs(filepath.Dir(in.PIDFile), filepath.Dir(commandLog(in)))
	}
	if err := makeDirs(in.Prefix); err != nil {
		return err
	}
	for _, dir := range unique(filepath.Dir(in.PIDFile), filepath.Dir(commandLog(in))) {
		if filepath.Dir(dir) == filepath.Clean(in.Prefix) && isOurs(in.Prefix) {
			if err := a.handOver(dir); err != nil {
				return err
			}
		} else if err := a.do(func() error { return makeDirs(dir) }); err != nil {
			return err
		}
	}
	return a.mayEnter(in.Prefix)
}

// spawn starts the program and remembers it.
func (d *commandDriver) spawn(in Instance, as account, program string) (process, error) {
	var log *os.File
	err := as.do(func() (err error) {
		log, err = os.OpenFile(commandLog(in), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
		return err
	})
	if err != nil {
		return process{}, fmt.Errorf("open the log of %s: %w", in.Name, err)
	}
	defer log.Close() //nolint:errcheck // the child has its own
	cmd := exec.Command(program, in.Argv[1:]...)
	cmd.Args[0] = in.Argv[0]
	cmd.Dir, cmd.Env = in.Prefix, childEnv()
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := as.start(cmd); err != nil {
		return process{}, fmt.Errorf("start %s: %w", program, err)
	}
	pid := cmd.Process.Pid
	d.mu.Lock()
	d.children[pid] = in.Name
	delete(d.ends, in.Name)
	// The child stays at least a zombie until reap, so it can be read.
	p, err := readProcess(pid)
	d.mu.Unlock()
	if err := errors.Join(err, cmd.Process.Release()); err != nil {
		return process{}, fmt.Errorf("look at process %d: %w", pid, err)
	}
	if err := as.do(func() error { return writeFile(in.PIDFile, []byte(trackedText(p))) }); err != nil {
		// A process that could not be found again would run for ever.
		return process{}, errors.Join(err, syscall.Kill(-pid, syscall.SIGKILL))
	}
	return p, nil
}

// holdsSocketInSession also looks at the program's own children.
func holdsSocketInSession(p process, inodes map[string]int) bool {
	if len(inodes) == 0 {
		return false
	}
	if holdsSocket(p.pid, inodes) {
		return true
	}
	for _, child := range readProcessTable().children(p.pid, anyTitle) {
		if holdsSocket(child.pid, inodes) {
			return true
		}
	}
	return false
}

// groupAlive tells whether a process group has a member that is no zombie.
func groupAlive(group int) bool {
	if err := syscall.Kill(-group, 0); err != nil {
		return false
	}
	return readProcessTable().hasGroup(group)
}

// stop ends the process and its group: TERM, and KILL for what is left.
func (d *commandDriver) stop(ctx context.Context, in Instance, as account, p process, job *Job) error {
	if why := p.maySignal(in.Prefix, as); why != "" {
		return errors.New(why)
	}
	// While a member lives, the group's number is not given to another.
	gone := func() (bool, error) {
		d.reap()
		return !p.alive() && !groupAlive(p.pid), nil
	}
	// The group's number is the leader's, which was proven above and, unless it
	// was another Tagtail's child, is not given away before it is reaped.
	if err := syscall.Kill(-p.pid, syscall.SIGTERM); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("send TERM to the group of process %d: %w", p.pid, err)
	}
	job.printf("sent TERM to process %d and its group", p.pid)
	if waitFor(ctx, d.stopLimit, gone) != nil {
		if err := syscall.Kill(-p.pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("send KILL to the group of process %d: %w", p.pid, err)
		}
		job.printf("it still ran after %s: sent KILL", d.stopLimit)
		if waitFor(ctx, commandKillLimit, gone) != nil {
			return fmt.Errorf("process %d still runs after KILL", p.pid)
		}
	}
	if err := as.do(func() error { return os.Remove(in.PIDFile) }); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("remove the pid file: %w", err)
	}
	job.printf("%s is stopped", in.Name)
	return nil
}
