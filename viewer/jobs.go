package viewer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"
	"github.com/labstack/echo/v4"

	"github.com/tagtail/tagtail/deploy"
)

// running is what a *deploy.Job can do.
type running interface {
	View() deploy.JobView
	Wait(ctx context.Context, from int) (lines []string, done bool, err error)
}

// controls is a Deployer as the handlers use it. That jobs are an interface
// here lets tests have jobs without processes.
type controls interface {
	Status(ctx context.Context) []deploy.Status
	Do(instance string, action deploy.Action, by string) (running, error)
	Order(o deploy.Order) (running, error)
	Job(id string) (running, bool)
}

// deployerControls makes controls of any Deployer, also of none.
type deployerControls struct{ deployer Deployer }

func (d deployerControls) Status(ctx context.Context) []deploy.Status {
	if d.deployer == nil {
		return nil
	}
	return d.deployer.Status(ctx)
}

func (d deployerControls) Do(instance string, action deploy.Action, by string) (running, error) {
	if d.deployer == nil {
		return nil, deploy.ErrUnknownInstance
	}
	return d.deployer.Do(instance, action, by)
}

func (d deployerControls) Order(o deploy.Order) (running, error) {
	if d.deployer == nil {
		return nil, deploy.ErrUnknownInstance
	}
	return d.deployer.Order(o)
}

func (d deployerControls) Job(id string) (running, bool) {
	if d.deployer == nil {
		return nil, false
	}
	return d.deployer.Job(id)
}

// act starts an action on an instance.
func (s *Server) act(c echo.Context, p principal) error {
	instance := c.Param("service") + "/" + c.Param("owner")
	action := deploy.Action(c.Param("action"))
	if !slices.Contains(deploy.Actions(), action) {
		return newProblem(http.StatusNotFound, "There is no action %s: there are %s.", shown(string(action)), actionNames())
	}
	unknown := newProblem(http.StatusNotFound, "There is no instance %s that can be controlled: its name is SERVICE/OWNER, as the page lists it.", shown(instance))
	if !p.scope().holds(instance) {
		return unknown
	}
	if !p.mayAct(instance) {
		return newProblem(http.StatusForbidden, "You may look at %s but not control it: ask an administrator.", shown(instance))
	}
	job, err := s.controls.Do(instance, action, p.Name)
	var refused *deploy.RefusedError
	switch {
	case errors.Is(err, deploy.ErrUnknownInstance):
		return unknown
	case errors.As(err, &refused):
		return newProblem(http.StatusConflict, "%s", refused.Error())
	case err != nil:
		return fmt.Errorf("%s %s: %w", action, instance, err)
	}
	view := viewOf(job)
	s.log.Info("action started", "instance", instance, "action", string(action), "by", p.Name, "job", view.ID)
	c.Response().Header().Set("Location", "/api/v1/jobs/"+view.ID)
	return s.sendJSON(c, http.StatusAccepted, view)
}

func actionNames() string {
	var names []string
	for _, action := range deploy.Actions() {
		names = append(names, string(action))
	}
	return strings.Join(names, ", ")
}

// viewOf is a job as JSON shows it: with an array of output, also if empty.
func viewOf(job running) deploy.JobView {
	view := job.View()
	if view.Output == nil {
		view.Output = []string{}
	}
	return view
}

// maySee tells whether p may see the job: one of no instance is of the store.
func (s *Server) maySee(p principal, job running) bool {
	if instance := job.View().Instance; instance != "" {
		return p.scope().holds(instance)
	}
	return p.mayKeepStore()
}

// findJob finds the job of the URL, if p may see its instance.
func (s *Server) findJob(c echo.Context, p principal) (running, error) {
	id := c.Param("id")
	if job, ok := s.controls.Job(id); ok && s.maySee(p, job) {
		return job, nil
	}
	if job := s.upkeep.find(id); job != nil && s.maySee(p, job) {
		return job, nil
	}
	return nil, newProblem(http.StatusNotFound, "There is no job %s: old ones are forgotten, start the action again.", shown(id))
}

// job answers with a job as it is now.
func (s *Server) job(c echo.Context, p principal) error {
	job, err := s.findJob(c, p)
	if err != nil {
		return err
	}
	return s.sendJSON(c, http.StatusOK, viewOf(job))
}

// maxOutputLines bounds one frame of a job's output.
const maxOutputLines = 500

// jobOutput streams the output of a job from its first line to its end.
func (s *Server) jobOutput(c echo.Context, p principal) error {
	job, err := s.findJob(c, p)
	if err != nil {
		return err
	}
	return s.serveSocket(c, func(ctx context.Context, sock socket) error {
		ctx, stop := s.whileSeen(ctx, c, job)
		defer stop()
		from := 0
		for {
			lines, done, err := job.Wait(ctx, from)
			if err != nil {
				return fmt.Errorf("wait for job: %w", cmp.Or(context.Cause(ctx), err))
			}
			for part := range slices.Chunk(lines, maxOutputLines) {
				if err := sendOutput(sock, from, part); err != nil {
					return err
				}
				from += len(part)
			}
			if done {
				return sendDone(sock, viewOf(job))
			}
		}
	})
}

// whileSeen gives a context that ends when the person who asked may not see the
// job any more.
func (s *Server) whileSeen(ctx context.Context, c echo.Context, job running) (_ context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	var checker sync.WaitGroup
	checker.Go(func() {
		tick := time.NewTicker(checkEvery)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			p, err := s.authenticate(c.Request())
			if err == nil && reading.allows(p) && s.maySee(p, job) {
				continue
			}
			cancel(&socketError{websocket.ClosePolicyViolation, newProblem(http.StatusForbidden, "What you may see has changed: open the page again.")})
			return
		}
	})
	return ctx, func() {
		cancel(nil)
		checker.Wait()
	}
}

func sendOutput(sock socket, from int, lines []string) error {
	return sock.sendJSON(struct {
		Type  string   `json:"type"`
		From  int      `json:"from"`
		Lines []string `json:"lines"`
	}{"output", from, lines})
}

func sendDone(sock socket, view deploy.JobView) error {
	return sock.sendJSON(struct {
		Type string         `json:"type"`
		Job  deploy.JobView `json:"job"`
	}{"done", view})
}
