package push

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tagtail/tagtail/deploy"
	"github.com/tagtail/tagtail/deploy/gitrepo"
)

// maxSubjectBytes is how much of a commit's first line is repeated.
const maxSubjectBytes = 200

// postReceive does what the commits that are stored now ask for. Whatever goes
// wrong, the push has succeeded.
func (g *Gate) postReceive(ctx context.Context, v *visit) {
	for _, u := range v.updates {
		if !g.passes.use(v.id, u) {
			err := refusef("%s was not let through by this push, so nothing is done", quote(u.ref))
			g.refuse(v, err)
			v.out.printf("%v", err)
			continue
		}
		g.stored(ctx, v, u)
	}
}

// stored handles one branch that has a new commit.
func (g *Gate) stored(ctx context.Context, v *visit, u update) {
	// What is stored is acted on even if nobody listens any more.
	work := context.WithoutCancel(ctx)
	commit, err := v.repo.Commit(work, u.new)
	if err != nil {
		v.out.printf("%s is stored; its commit cannot be read: %v", u.branch(), err)
		return
	}
	subject := firstBytes(commit.Subject, maxSubjectBytes)
	g.cfg.Audit(Record{
		Event: Pushed, Repo: v.pass.repo.Name, Kind: v.pass.repo.Kind, By: v.person.Name, From: v.from,
		Branch: u.branch(), SHA: u.new, Subject: subject,
		Text: fmt.Sprintf("%s pushed %s of %s: %s", v.person.Name, u.branch(), v.pass.repo.Name, short(u.new)),
	})
	switch {
	case v.pass.repo.Kind == Library:
		g.publish(ctx, v, u, subject)
	case v.pass.repo.Kind == Control && u.branch() == Base:
		g.adopt(ctx, v, u, subject)
	case v.pass.repo.Kind == Control:
		g.signal(ctx, v, u, subject)
	default:
		g.upgrade(ctx, v, u, subject)
	}
}

// upgrade does what the first line of a service's commit says.
func (g *Gate) upgrade(ctx context.Context, v *visit, u update, subject string) {
	command, ok, hint := ParseUpgrade(subject)
	if !ok {
		if hint != "" {
			g.fail(v, u, subject, refusef("%s", hint))
			return
		}
		v.out.printf("%s is %s now; a commit with the first line UP deploys it", u.branch(), short(u.new))
		return
	}
	order := Order{
		Instance: v.pass.repo.Name + "/" + u.branch(), By: v.person, Deploy: u.new, Ref: u.branch(), Subject: subject,
	}
	if command.Rev != "" {
		commit, err := find(context.WithoutCancel(ctx), v.repo, command.Rev)
		if err != nil {
			g.fail(v, u, subject, refusef("nothing is deployed: %v", err))
			return
		}
		order.Deploy, order.Ref = commit.SHA, command.Rev
	}
	g.carryOut(ctx, v, u, []Order{order})
}

// find gives the commit that UP names: a branch, else a commit of some branch.
func find(ctx context.Context, repo *gitrepo.Repo, rev string) (gitrepo.Commit, error) {
	if namePattern.MatchString(rev) {
		commit, err := repo.Branch(ctx, rev)
		if err == nil || !errors.Is(err, gitrepo.ErrNotFound) {
			return commit, err
		}
	}
	if !commitPattern.MatchString(rev) {
		return gitrepo.Commit{}, fmt.Errorf("there is no branch %s", rev)
	}
	commit, err := repo.Reachable(ctx, rev)
	if errors.Is(err, gitrepo.ErrNotFound) {
		return commit, fmt.Errorf("there is no commit %s on any branch: push the branch that has it", rev)
	}
	return commit, err
}

// signal does what the first line of serverctrl's commit says.
func (g *Gate) signal(ctx context.Context, v *visit, u update, subject string) {
	command, ok, hint := ParseSignal(subject)
	changed, err := g.changesValues(context.WithoutCancel(ctx), v, u)
	if err != nil {
		g.fail(v, u, subject, err)
		return
	}
	if changed {
		g.adopt(ctx, v, u, subject)
	}
	if !ok && changed {
		return // what it was for is done
	}
	if !ok {
		g.fail(v, u, subject, refusef("%s", hint))
		return
	}
	orders, err := g.signalOrders(v.person, u.branch(), command)
	if err != nil {
		g.fail(v, u, subject, err)
		return
	}
	for i := range orders {
		orders[i].Subject = subject
	}
	g.carryOut(ctx, v, u, orders)
}

