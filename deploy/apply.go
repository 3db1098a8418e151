package deploy

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/tagtail/tagtail/deploy/gitrepo"
	"github.com/tagtail/tagtail/deploy/release"
)

// keepConfigurations is how many files of an instance's configuration stay in
// its history.
const keepConfigurations = 50

func (c *Controller) planApply(in Instance, o Order) (plan, error) {
	if err := hasTemplate(in); err != nil {
		return plan{}, err
	}
	repo, commit, err := c.serverctrl(context.Background(), o.Apply.SHA)
	if err != nil {
		return plan{}, err
	}
	return plan{JobView{Kind: ConfigJob, Action: "apply"}, func(ctx context.Context, j *Job) error {
		return c.apply(ctx, j, repo, commit)
	}}, nil
}

// hasTemplate tells whether there can be a configuration; the error is a
// *RefusedError.
func hasTemplate(in Instance) error {
	if in.Kind != Nginx && in.Kind != Redis {
		return &RefusedError{fmt.Sprintf("%s is of the kind %s, which has no template", in.Name, in.Kind)}
	}
	return nil
}

// apply renders, and makes a release of what has changed.
func (c *Controller) apply(ctx context.Context, j *Job, repo *gitrepo.Repo, commit gitrepo.Commit) error {
	next, err := c.renderAt(ctx, j.in, repo, commit.SHA)
	for _, warning := range next.warnings {
		j.printf("%s", warning)
	}
	if err != nil {
		return &stillServes{err}
	}
	if next.same() {
		j.printf("%s has this configuration already", j.in.Name)
		return c.loadIfOther(ctx, j, next)
	}
	store, ok := c.store(j.in)
	if !ok {
		return fmt.Errorf("%s can have no releases", j.in.Name)
	}
	if err := c.claim(j.in); err != nil {
		return err
	}
	v := j.View()
	r, err := store.Begin(release.Release{
		Kind: release.Config, Instance: v.Instance, Repo: serverctrlName, Ref: baseOwner, SHA: commit.SHA,
		Subject: cutText(commit.Subject, 200), By: v.By, Via: v.Via, Job: v.ID, Files: 1, Bytes: int64(len(next.text)),
	})
	if err != nil {
		return err
	}
	j.setRelease(r.Number)
	j.printf("v%d %s ← configuration of serverctrl %.7s %q by %s", r.Number, v.Instance, commit.SHA, r.Subject, v.By)
	j.printf("%s", next.diff())
	r.Result = release.Succeeded
	if err = c.install(ctx, j, next, r.Number); err != nil {
		r.Result, r.Error = release.Failed, cleanLine(strings.ReplaceAll(err.Error(), "\n", " "))
	}
	if finishErr := store.Finish(r); finishErr != nil {
		j.printf("note: %v", finishErr)
	}
	return err
}

// loadIfOther reloads an nginx whose file is the right one and which answers
// with another: it was changed by hand, or Tagtail ended before the reload.
func (c *Controller) loadIfOther(ctx context.Context, j *Job, next rendered) error {
	as, err := c.accountNow(j.in)
	if err != nil {
		return err
	}
	p, probed := as.findProbe(next.text)
	if !probed || len(c.drivers[j.in.Kind].observe(readProcessTable(), j.in).processes) == 0 || p.answers(ctx) {
		return nil
	}
	j.printf("what runs is not what the file says")
	return c.drivers[j.in.Kind].act(ctx, next.in, Reload, j)
}

// diff is what changes, as diff -u shows it.
func (r rendered) diff() string {
	if r.same() {
		return ""
	}
	name := filepath.Base(r.in.Conf)
	return Diff(name+" (now)", r.old, name+" (new)", r.text)
}

// install puts a configuration in its place: tested before, proven after, and
// taken back if it does not prove itself.
func (c *Controller) install(ctx context.Context, j *Job, next rendered, number int) error {
	in := next.in
	staged := in
	staged.Conf = in.Conf + ".new"
	if err := c.stage(ctx, j, staged, next.text); err != nil {
		return errors.Join(&stillServes{err}, removeStaged(staged.Conf))
	}
	as, err := c.accountNow(in)
	if err == nil {
		err = as.keepHistory(next, number)
	}
	if err != nil {
		return errors.Join(err, removeStaged(staged.Conf))
	}
	if err := os.Rename(staged.Conf, in.Conf); err != nil {
		return errors.Join(fmt.Errorf("put the configuration in its place: %w", err), removeStaged(staged.Conf))
	}
	j.printf("wrote %s", in.Conf)
	running := c.drivers[in.Kind].observe(readProcessTable(), j.in).processes
	switch {
	case len(running) == 0:
		j.printf("%s does not run; it has the new configuration when it is started", in.Name)
		return nil
	case in.Kind == Redis:
		j.printf("%s runs with the old configuration until it is restarted", in.Name)
		return nil
	}
	d, ok := c.drivers[in.Kind].(nginxDriver)
	if !ok {
		return nil
	}
	if err = d.loadTested(ctx, in, j); err == nil {
		return nil
	}
	err = whyNot(err)
	j.printf("FAILED: %v", err)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoTimeout)
	defer cancel()
	return fmt.Errorf("%w; %w", err, c.takeBack(ctx, j, next))
}

