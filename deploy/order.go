package deploy

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// maxOrderWait is how long an order waits behind the job that holds its
// instance.
const maxOrderWait = time.Minute

// Order is what a person asks of an instance: exactly one of Action, Deploy,
// Rollback and Apply.
type Order struct {
	// Instance is service/owner.
	Instance string
	// By is the person, Via how they ask: push, web, api or cli.
	By, Via  string
	Action   Action
	Deploy   *Deploy
	Rollback *Rollback
	Apply    *Apply
}

// Deploy asks for the code of a commit.
type Deploy struct {
	// Rev is a branch of the service's repository, or 7 to 40 digits of a commit
	// of some branch; empty means the owner's branch.
	Rev string
	// Ref is what the person called it, if not Rev.
	Ref string
}

// Rollback asks for the code of an older release.
type Rollback struct {
	// Release is its number; 0 means the good one before what is live.
	Release int
}

// Apply asks for the configuration that serverctrl gives at a commit.
type Apply struct {
	// SHA is the commit, all of its digits; empty means that of master.
	SHA string
}

var errTooMany = errors.New("too many actions wait already; try again")

// plan is an Order that has been understood.
type plan struct {
	view JobView // Kind and Action
	work func(context.Context, *Job) error
}

// Order begins a job, which goes on whatever becomes of the caller. Behind a
// job that runs on the same instance it waits for a minute at most; the newest
// that waits goes first and the others end. The error is ErrUnknownInstance or
// a *RefusedError.
func (c *Controller) Order(o Order) (*Job, error) { return c.place(o, c.admitOrWait) }

// Do orders an action for a person and gives its job, unless another job runs
// on the instance: a button that can be pressed acts at once.
func (c *Controller) Do(instance string, action Action, by string) (*Job, error) {
	return c.place(Order{Instance: instance, By: by, Via: "web", Action: action}, c.admit)
}

func (c *Controller) place(o Order, admit func(*Job) error) (*Job, error) {
	in, err := c.find(o.Instance)
	if err != nil {
		return nil, err
	}
	p, err := c.planOf(in, o)
	if err != nil {
		return nil, err
	}
	p.view.By, p.view.Via = o.By, o.Via
	j := newJob(in, p.view)
	j.work = p.work
	if err := admit(j); err != nil {
		return nil, err
	}
	c.journal.write(j)
	return j, nil
}

func (c *Controller) find(instance string) (Instance, error) {
	list := c.instances()
	i := slices.IndexFunc(list, func(in Instance) bool { return in.Name == instance })
	if i < 0 {
		return Instance{}, ErrUnknownInstance
	}
	return list[i], nil
}

func (c *Controller) planOf(in Instance, o Order) (plan, error) {
	switch {
	case o.Deploy != nil:
		return c.planDeploy(in, o)
	case o.Rollback != nil:
		return c.planRollback(in, o)
	case o.Apply != nil:
		return c.planApply(in, o)
	}
	return c.planAction(in, o.Action)
}

// planAction asks at once whether the action is possible, if the instance is
// free; behind another job that is asked when it begins.
func (c *Controller) planAction(in Instance, action Action) (plan, error) {
	if !slices.Contains(Actions(), action) {
		return plan{}, &RefusedError{fmt.Sprintf("there is no action %q", cutText(string(action), 40))}
	}
	possible := func() error {
		if why := refusal(in, action, c.drivers[in.Kind].observe(readProcessTable(), in)); why != "" {
			return &RefusedError{why}
		}
		return nil
	}
	if c.busySentence(in.Name) == "" {
		if err := possible(); err != nil {
			return plan{}, err
		}
	}
	return plan{JobView{Kind: SignalJob, Action: action}, func(ctx context.Context, j *Job) error {
		if err := possible(); err != nil {
			return err
		}
		return c.drivers[in.Kind].act(ctx, in, action, j)
	}}, nil
}

// admit takes the instance's lock for j and queues it, or says why not.
func (c *Controller) admit(j *Job) error {
	c.mu.Lock()
	if busy := c.busySentenceLocked(j.in.Name); busy != "" {
		c.mu.Unlock()
		return &RefusedError{busy}
	}
	err := c.queueLocked(j)
	var old []JobView
	if err == nil {
		c.pending.Add(1)
		old = c.rememberLocked(j)
	}
	c.mu.Unlock()
	c.journal.forget(old)
	return err
}

// admitOrWait is admit, or a place behind the job that runs. What waited there
// before ends: two orders that wait are two opinions, and the later one counts.
func (c *Controller) admitOrWait(j *Job) error {
	c.mu.Lock()
	holder, held := c.busy[j.in.Name]
	if c.closed || !held {
		c.mu.Unlock()
		return c.admit(j)
	}
	v := holder.View()
	j.printf("waits until %s by %s has ended, which runs since %s", v.Action, v.By, v.Started.Format("15:04:05"))
	superseded := c.waiting[j.in.Name]
	c.waiting[j.in.Name] = j
	c.pending.Add(1)
	old := c.rememberLocked(j)
	time.AfterFunc(c.patience, func() { c.giveUp(j) })
	c.mu.Unlock()
	c.journal.forget(old)
	if superseded != nil {
		c.end(superseded, fmt.Errorf("it never began: %s by %s was ordered after it, and the newest order counts", j.view.Action, j.view.By))
	}
	return nil
}

// giveUp ends a job that still waits.
func (c *Controller) giveUp(j *Job) {
	c.mu.Lock()
	if c.waiting[j.in.Name] != j {
		c.mu.Unlock()
		return
	}
	delete(c.waiting, j.in.Name)
	busy := c.busySentenceLocked(j.in.Name)
	c.mu.Unlock()
	c.end(j, fmt.Errorf("it never began, because after %s it still had to wait: %s; order it again", c.patience, busy))
}

// promoteLocked lets the job begin that waits for the instance. It gives the
// job back if it cannot.
func (c *Controller) promoteLocked(instance string) (stuck *Job) {
	j, ok := c.waiting[instance]
	if !ok {
		return nil
	}
	delete(c.waiting, instance)
	j.begins()
	if err := c.queueLocked(j); err != nil {
		return j
	}
	return nil
}

func (c *Controller) queueLocked(j *Job) error {
	select {
	case c.queue <- j:
		c.busy[j.in.Name] = j
		return nil
	default: // only while Run does not run, and instances come and go
		return &RefusedError{errTooMany.Error()}
	}
}

// rememberLocked keeps j among the jobs, and gives those for which there is no
// room any more.
func (c *Controller) rememberLocked(j *Job) (forgotten []JobView) {
	c.jobs[j.view.ID] = j
	c.order = append(c.order, j.view.ID)
	for i := 0; len(c.order) > MaxJobs && i < len(c.order); {
		id := c.order[i]
		old := c.jobs[id]
		if c.busy[old.in.Name] == old || c.waiting[old.in.Name] == old || old == j {
			i++ // it has not ended
			continue
		}
		delete(c.jobs, id)
		c.order = slices.Delete(c.order, i, i+1)
		forgotten = append(forgotten, old.View())
	}
	return forgotten
}