// signalOrders are for the services that were named, else for all of OpenResty.
func (g *Gate) signalOrders(by Person, owner string, s Signal) ([]Order, error) {
	var orders []Order
	var services []string
	for _, in := range g.cfg.Instances() {
		if in.Owner() != owner || in.Kind == deploy.Shared {
			continue
		}
		services = append(services, in.Service())
		if slices.Contains(s.Services, in.Service()) || len(s.Services) == 0 && in.Kind == deploy.Nginx {
			orders = append(orders, Order{Instance: in.Name, By: by, Action: s.Action})
		}
	}
	for _, service := range s.Services {
		if !slices.Contains(services, service) {
			return nil, refusef("%s has no %s, so nothing is done: there are %s", owner, service, strings.Join(services, ", "))
		}
	}
	if len(orders) == 0 {
		return nil, refusef("%s has no OpenResty service to %s", owner, s.Action)
	}
	return orders, nil
}

// control does what the deletion of a control ref asks for; nothing is stored.
func (g *Gate) control(ctx context.Context, v *visit) int {
	u := v.updates[0]
	var orders []Order
	var err error
	switch verb := u.verb(); {
	case v.pass.repo.Kind == Control && verb == verbUp:
		orders, err = g.applyOrders(ctx, v)
	case v.pass.repo.Kind == Control:
		orders, err = g.signalOrders(v.person, v.person.Name, Signal{Action: deploy.Action(verb)})
	case isSignal(verb):
		orders, err = g.signalOrders(v.person, v.person.Name, Signal{Action: deploy.Action(verb), Services: []string{v.pass.repo.Name}})
	case verb == verbRollback:
		orders = []Order{{Instance: v.pass.repo.Name + "/" + v.person.Name, By: v.person, Rollback: true}}
	case verb == verbUp:
		var commit gitrepo.Commit
		if commit, err = v.repo.Branch(ctx, v.person.Name); err == nil {
			orders = []Order{{
				Instance: v.pass.repo.Name + "/" + v.person.Name, By: v.person,
				Deploy: commit.SHA, Ref: v.person.Name, Subject: commit.Subject,
			}}
		} else if errors.Is(err, gitrepo.ErrNotFound) {
			err = refusef("%s has no branch %s to deploy yet: push it", v.pass.repo.Name, v.person.Name)
		}
	}
	if err != nil {
		g.fail(v, u, u.verb(), err)
		return 1
	}
	if !g.carryOut(ctx, v, u, orders) {
		return 1
	}
	return 0
}

// applyOrders are for all of a person's instances, with what serverctrl's master
// is now: for those that a push could not change when it came.
func (g *Gate) applyOrders(ctx context.Context, v *visit) ([]Order, error) {
	commit, err := v.repo.Branch(ctx, Base)
	if err != nil {
		return nil, err
	}
	var orders []Order
	for _, in := range g.cfg.Instances() {
		if in.Owner() == v.person.Name && (in.Kind == deploy.Nginx || in.Kind == deploy.Redis) {
			orders = append(orders, Order{Instance: in.Name, By: v.person, Apply: commit.SHA, Ref: Base, Subject: commit.Subject})
		}
	}
	return orders, nil
}

// adopt makes the pushed serverctrl the one that counts and applies it.
func (g *Gate) adopt(ctx context.Context, v *visit, u update, subject string) {
	sha, instances, err := g.cfg.Engine.Adopt(context.WithoutCancel(ctx))
	if err != nil {
		g.fail(v, u, subject, refusef("the new configuration is stored and not used: %v", err))
		return
	}
	var orders []Order
	for _, name := range instances {
		orders = append(orders, Order{Instance: name, By: v.person, Apply: sha, Ref: u.branch(), Subject: subject})
	}
	if len(orders) == 0 {
		v.out.printf("serverctrl is %s now; no instance has another configuration", short(sha))
		return
	}
	g.carryOut(ctx, v, u, orders)
}

// publish makes the pushed library the one that counts.
func (g *Gate) publish(ctx context.Context, v *visit, u update, subject string) {
	lines, instances, err := g.cfg.Engine.Publish(context.WithoutCancel(ctx), v.person)
	for _, line := range lines {
		v.out.printf("%s", line)
	}
	if err != nil {
		g.fail(v, u, subject, refusef("the library is stored and not used: %v", err))
		return
	}
	var orders []Order
	for _, name := range instances {
		orders = append(orders, Order{Instance: name, By: v.person, Action: deploy.Reload, Subject: subject})
	}
	g.carryOut(ctx, v, u, orders)
}

