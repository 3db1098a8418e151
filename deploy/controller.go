package deploy

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"
)

// Limits of a Controller.
const (
	MaxJobs      = 200 // how many of the newest jobs are kept
	MaxInstances = 1000
	jobTimeout   = 3 * time.Minute // every step has its own, shorter limit
)

// ErrUnknownInstance is about a name that no instance has.
var ErrUnknownInstance = errors.New("there is no such instance")

// RefusedError is an action that is not possible now.
type RefusedError struct{ Sentence string }

func (e *RefusedError) Error() string { return e.Sentence }

// Config is what a Controller works with. The zero value controls nothing.
type Config struct {
	// Instances are those that exist, in the order in which Status gives them.
	Instances []Instance
	// Serverctrl is the directory of the templates. Empty: an instance without
	// a configuration file cannot be started.
	Serverctrl string
	// Render is how a missing configuration is written. Modules is found out
	// by asking the nginx program if it is nil.
	Render RenderOptions
	// Nginx and RedisServer are the programs, if not those that PATH finds.
	Nginx, RedisServer string
	// Logger gets the controller's own words. Default: none.
	Logger *slog.Logger
	// Audit is called at the start and at the end of every job, from the job's
	// goroutine. It may not block for long.
	Audit func(JobView)
}

// Validate says what is wrong with the instances.
func (cfg Config) Validate() error { return validateInstances(cfg.Instances) }

func validateInstances(list []Instance) error {
	if len(list) > MaxInstances {
		return fmt.Errorf("%d instances are more than %d", len(list), MaxInstances)
	}
	seen := map[string]bool{}
	for _, in := range list {
		switch {
		case in.Service() == "" || in.Owner() == "":
			return fmt.Errorf("instance %q: the name must be service/owner", in.Name)
		case seen[in.Name]:
			return fmt.Errorf("instance %s is there twice", in.Name)
		case !slices.Contains([]Kind{Nginx, Redis, Command, Shared}, in.Kind):
			return fmt.Errorf("instance %s: kind %q is none of nginx, redis, command, shared", in.Name, in.Kind)
		case in.Kind == Command && len(in.Argv) == 0:
			return fmt.Errorf("instance %s: a command needs the program to run", in.Name)
		}
		seen[in.Name] = true
	}
	return nil
}

// Controller tells what the instances' processes do, and moves them. One job at
// a time per instance; jobs run to their end even when nobody waits for them.
type Controller struct {
	// immutable after NewController
	cfg     Config
	drivers map[Kind]driver
	queue   chan *Job // with a slot for every instance there can be
	stopped chan struct{}

	belonging belonging

	mu      sync.Mutex      // before a Job's own
	list    []Instance      // replaced as a whole, never changed
	busy    map[string]*Job // by instance
	jobs    map[string]*Job // by id
	order   []string        // of jobs, oldest first
	closed  bool
	pending sync.WaitGroup // jobs that have not ended
}

// NewController checks cfg. Jobs begin when Run does.
func NewController(cfg Config) (*Controller, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	c := &Controller{
		cfg: cfg,
		drivers: map[Kind]driver{
			Nginx:   nginxDriver{program: cfg.Nginx, source: source{cfg.Serverctrl, cfg.Render}},
			Redis:   redisDriver{program: cfg.RedisServer, source: source{cfg.Serverctrl, cfg.Render}},
			Command: newCommandDriver(),
			Shared:  sharedDriver{},
		},
		queue:   make(chan *Job, MaxInstances),
		stopped: make(chan struct{}),
		busy:    map[string]*Job{},
		jobs:    map[string]*Job{},
	}
	return c, c.SetInstances(cfg.Instances)
}

// SetInstances replaces the instances that exist, as when a developer has
// joined. Jobs that have been ordered go on.
func (c *Controller) SetInstances(list []Instance) error {
	if err := validateInstances(list); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.list = slices.Clone(list)
	return nil
}

// Instances lists those that exist. The caller may not change the slice.
func (c *Controller) Instances() []Instance { return c.instances() }

func (c *Controller) instances() []Instance {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.list
}

// Status looks at every instance. It reads /proc and pid files only, and may be
// called every other second.
func (c *Controller) Status(ctx context.Context) []Status {
	table := readProcessTable()
	instances := c.instances()
	list := make([]Status, 0, len(instances))
	for _, in := range instances {
		if ctx.Err() != nil {
			break
		}
		list = append(list, c.status(table, in))
	}
	return list
}

