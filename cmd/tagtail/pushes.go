package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/tagtail/tagtail/deploy"
	"github.com/tagtail/tagtail/deploy/gitrepo"
	"github.com/tagtail/tagtail/deploy/push"
)

// pushEngine carries out what is pushed.
type pushEngine struct {
	app   *app
	fresh *freshController
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
		Instances: fresh.instances, Engine: pushEngine{a, fresh}, People: people,
		Audit: a.auditPush, JobURL: a.jobURL, Logger: a.logger,
	})
	return err
}

// jobURL is where a job is answered for.
func (a *app) jobURL(id string) string { return a.page + "/api/v1/jobs/" + id }

// Render implements push.Engine: every instance of the commit has to render.
func (e pushEngine) Render(ctx context.Context, sha string, repo *gitrepo.Repo) (err error) {
	dir, err := os.MkdirTemp(e.app.cfg.Data, "render-")
	if err != nil {
		return fmt.Errorf("make folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	files := filepath.Join(dir, "files")
	if err := exportTo(ctx, repo, sha, "", files); err != nil {
		return err
	}
	instances, problems, err := deploy.LoadServerctrl(files, e.app.cfg.layout())
	if err != nil {
		return err
	}
	for _, p := range problems {
		if !p.Warning {
			return p
		}
	}
	for _, in := range instances {
		_, err := deploy.Render(in, files, e.options())
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("%s: %w", in.Name, err)
		}
	}
	return nil
}

func (e pushEngine) options() deploy.RenderOptions {
	return deploy.RenderOptions{Syslog: nginxSyslog(e.app.listeners)}
}

// Adopt implements push.Engine.
func (e pushEngine) Adopt(ctx context.Context, sha string) ([]string, error) {
	before := e.rendered(e.fresh.instances())
	repo, err := e.repository(serverctrlName)
	if err != nil {
		return nil, err
	}
	if err := checkOut(ctx, repo, sha, e.app.cfg.checkouts()); err != nil {
		return nil, err
	}
	e.fresh.refresh()
	after := e.rendered(e.fresh.instances())
	var changed []string
	for name, text := range after {
		if old, known := before[name]; known && !bytes.Equal(old, text) {
			changed = append(changed, name)
		}
	}
	slices.Sort(changed)
	return changed, nil
}

// rendered are the configurations of all instances that have templates.
func (e pushEngine) rendered(instances []deploy.Instance) map[string][]byte {
	texts := map[string][]byte{}
	for _, in := range instances {
		if text, err := deploy.Render(in, e.app.cfg.Serverctrl, e.options()); err == nil {
			texts[in.Name] = text
		}
	}
	return texts
}

func (e pushEngine) repository(name string) (*gitrepo.Repo, error) {
	r, ok := e.app.gate.Repository(name)
	if !ok {
		return nil, fmt.Errorf("there is no repository %s", name)
	}
	return gitrepo.Open(r.Dir)
}

// Publish implements push.Engine.
func (e pushEngine) Publish(ctx context.Context, sha string, _ push.Person) (lines, instances []string, err error) {
	repo, err := e.repository(libraryName)
	if err != nil {
		return nil, nil, err
	}
	files, err := publishLibrary(ctx, repo, sha, e.app.cfg.libraryRoot())
	if err != nil {
		return nil, nil, err
	}
	for _, status := range e.fresh.Status(ctx) {
		if status.Instance.Kind == deploy.Nginx && status.State == deploy.Running && status.Refused[deploy.Reload] == "" {
			instances = append(instances, status.Instance.Name)
		}
	}
	lines = []string{fmt.Sprintf("the library is %.7s now, %d files; %d running instances reload", sha, files, len(instances))}
	return lines, instances, nil
}

// Order implements push.Engine.
func (e pushEngine) Order(o push.Order) (push.Job, error) {
	if o.Action != "" {
		return e.fresh.Do(o.Instance, o.Action, o.By.Name)
	}
	return nil, errors.New("this is not possible yet")
}
