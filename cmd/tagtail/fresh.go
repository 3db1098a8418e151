package main

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/tagtail/tagtail/deploy"
)

// freshController is the controller with the instances of the templates as
// they are now: before it answers it reads the serverctrl folder again, if
// anything in it has changed.
type freshController struct {
	*deploy.Controller
	app *app

	mu   sync.Mutex
	seen string // the folder's fingerprint when it was read last
}

func newFreshController(a *app) *freshController {
	f := &freshController{Controller: a.controller, app: a}
	f.refresh()
	return f
}

// instances lists those that exist now.
func (f *freshController) instances() []deploy.Instance {
	f.refresh()
	return f.Instances()
}

// Status implements viewer.Deployer.
func (f *freshController) Status(ctx context.Context) []deploy.Status {
	f.refresh()
	return f.Controller.Status(ctx)
}

// Do implements viewer.Deployer.
func (f *freshController) Do(instance string, action deploy.Action, by string) (*deploy.Job, error) {
	f.refresh()
	job, err := f.Controller.Do(instance, action, by)
	if err != nil {
		f.app.auditRefusal(instance, string(action), by, err)
	}
	return job, err
}

// Order implements viewer.Deployer.
func (f *freshController) Order(o deploy.Order) (*deploy.Job, error) {
	f.refresh()
	job, err := f.Controller.Order(o)
	if err != nil {
		f.app.auditRefusal(o.Instance, orderName(o), o.By, err)
	}
	return job, err
}

// orderName is what an order is called in the log.
func orderName(o deploy.Order) string {
	switch {
	case o.Deploy != nil:
		return "deploy"
	case o.Rollback != nil:
		return "rollback"
	case o.Apply != nil:
		return "apply"
	}
	return string(o.Action)
}

// refresh reads the folder again if it has changed. What is wrong in it is
// logged once, and the instances stay as they were where they cannot be read.
func (f *freshController) refresh() {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := fingerprint(f.app.cfg.Serverctrl)
	if now == f.seen {
		return
	}
	first := f.seen == ""
	f.seen = now
	if first {
		return // openApp has just read it
	}
	if err := f.app.reloadInstances(); err != nil {
		f.app.logger.Error("instances stay as they were", "err", err)
	}
}

// fingerprint changes when a file of the folder does.
func fingerprint(folder string) string {
	if folder == "" {
		return ""
	}
	var b strings.Builder
	b.WriteString(folder)
	for _, pattern := range []string{"*.sub.py", "*.templ.conf", "developers.json"} {
		names, _ := fs.Glob(os.DirFS(folder), pattern) // the folder's name is no pattern
		for _, name := range names {
			if info, err := os.Stat(filepath.Join(folder, name)); err == nil {
				fmt.Fprintf(&b, "\n%s %d %d", name, info.Size(), info.ModTime().UnixNano())
			}
		}
	}
	return b.String()
}