func (c *Controller) status(table processTable, in Instance) Status {
	seen := c.drivers[in.Kind].observe(table, in)
	st := Status{Instance: in, State: seen.state, Detail: seen.detail, Refused: map[Action]string{}}
	if len(seen.processes) > 0 {
		st.PID, st.Started = seen.processes[0].pid, seen.processes[0].started(table.boot)
	}
	busy := c.busySentence(in.Name)
	for _, a := range Actions() {
		if why := refusal(in, a, seen); why != "" {
			st.Refused[a] = why
		} else if busy != "" {
			st.Refused[a] = busy
		}
	}
	return st
}

func (c *Controller) busySentence(instance string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.busySentenceLocked(instance)
}

func (c *Controller) busySentenceLocked(instance string) string {
	if c.closed {
		return "Tagtail is stopping"
	}
	j, ok := c.busy[instance]
	if !ok {
		return ""
	}
	v := j.View()
	return fmt.Sprintf("%s by %s is running since %s; wait until it has ended", v.Action, v.By, v.Started.Format("15:04:05"))
}

// Do orders an action for a person and gives its job, which goes on whatever
// becomes of the caller. The error is ErrUnknownInstance or a *RefusedError.
func (c *Controller) Do(instance string, action Action, by string) (*Job, error) {
	list := c.instances()
	i := slices.IndexFunc(list, func(in Instance) bool { return in.Name == instance })
	if i < 0 {
		return nil, ErrUnknownInstance
	}
	in := list[i]
	if !slices.Contains(Actions(), action) {
		return nil, &RefusedError{fmt.Sprintf("there is no action %q", cutText(string(action), 40))}
	}
	if busy := c.busySentence(instance); busy != "" {
		return nil, &RefusedError{busy}
	}
	if why := refusal(in, action, c.drivers[in.Kind].observe(readProcessTable(), in)); why != "" {
		return nil, &RefusedError{why}
	}
	j := newJob(rand.Text(), in, action, by)
	if why := c.admit(j); why != "" {
		return nil, &RefusedError{why}
	}
	return j, nil
}

// admit takes the instance's lock for j and queues it, or says why not.
func (c *Controller) admit(j *Job) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if busy := c.busySentenceLocked(j.in.Name); busy != "" {
		return busy
	}
	select {
	case c.queue <- j:
	default: // only while Run does not run, and instances come and go
		return "too many actions wait already; try again"
	}
	c.pending.Add(1)
	c.busy[j.in.Name] = j
	c.jobs[j.view.ID] = j
	c.order = append(c.order, j.view.ID)
	for i := 0; len(c.order) > MaxJobs && i < len(c.order); {
		if id := c.order[i]; c.busy[c.jobs[id].in.Name] == c.jobs[id] {
			i++ // it still runs
		} else {
			delete(c.jobs, id)
			c.order = slices.Delete(c.order, i, i+1)
		}
	}
	return ""
}

// Job gives a job by its id; the newest MaxJobs are kept.
func (c *Controller) Job(id string) (*Job, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	j, ok := c.jobs[id]
	return j, ok
}

// Run carries the jobs out until ctx ends or Close, then waits for those that
// have begun: an action that stops half-way is worse than a late end.
func (c *Controller) Run(ctx context.Context) error {
	for {
		select {
		case j := <-c.queue:
			go c.carryOut(context.WithoutCancel(ctx), j)
			continue
		case <-ctx.Done():
		case <-c.stopped:
		}
		return c.Close()
	}
}

// Close refuses new jobs, ends those that have not begun, and waits for the
// others. The instances' processes go on.
func (c *Controller) Close() error {
	c.mu.Lock()
	if !c.closed {
		c.closed = true
		close(c.stopped)
	}
	c.mu.Unlock()
	for {
		select {
		case j := <-c.queue:
			c.end(j, errors.New("it never began, because Tagtail is stopping"))
			continue
		default:
		}
		break
	}
	c.pending.Wait()
	return nil
}

func (c *Controller) carryOut(ctx context.Context, j *Job) {
	ctx, cancel := context.WithTimeout(ctx, jobTimeout)
	defer cancel()
	c.audit(j)
	c.end(j, c.drivers[j.in.Kind].act(ctx, j.in, j.view.Action, j))
}

func (c *Controller) end(j *Job, err error) {
	// Both at once: who has seen the end may order the next job.
	c.mu.Lock()
	j.finish(err)
	v := j.View()
	delete(c.busy, v.Instance)
	c.mu.Unlock()
	c.cfg.Logger.Info("job ended", "instance", v.Instance, "action", string(v.Action), "by", v.By,
		"state", string(v.State), "took", v.Finished.Sub(v.Started).String(), "err", v.Error)
	c.audit(j)
	c.pending.Done()
}

func (c *Controller) audit(j *Job) {
	if c.cfg.Audit != nil {
		c.cfg.Audit(j.View())
	}
}
