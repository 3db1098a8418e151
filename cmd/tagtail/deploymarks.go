package main

import (
	"sync"
	"time"

	"github.com/tagtail/tagtail/deploy"
	"github.com/tagtail/tagtail/deploy/release"
	"github.com/tagtail/tagtail/viewer"
)

// deployMarks are the releases of all instances in memory: every search that
// means one asks for them.
type deployMarks struct {
	releases func(instance string) ([]release.Release, error)

	mu    sync.Mutex
	marks map[string][]viewer.DeployMark // by instance; missing until read
}

// all lists the marks of the instances. The caller may not change the slice's
// elements.
func (d *deployMarks) all(instances []deploy.Instance) []viewer.DeployMark {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.marks == nil {
		d.marks = map[string][]viewer.DeployMark{}
	}
	var list []viewer.DeployMark
	for _, in := range instances {
		marks, known := d.marks[in.Name]
		if !known {
			marks = d.read(in.Name)
			d.marks[in.Name] = marks
		}
		list = append(list, marks...)
	}
	return list
}

// forget has an instance's releases read again: it has got another one.
func (d *deployMarks) forget(instance string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.marks, instance)
}

// read gives the releases that have been live. What cannot be read is told of
// by who shows releases.
func (d *deployMarks) read(instance string) []viewer.DeployMark {
	list, err := d.releases(instance)
	if err != nil {
		return nil
	}
	var marks []viewer.DeployMark
	for _, r := range list {
		if !r.Switched {
			continue // nothing has run of it
		}
		result := "succeeded"
		if r.Result != release.Succeeded {
			result = "failed"
		}
		marks = append(marks, viewer.DeployMark{
			Instance: instance, Number: r.Number, Time: r.When.Add(time.Duration(r.TookMS) * time.Millisecond),
			Kind: string(r.Kind), Result: result, By: r.By, SHA: r.SHA, Subject: r.Subject,
		})
	}
	return marks
}
