package deploy

import (
	"context"
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
	// DeveloperValues are the names of the values that developers may set for
	// themselves, on their branch of serverctrl.
	DeveloperValues []string
	// Nginx and RedisServer are the programs, if not those that PATH finds.
	Nginx, RedisServer string
	// Repositories holds serverctrl.git and SERVICE.git, bare. Empty: nothing can
	// be deployed.
	Repositories string
	// Layout is where the instances of a new serverctrl are.
	Layout Layout
	// RunAs is the OS user as whom instances run if Tagtail is root: USER or
	// USER:GROUP, by names or numbers, in which {owner} and {service} may stand.
	// Empty: their owner's, where the machine has a person of that name, and
	// otherwise root.
	RunAs string
	// Supervision is who starts nginx and Redis. Default Direct.
	Supervision Supervision
	// Deploys says, by service, how a deploy is proven.
	Deploys map[string]Proof
	// JobsDir keeps the jobs, so that they can be looked at after a restart.
	// Empty: they are forgotten then.
	JobsDir string
	// Logger gets the controller's own words. Default: none.
	Logger *slog.Logger
	// Audit is called at the start and at the end of every job, from the job's
	// goroutine, and by Run for jobs that the run before has not ended. It may not
	// block for long.
	Audit func(JobView)
}

// Validate says what is wrong with the configuration.
func (cfg Config) Validate() error {
	for _, service := range sortedKeys(cfg.Deploys) {
		if path := cfg.Deploys[service].Health; path != "" && !isHealthPath(path) {
			return fmt.Errorf("deploys of %s: health %q is not the path of a page, such as /health", service, cutText(path, 80))
		}
	}
	if err := errors.Join(CheckSupervision(cfg.Supervision), CheckRunAs(cfg.RunAs)); err != nil {
		return err
	}
	return validateInstances(cfg.Instances)
}

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
		if err := CheckRunAs(in.RunAs); err != nil {
			return fmt.Errorf("instance %s: %w", in.Name, err)
		}
		seen[in.Name] = true
	}
	return nil
}

// Controller tells what the instances' processes do, and moves them. One job at
// a time per instance; jobs run to their end even when nobody waits for them.
type Controller struct {
	// immutable after NewController
	cfg      Config
	drivers  map[Kind]driver
	accounts *accounts
	queue    chan *Job // with a slot for every instance there can be
	stopped  chan struct{}

	patience time.Duration // of an order behind another one
	journal  journal

	belonging belonging

	mu      sync.Mutex      // before a Job's own
	list    []Instance      // replaced as a whole, never changed
	busy    map[string]*Job // by instance
	waiting map[string]*Job // by instance, the one that is next
	jobs    map[string]*Job // by id
	order   []string        // of jobs, oldest first
	closed  bool
	pending sync.WaitGroup // jobs that have not ended

	recovery recovery

	abandoned []*Job // of the run before; Run tells of them
}

// NewController checks cfg. Jobs begin when Run does.
func NewController(cfg Config) (*Controller, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	who := &accounts{runAs: cfg.RunAs, systemd: cfg.Supervision == Systemd}
	control := cfg.supervisor()
	c := &Controller{
		cfg: cfg, accounts: who,
		drivers: map[Kind]driver{
			Nginx:   nginxDriver{cfg.Nginx, source{cfg.Serverctrl, cfg.Render}, who, control},
			Redis:   redisDriver{cfg.RedisServer, source{cfg.Serverctrl, cfg.Render}, who, control},
			Command: newCommandDriver(who),
			Shared:  sharedDriver{},
		},
		queue:    make(chan *Job, MaxInstances),
		stopped:  make(chan struct{}),
		patience: maxOrderWait,
		journal:  journal{cfg.JobsDir, cfg.Logger},
		busy:     map[string]*Job{},
		waiting:  map[string]*Job{},
		jobs:     map[string]*Job{},
	}
	kept, abandoned, err := c.journal.load()
	if err != nil {
		return nil, err
	}
	c.abandoned = abandoned
	for _, j := range kept {
		c.jobs[j.view.ID] = j
		c.order = append(c.order, j.view.ID)
	}
	if err := c.SetInstances(cfg.Instances); err != nil {
		return nil, err
	}
	for _, in := range cfg.Instances {
		c.store(in) // ends what a crash has left half done
	}
	return c, nil
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

// Status looks at every instance. It reads /proc, pid files and the
// records of live releases only, and may be called every other second.
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
	if store, ok := c.store(in); ok && in.Kind == Nginx {
		st.Live, _ = store.Live()
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

// Job gives a job by its id; the newest MaxJobs are kept, and on the disk some
// thousands that made a release.
func (c *Controller) Job(id string) (*Job, bool) {
	c.mu.Lock()
	j, ok := c.jobs[id]
	c.mu.Unlock()
	if ok {
		return j, true
	}
	return c.journal.old(id)
}

// Run carries the jobs out until ctx ends or Close, then waits for those that
// have begun: an action that stops half-way is worse than a late end.
func (c *Controller) Run(ctx context.Context) error {
	for _, j := range c.abandoned {
		c.audit(j)
	}
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
	waiting := c.waiting
	c.waiting = map[string]*Job{}
	c.mu.Unlock()
	for _, instance := range sortedKeys(waiting) {
		c.end(waiting[instance], errStopping)
	}
	for {
		select {
		case j := <-c.queue:
			c.end(j, errStopping)
			continue
		default:
		}
		break
	}
	c.pending.Wait()
	return nil
}

var errStopping = errors.New("it never began, because Tagtail is stopping")

func (c *Controller) carryOut(ctx context.Context, j *Job) {
	ctx, cancel := context.WithTimeout(ctx, jobTimeout)
	defer cancel()
	c.audit(j)
	c.end(j, j.work(ctx, j))
}

func (c *Controller) end(j *Job, err error) {
	// Both at once: who has seen the end may order the next job.
	c.mu.Lock()
	j.finish(err)
	v := j.View()
	var stuck *Job
	if c.busy[v.Instance] == j {
		delete(c.busy, v.Instance)
		stuck = c.promoteLocked(v.Instance)
	}
	c.mu.Unlock()
	if stuck != nil {
		c.end(stuck, errTooMany)
	}
	c.cfg.Logger.Info("job ended", "instance", v.Instance, "action", string(v.Action), "by", v.By,
		"state", string(v.State), "took", v.Finished.Sub(v.Started).String(), "err", v.Error)
	c.journal.write(j)
	c.audit(j)
	c.pending.Done()
}

func (c *Controller) audit(j *Job) {
	if c.cfg.Audit != nil {
		c.cfg.Audit(j.View())
	}
}
