package viewer

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/tagtail/tagtail/deploy"
	"github.com/tagtail/tagtail/index"
)

// Upkeep checks and mends where the entries are kept. Its methods block, and
// call progress from the calling goroutine.
type Upkeep interface {
	Verify(ctx context.Context, progress func(index.Progress)) (index.Report, error)
	Rebuild(ctx context.Context, progress func(index.Progress)) error
}

// The actions on the store.
const (
	actionVerify  deploy.Action = "verify"
	actionRebuild deploy.Action = "rebuild"
)

const (
	keptUpkeepJobs = 8
	// maxUpkeepLines bounds a job's output: each finding is a line.
	maxUpkeepLines = 10_000
)

// upkeepJobs are the jobs on the store. One runs at a time, in run.
type upkeepJobs struct {
	wake chan struct{} // has one if a job waits for run

	mu    sync.Mutex
	count int
	jobs  []*upkeepJob // the newest last; only that may not be done
}

// start adds a job; nil if one is not done.
func (u *upkeepJobs) start(action deploy.Action, by string, work upkeepWork) *upkeepJob {
	u.mu.Lock()
	defer u.mu.Unlock()
	if n := len(u.jobs); n > 0 && u.jobs[n-1].View().State == deploy.JobRunning {
		return nil
	}
	u.count++
	j := &upkeepJob{
		work:    work,
		view:    deploy.JobView{ID: fmt.Sprintf("store-%d", u.count), Action: action, By: by, State: deploy.JobRunning, Started: time.Now()},
		changed: make(chan struct{}),
	}
	u.jobs = append(u.jobs, j)
	if len(u.jobs) > keptUpkeepJobs {
		u.jobs = slices.Delete(u.jobs, 0, 1)
	}
	u.wake <- struct{}{} // the one before was taken
	return j
}

func (u *upkeepJobs) find(id string) *upkeepJob {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, j := range u.jobs {
		if j.View().ID == id {
			return j
		}
	}
	return nil
}

// run does the jobs until ctx ends.
func (u *upkeepJobs) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-u.wake:
		}
		u.mu.Lock()
		j := u.jobs[len(u.jobs)-1]
		u.mu.Unlock()
		j.finish(j.work(ctx, j))
	}
}

// upkeepWork is what a job does; it prints into the job.
type upkeepWork func(ctx context.Context, j *upkeepJob) error

// upkeepJob is a verify, rebuild or purge. Lines that begin with # are words,
// others are findings, or the report of a purge in JSON.
type upkeepJob struct {
	work upkeepWork // immutable

	mu      sync.Mutex
	view    deploy.JobView
	changed chan struct{} // closed and replaced at every change
}

// progress returns what prints each tenth of the way.
func (j *upkeepJob) progress() func(index.Progress) {
	tenths := 0
	return func(p index.Progress) {
		if p.Total > 0 && p.Done*10/p.Total > tenths {
			tenths = p.Done * 10 / p.Total
			j.print(fmt.Sprintf("# %d of %d files", p.Done, p.Total))
		}
	}
}

func (s *Server) rebuild(ctx context.Context, j *upkeepJob) error {
	return s.cfg.Upkeep.Rebuild(ctx, j.progress())
}

func (s *Server) verify(ctx context.Context, j *upkeepJob) error {
	report, err := s.cfg.Upkeep.Verify(ctx, j.progress())
	for _, f := range report.Findings {
		j.print(f.String())
	}
	if err != nil {
		return err
	}
	j.print("# " + report.String())
	return report.Err()
}

func (j *upkeepJob) print(line string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.view.Output) < maxUpkeepLines {
		j.view.Output = append(j.view.Output, line)
		j.notifyLocked()
	}
}

func (j *upkeepJob) finish(err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.view.Finished, j.view.State = time.Now(), deploy.JobSucceeded
	if err != nil {
		j.view.State, j.view.Error = deploy.JobFailed, err.Error()
	}
	if errors.Is(err, context.Canceled) {
		j.view.Error = "The server was stopped before it was done."
	}
	j.notifyLocked()
}

func (j *upkeepJob) notifyLocked() {
	close(j.changed)
	j.changed = make(chan struct{})
}

// View and Wait are as those of deploy.Job.
func (j *upkeepJob) View() deploy.JobView {
	j.mu.Lock()
	defer j.mu.Unlock()
	view := j.view
	view.Output = slices.Clone(view.Output)
	return view
}

// Wait blocks until there are more than from lines, or no more will come.
func (j *upkeepJob) Wait(ctx context.Context, from int) (lines []string, done bool, err error) {
	for {
		j.mu.Lock()
		lines = slices.Clone(j.view.Output[min(max(from, 0), len(j.view.Output)):])
		done = j.view.State != deploy.JobRunning
		changed := j.changed
		j.mu.Unlock()
		if done || len(lines) > 0 {
			return lines, done, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, false, ctx.Err()
		}
	}
}

// keepStore returns the handler that starts the action.
func (s *Server) keepStore(action deploy.Action) handler {
	return func(c echo.Context, p principal) error {
		if !p.mayKeepStore() {
			return newProblem(http.StatusForbidden, "Only an administrator may %s the store.", action)
		}
		if s.cfg.Upkeep == nil {
			return newProblem(http.StatusNotFound, "This server keeps no store of its own.")
		}
		work := s.verify
		if action == actionRebuild {
			work = s.rebuild
		}
		return s.startUpkeep(c, action, p, work)
	}
}

// startUpkeep answers with the job that does the work.
func (s *Server) startUpkeep(c echo.Context, action deploy.Action, p principal, work upkeepWork) error {
	job := s.upkeep.start(action, p.Name, work)
	if job == nil {
		return newProblem(http.StatusConflict, "The store is being verified, rebuilt or purged already: wait until that is done.")
	}
	view := viewOf(job)
	s.log.Info("action started", "action", string(action), "by", p.Name, "job", view.ID)
	c.Response().Header().Set("Location", "/api/v1/jobs/"+view.ID)
	return s.sendJSON(c, http.StatusAccepted, view)
}
