package deploy

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

// driver moves the processes of one Kind. Its methods may be called from
// several goroutines; act never twice at once for one instance.
type driver interface {
	// observe looks at in without touching it, fast enough to be polled.
	observe(table processTable, in Instance) observation
	// act carries an action out, printing into job, and gives the sentence
	// that says why it failed.
	act(ctx context.Context, in Instance, action Action, job *Job) error
}

// observation is what a driver sees of an instance.
type observation struct {
	state     State
	processes []process // proven to be the instance's; more than one is trouble
	detail    string
	noStart   string // why nothing can be started, if so
	noSignal  string // why the processes may not be signalled, if so
}

// Actions lists what exists for a kind, in the order in which it is shown.
func (k Kind) Actions() []Action {
	switch k {
	case Nginx:
		return Actions()
	case Redis:
		return []Action{Start, Stop, Restart, Test}
	case Command:
		return []Action{Start, Stop, Reload, Restart}
	}
	return nil
}

// refusal says why an action is not possible in what is seen, or nothing.
func refusal(in Instance, a Action, seen observation) string {
	running := len(seen.processes) > 0
	switch {
	case in.Kind == Shared:
		return in.Name + " is shared: it is not controlled from here"
	case !slices.Contains(in.Kind.Actions(), a):
		return fmt.Sprintf("%s is of the kind %s, for which there is no %s", in.Name, in.Kind, a)
	case a == Start && running:
		return fmt.Sprintf("%s runs already, as process %d", in.Name, seen.processes[0].pid)
	case (a == Start || a == Restart || a == Test || a == Reload) && seen.noStart != "":
		return seen.noStart
	case (a == Stop || a == Quit || a == Reload || a == Reopen) && !running:
		if seen.state == Unknown {
			return seen.detail
		}
		return in.Name + " does not run"
	case running && a != Test && seen.noSignal != "":
		return seen.noSignal
	case (a == Reload || a == Reopen) && len(seen.processes) > 1:
		return seen.detail
	}
	return ""
}

// source is where a missing configuration comes from.
type source struct {
	dir    string
	render RenderOptions
}

// ownerOf tells why an instance cannot be started, if its user is the reason.
func (a *accounts) ownerOf(in Instance, seen *observation) account {
	as, err := a.of(in)
	if err != nil && seen.noStart == "" {
		seen.noStart = err.Error()
	}
	return as
}

// ensureConf writes in.Conf if there is none. One that is there is kept, also
// when the templates have changed since: a start is no deploy.
func (s source) ensureConf(in Instance, as account, job *Job) error {
	have, err := readLimited(in.Conf, 2*maxTemplateBytes)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if s.dir == "" {
		if err != nil {
			return fmt.Errorf("%s does not exist, and there are no templates to write it from", in.Conf)
		}
		return nil
	}
	want, renderErr := Render(in, s.dir, s.render)
	_, templ := serviceFiles(in.Service())
	switch {
	case err == nil && renderErr == nil && !bytes.Equal(have, want):
		job.printf("note: %s differs from what %s gives now, and is kept; remove it to have it written again", in.Conf, templ)
	case err == nil:
	case renderErr != nil:
		return fmt.Errorf("%s does not exist and cannot be written: %w", in.Conf, renderErr)
	default:
		if err := makeDirs(filepath.Dir(in.Conf)); err != nil {
			return err
		}
		if err := as.writeConf(in, in.Conf, want); err != nil {
			return err
		}
		job.printf("wrote %s from %s", in.Conf, templ)
	}
	return nil
}

// sharedDriver is for what is not ours to move.
type sharedDriver struct{}

func (sharedDriver) observe(processTable, Instance) observation {
	return observation{state: Unknown}
}

func (sharedDriver) act(_ context.Context, in Instance, _ Action, _ *Job) error {
	return errors.New(in.Name + " is shared: it is not controlled from here")
}
