package deploy

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Supervision is who starts the instances of nginx and Redis.
type Supervision string

// The supervisions.
const (
	Direct  Supervision = "direct"  // Tagtail itself
	Systemd Supervision = "systemd" // systemd, by template units: docs/deploy.md
)

// CheckSupervision says what is wrong with a Supervision; empty means Direct.
func CheckSupervision(by Supervision) error {
	switch by {
	case "", Direct, Systemd:
		return nil
	}
	return fmt.Errorf("supervisor %q is not possible: it is direct or systemd", cutText(string(by), 80))
}

// supervisor starts the programs of instances and brings signals to them. What
// comes of it is for the drivers to prove.
type supervisor interface {
	// run carries a task out to its end and gives what was printed.
	run(ctx context.Context, in Instance, as account, what task, job *Job) (string, error)
	// signal reaches a process of the instance, if it is still the one that it was.
	signal(ctx context.Context, in Instance, as account, p process, sig syscall.Signal) error
	// maySignal says why signal would not, or nothing.
	maySignal(in Instance, as account, p process) string
}

// task is a program of an instance that ends soon.
type task struct {
	name  taskName
	dir   string
	limit time.Duration
	argv  []string
}

// notRun is a task that nobody has begun.
type notRun struct{ error }

func (e notRun) Unwrap() error { return e.error }

type taskName string

const (
	startTask taskName = "start" // a daemon, which goes to the background
	checkTask taskName = "check" // the judgement of a configuration
)

// direct does all of it itself.
type direct struct{}

func (direct) run(ctx context.Context, _ Instance, as account, what task, job *Job) (string, error) {
	job.printf("$ %s", strings.Join(what.argv, " "))
	return as.runProgram(ctx, what.dir, what.limit, what.argv...)
}

func (direct) signal(_ context.Context, in Instance, as account, p process, sig syscall.Signal) error {
	return p.signal(sig, home(in), as)
}

func (direct) maySignal(in Instance, as account, p process) string {
	return p.maySignal(home(in), as)
}

// home is the folder whose owner an instance's process may have.
func home(in Instance) string {
	if in.Kind == Redis {
		return filepath.Dir(in.PIDFile)
	}
	return in.Prefix
}