// carryOut orders all, then follows one after the other, and tells whether one
// was carried out and none has failed: what is meant for all of a person's
// services need not be possible for each. The jobs go on when nobody follows.
func (g *Gate) carryOut(ctx context.Context, v *visit, u update, orders []Order) bool {
	well := false
	jobs := make([]Job, len(orders))
	for i, order := range orders {
		job, err := g.cfg.Engine.Order(order)
		if err != nil {
			sentence := strings.TrimPrefix(err.Error(), order.Instance+": ")
			if !strings.HasPrefix(sentence, order.Instance+" ") {
				sentence = order.Instance + ": " + sentence
			}
			g.fail(v, u, order.Subject, refusef("%s", sentence))
			continue
		}
		jobs[i], well = job, true
	}
	if len(orders) > manyOrders {
		return g.followMany(ctx, v, orders, jobs) && well
	}
	for i, job := range jobs {
		if job != nil {
			well = g.follow(ctx, v, orders[i], job) && well
		}
	}
	return well
}

// followMany shows the first of each service as it happens, and of the others
// those that went another way than one that is shown.
func (g *Gate) followMany(ctx context.Context, v *visit, orders []Order, jobs []Job) bool {
	v.out.printf("%d instances: of those that go the same way one is shown", len(orders))
	at := map[string]deploy.Instance{}
	for _, in := range g.cfg.Instances() {
		at[in.Name] = in
	}
	well := true
	var kinds alikes
	met := map[string]bool{}
	for i, job := range jobs {
		if job == nil {
			continue
		}
		in, known := at[orders[i].Instance]
		if !known {
			in = deploy.Instance{Name: orders[i].Instance}
		}
		live := !met[in.Service()]
		met[in.Service()] = true
		if live {
			g.follow(ctx, v, orders[i], job)
		}
		if !ended(ctx, job) {
			v.out.printf("%s and those after it go on without you: look at job %s", in.Name, job.View().ID)
			return false
		}
		end := job.View()
		failed := end.State != deploy.JobSucceeded
		if kinds.add(in.Name, alikeKey(in, append(end.Output, end.Error)), failed) && !live {
			g.follow(ctx, v, orders[i], job)
		}
		well = well && !failed
	}
	for _, line := range kinds.lines() {
		v.out.printf("%s", line)
	}
	return well
}

// ended waits until a job has ended, and is false if nobody waits any more.
func ended(ctx context.Context, job Job) bool {
	for from := 0; ; {
		lines, done, err := job.Wait(ctx, from)
		if done || err != nil {
			return err == nil
		}
		from += len(lines)
	}
}

// follow copies a job's output to the person's terminal.
func (g *Gate) follow(ctx context.Context, v *visit, o Order, job Job) bool {
	id := job.View().ID
	at := ""
	if g.cfg.JobURL != nil {
		at = "   " + g.cfg.JobURL(id)
	}
	v.out.printf("%s: %s%s", o.Instance, o.words(), at)
	for from, done := 0, false; !done; {
		lines, ended, err := job.Wait(ctx, from)
		if err != nil {
			v.out.printf("%s goes on without you: look at job %s", o.Instance, id)
			return false
		}
		for _, line := range lines {
			v.out.printf("%s", line)
		}
		from, done = from+len(lines), ended
	}
	end := job.View()
	if end.State == deploy.JobFailed {
		v.out.printf("FAILED %s: %s", o.Instance, end.Error)
		return false
	}
	v.out.printf("%s: done (%.2fs)", o.Instance, end.Finished.Sub(end.Started).Seconds())
	return true
}

// words say what is ordered.
func (o Order) words() string {
	switch {
	case o.Deploy != "":
		return "deploy of " + o.Ref + " by " + o.By.Name
	case o.Apply != "":
		return "configuration by " + o.By.Name
	case o.Rollback:
		return "rollback by " + o.By.Name
	}
	return string(o.Action) + " by " + o.By.Name
}

// fail tells the person and the log of a command that is not carried out.
func (g *Gate) fail(v *visit, u update, subject string, err error) {
	g.cfg.Audit(Record{
		Event: Refused, Repo: v.pass.repo.Name, Kind: v.pass.repo.Kind, By: v.person.Name, From: v.from,
		Branch: u.ref, SHA: u.new, Subject: subject, Text: err.Error(),
	})
	v.out.printf("%v", err)
}

// firstBytes cuts at a character's edge.
func firstBytes(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	return strings.ToValidUTF8(text[:limit], "") + "…"
}