// stage writes the configuration beside the one that runs and has nginx judge
// it there, where relative names mean the same.
func (c *Controller) stage(ctx context.Context, j *Job, staged Instance, text []byte) error {
	as, err := c.accountNow(staged)
	if err != nil {
		return err
	}
	if err := errors.Join(as.claim(staged), makeDirs(filepath.Dir(staged.Conf))); err != nil {
		return err
	}
	if err := as.writeConf(staged, staged.Conf, text); err != nil {
		return err
	}
	d, ok := c.drivers[staged.Kind].(nginxDriver)
	if !ok {
		return nil
	}
	if err := d.giveFolders(staged, as, text); err != nil {
		return err
	}
	if err := d.test(ctx, staged, as, j); err != nil {
		return err
	}
	masters := d.masters(readProcessTable(), staged)
	if len(masters) == 0 {
		return nil // the start asks for the port
	}
	if slices.ContainsFunc(masters, func(p process) bool { return holdsPort(p, staged.Port) }) {
		return nil // it is our own
	}
	if taken := portTaken(staged.Port); taken != "" {
		return errors.New(taken) // which nginx -t does not look at
	}
	return nil
}

// accountNow is that of an instance, or ours while what root has started runs.
func (c *Controller) accountNow(in Instance) (account, error) {
	as, err := c.accounts.of(in)
	if err == nil && !as.foreign() {
		return as, nil
	}
	if running := c.drivers[in.Kind].observe(readProcessTable(), in).processes; len(running) > 0 && running[0].uid == 0 {
		return account{}, nil
	}
	return as, err
}

func removeStaged(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// errTakenBack is how a change ends that did not prove itself.
var errTakenBack = errors.New("the old configuration is RESTORED and serves")

// takeBack puts the old configuration back and loads it again. It always gives
// an error: what has become of the instance.
func (c *Controller) takeBack(ctx context.Context, j *Job, next rendered) error {
	in := next.in
	if next.old == nil {
		if err := os.Remove(in.Conf); err != nil {
			return fmt.Errorf("and the new configuration CANNOT be removed: %w", err)
		}
		j.printf("RESTORED: there is no %s, as before", in.Conf)
		return errors.New("there was no old configuration, so the new one is removed")
	}
	as, err := c.accountNow(in)
	if err == nil {
		err = as.writeConf(in, in.Conf, next.old)
	}
	if err != nil {
		return fmt.Errorf("and the old configuration CANNOT be put back: %w", err)
	}
	j.printf("RESTORED: %s is the old one again", in.Conf)
	if err := c.drivers[in.Kind].act(ctx, j.in, Reload, j); err != nil {
		return fmt.Errorf("the old configuration is RESTORED and CANNOT be loaded: %w", whyNot(err))
	}
	return errTakenBack
}

// keepHistory keeps the new configuration under its release's number, and the
// one before it if that is nowhere else.
func (a account) keepHistory(next rendered, number int) error {
	dir := filepath.Join(filepath.Dir(next.in.Conf), "history")
	if err := makeDirs(dir); err != nil {
		return err
	}
	base := filepath.Base(next.in.Conf)
	if next.old != nil {
		if err := a.writeConf(next.in, filepath.Join(dir, fmt.Sprintf("%06d-before-%s", number, base)), next.old); err != nil {
			return err
		}
	}
	if err := a.writeConf(next.in, filepath.Join(dir, fmt.Sprintf("%06d-%s", number, base)), next.text); err != nil {
		return err
	}
	kept, err := filepath.Glob(filepath.Join(dir, "[0-9]*-"+base))
	if err != nil {
		return fmt.Errorf("look for old configurations: %w", err)
	}
	for len(kept) > keepConfigurations { // sorted, oldest first
		if err := os.Remove(kept[0]); err != nil {
			return fmt.Errorf("remove old configuration: %w", err)
		}
		kept = kept[1:]
	}
	return nil
}
