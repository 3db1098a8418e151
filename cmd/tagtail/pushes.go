package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/tagtail/tagtail/deploy"
	"github.com/tagtail/tagtail/deploy/gitrepo"
	"github.com/tagtail/tagtail/deploy/push"
)

// pushEngine carries out what is pushed.
type pushEngine struct {
	app   *app
	fresh *freshController

	mu sync.Mutex // held while serverctrl or the library changes
}

// openGate lets people push, if there are repositories.
func (a *app) openGate(fresh *freshController) error {
	list, err := a.cfg.repositories()
	if err != nil || len(list) == 0 {
		return err
	}
	program, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find own program: %w", err)
	}
	people := map[uint32]push.Person{}
	for _, p := range a.cfg.People {
		people[p.UID] = push.Person{Name: p.Name, Admin: p.Admin}
	}
	a.gate, err = push.Open(push.Config{
		Repositories: list, Socket: a.cfg.pushSocket(), Hooks: filepath.Join(a.cfg.Data, "hooks"), Program: program,
		Instances: fresh.instances, Engine: &pushEngine{app: a, fresh: fresh}, People: people,
		Audit: a.auditPush, JobURL: a.jobURL, Logger: a.logger,
	})
	return err
}

// jobURL is where a person can look at a job.
func (a *app) jobURL(id string) string { return a.server.Public() + "/#job=" + id }

// Render implements push.Engine: every instance of the commit has to render, and
// what runs now has to stay within reach.
func (e *pushEngine) Render(ctx context.Context, sha string, repo *gitrepo.Repo) error {
	if err := e.fresh.Render(ctx, sha, repo); err != nil {
		return err
	}
	before, _, err := deploy.LoadServerctrl(e.app.cfg.Serverctrl, e.app.cfg.layout())
	if err != nil {
		return nil //nolint:nilerr // there are no templates yet, or none that can be read: any are better
	}
	return e.at(ctx, sha, repo, nil, func(next []deploy.Instance, _ string) error {
		for _, status := range e.fresh.Status(ctx) {
			if find(before, status.Instance.Name) < 0 {
				continue // the configuration has it
			}
			if err := outOfReach(status, next); err != nil {
				return err
			}
		}
		return nil
	})
}

// CheckValues implements push.Engine: with the values of the branch all has to
// be as right as without them.
func (e *pushEngine) CheckValues(ctx context.Context, owner, old, sha string, repo *gitrepo.Repo) (changed bool, err error) {
	own := deploy.OwnValues{Names: e.app.cfg.developerValues()}
	if changed, err = deploy.CheckBranch(ctx, repo, owner, old, sha, own); err != nil || !changed {
		return false, err
	}
	master, err := repo.Branch(ctx, push.Base)
	if errors.Is(err, gitrepo.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, e.at(ctx, master.SHA, repo, map[string]string{owner: sha}, func(next []deploy.Instance, files string) error {
		_, problems, err := deploy.LoadServerctrl(files, e.app.cfg.layout())
		if err != nil {
			return err
		}
		_, known, err := deploy.LoadServerctrl(e.app.cfg.Serverctrl, e.app.cfg.layout())
		if err != nil {
			return err
		}
		for _, p := range problems {
			if !p.Warning && !slices.Contains(known, p) {
				return p
			}
		}
		for _, in := range next {
			if in.Owner() != owner {
				continue
			}
			if _, err := deploy.Render(in, files, e.options()); err != nil && !errors.Is(err, os.ErrNotExist) {
				return fmt.Errorf("%s: %w", in.Name, err)
			}
		}
		for _, status := range e.fresh.Status(ctx) {
			if err := outOfReach(status, next); status.Instance.Owner() == owner && find(next, status.Instance.Name) >= 0 && err != nil {
				return err
			}
		}
		return nil
	})
}

// outOfReach tells why an instance that runs could not be controlled any more if
// the templates were those of next: a Redis is found by its port.
func outOfReach(now deploy.Status, next []deploy.Instance) error {
	in := now.Instance
	if now.PID == 0 || in.Kind != deploy.Nginx && in.Kind != deploy.Redis {
		return nil
	}
	i := find(next, in.Name)
	switch {
	case i < 0:
		return fmt.Errorf("%s runs, and would not be there any more: stop it first", in.Name)
	case in.Kind == deploy.Redis && next[i].Conf != in.Conf:
		return fmt.Errorf("%s runs on port %d, and would be another one on port %d: stop it first", in.Name, in.Port, next[i].Port)
	}
	return nil
}

// find gives the place of an instance in a list, -1 if it is not there.
func find(list []deploy.Instance, name string) int {
	return slices.IndexFunc(list, func(in deploy.Instance) bool { return in.Name == name })
}

// at calls use with the instances and the files of serverctrl at a commit; tips
// are the commits of branches that are being pushed.
func (e *pushEngine) at(ctx context.Context, sha string, repo *gitrepo.Repo, tips map[string]string, use func(instances []deploy.Instance, files string) error) (err error) {
	dir, err := os.MkdirTemp(e.app.cfg.Data, "render-")
	if err != nil {
		return fmt.Errorf("make folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	files := filepath.Join(dir, "files")
	values, err := deploy.ReadBranchValues(ctx, repo, sha, deploy.OwnValues{Names: e.app.cfg.developerValues(), Tips: tips})
	if err != nil {
		return err
	}
	if err := exportTo(ctx, repo, sha, values, files); err != nil {
		return err
	}
	instances, _, err := deploy.LoadServerctrl(files, e.app.cfg.layout())
	if err != nil {
		return err
	}
	return use(instances, files)
}

// maxPreviewLines is how much of a preview is shown.
const maxPreviewLines = 400

// Preview implements push.Engine.
func (e *pushEngine) Preview(ctx context.Context, sha string, repo *gitrepo.Repo) ([]string, error) {
	after := map[string][]byte{}
	err := e.at(ctx, sha, repo, nil, func(next []deploy.Instance, files string) error {
		after = e.rendered(next, files)
		return nil
	})
	if err != nil {
		return nil, err
	}
	before := e.rendered(e.fresh.instances(), e.app.cfg.Serverctrl)
	lines := differences(before, after, e.fresh.instances())
	if len(lines) == 0 {
		return []string{"no configuration would change"}, nil
	}
	if len(lines) > maxPreviewLines {
		lines = append(lines[:maxPreviewLines], "(what follows is not shown)")
	}
	return lines, nil
}

// differences shows how each configuration changes, and of changes that are the
// same but for an instance's names and port the first.
func differences(before, after map[string][]byte, instances []deploy.Instance) []string {
	var texts []string
	alike := map[string][]string{} // names of the instances that change so
	first := map[string]string{}   // by text, what it changes
	for _, name := range slices.Sorted(maps.Keys(after)) {
		text := deploy.Diff(name+" now", before[name], name+" then", after[name])
		if text == "" {
			continue
		}
		in := deploy.Instance{Name: name}
		if i := find(instances, name); i >= 0 {
			in = instances[i]
		}
		change := in.Service() + "\n" + in.Anonymous(changedLines(text))
		if alike[change] == nil {
			texts, first[text] = append(texts, text), change
		}
		alike[change] = append(alike[change], name)
	}
	var lines []string
	for _, text := range texts {
		lines = append(lines, strings.Split(strings.TrimRight(text, "\n"), "\n")...)
		if names := alike[first[text]]; len(names) > 1 {
			lines = append(lines, "the same for "+push.NameList(names[1:]))
		}
	}
	return lines
}

// changedLines are the lines of a diff that begin with + or -, without its head.
func changedLines(text string) string {
	var b strings.Builder
	_, hunks, _ := strings.Cut(text, "\n@@")
	for line := range strings.Lines(hunks) {
		if line[0] == '+' || line[0] == '-' {
			b.WriteString(line)
		}
	}
	return b.String()
}

func (e *pushEngine) options() deploy.RenderOptions {
	return deploy.RenderOptions{Syslog: nginxSyslog(e.app.listeners)}
}

// Adopt implements push.Engine. Instances that have never had a configuration
// get theirs when they are started.
func (e *pushEngine) Adopt(ctx context.Context) (string, []string, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	repo, commit, err := e.newest(ctx, serverctrlName)
	if err != nil {
		return "", nil, err
	}
	instances := e.fresh.instances()
	before := e.rendered(instances, e.app.cfg.Serverctrl)
	if err := e.app.cfg.checkOut(ctx, repo, commit.SHA); err != nil {
		return "", nil, err
	}
	e.fresh.refresh()
	after := e.rendered(e.fresh.instances(), e.app.cfg.Serverctrl)
	var changed []string
	for _, in := range instances {
		text, known := after[in.Name]
		if _, err := os.Stat(in.Conf); err == nil && known && !bytes.Equal(before[in.Name], text) {
			changed = append(changed, in.Name)
		}
	}
	slices.Sort(changed)
	return commit.SHA, changed, nil
}

// rendered are the configurations of all instances that have templates there.
func (e *pushEngine) rendered(instances []deploy.Instance, files string) map[string][]byte {
	texts := map[string][]byte{}
	for _, in := range instances {
		if text, err := deploy.Render(in, files, e.options()); err == nil {
			texts[in.Name] = text
		}
	}
	return texts
}

// newest gives a repository and the commit of its master: of two pushes at
// once, the later one counts, whichever is told of first.
func (e *pushEngine) newest(ctx context.Context, name string) (*gitrepo.Repo, gitrepo.Commit, error) {
	r, ok := e.app.gate.Repository(name)
	if !ok {
		return nil, gitrepo.Commit{}, fmt.Errorf("there is no repository %s", name)
	}
	repo, err := gitrepo.Open(r.Dir)
	if err != nil {
		return nil, gitrepo.Commit{}, err
	}
	commit, err := repo.Branch(ctx, push.Base)
	return repo, commit, err
}

// Publish implements push.Engine.
func (e *pushEngine) Publish(ctx context.Context, by push.Person) (lines, instances []string, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	repo, commit, err := e.newest(ctx, libraryName)
	if err != nil {
		return nil, nil, err
	}
	r, err := publishLibrary(ctx, repo, commit, by.Name, e.app.cfg.libraryRoot())
	e.app.auditLibrary(r, by.Name, err)
	if err != nil {
		return nil, nil, err
	}
	for _, status := range e.fresh.Status(ctx) {
		if status.Instance.Kind == deploy.Nginx && status.State == deploy.Running && status.Refused[deploy.Reload] == "" {
			instances = append(instances, status.Instance.Name)
		}
	}
	lines = []string{fmt.Sprintf("library v%d is %.7s, %d files; %d running instances reload", r.Number, r.SHA, r.Files, len(instances))}
	return lines, instances, nil
}

// Order implements push.Engine.
func (e *pushEngine) Order(o push.Order) (push.Job, error) {
	order := deploy.Order{Instance: o.Instance, By: o.By.Name, Via: "push", Action: o.Action}
	switch {
	case o.Deploy != "":
		order.Deploy = &deploy.Deploy{Rev: o.Deploy, Ref: o.Ref}
	case o.Rollback:
		order.Rollback = &deploy.Rollback{}
	case o.Apply != "":
		order.Apply = &deploy.Apply{SHA: o.Apply}
	}
	e.fresh.refresh()
	return e.fresh.Controller.Order(order) // the gate itself tells of a refusal
}
