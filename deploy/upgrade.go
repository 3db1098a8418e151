package deploy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/tagtail/tagtail/deploy/gitrepo"
	"github.com/tagtail/tagtail/deploy/release"
)

const (
	// codeFolder is what of a repository is deployed, and what it is below the
	// instance's prefix.
	codeFolder = "src"
	// findTimeout is for finding a commit while a person waits.
	findTimeout = 20 * time.Second
	// undoTimeout is for going back, also when the job has used up its time.
	undoTimeout = time.Minute
	// serverctrlName is the repository of the templates.
	serverctrlName = "serverctrl"
)

var commitPattern = regexp.MustCompile(`^[0-9a-f]{7,40}$`)

// recovery remembers the instances whose releases have been looked through.
type recovery struct {
	mu   sync.Mutex
	done map[string]bool
}

// store gives the releases of an instance, and false if it cannot have any. The
// first time it ends what a crash has left half done.
func (c *Controller) store(in Instance) (*release.Store, bool) {
	if !filepath.IsAbs(in.Prefix) {
		return nil, false
	}
	dir, link := filepath.Join(in.Prefix, "releases"), filepath.Join(in.Prefix, codeFolder)
	switch in.Kind {
	case Nginx:
	case Redis: // all of them have one prefix
		dir = filepath.Join(in.Prefix, "releases", in.Owner())
		link = filepath.Join(dir, codeFolder)
	default:
		return nil, false
	}
	store := release.Open(dir, link)
	c.recovery.mu.Lock()
	defer c.recovery.mu.Unlock()
	if c.recovery.done[dir] {
		return store, true
	}
	if c.recovery.done == nil {
		c.recovery.done = map[string]bool{}
	}
	c.recovery.done[dir] = true
	if as, _ := c.accounts.of(in); as.foreign() && !isOurs(in.Prefix) {
		return store, true // nothing is there, or what is could lead anywhere
	}
	abandoned, err := store.Recover()
	for _, r := range abandoned {
		c.cfg.Logger.Warn("release is abandoned", "instance", in.Name, "release", r.Number, "by", r.By)
	}
	if err != nil {
		c.cfg.Logger.Error("releases are not as they should be", "instance", in.Name, "err", err)
	}
	return store, true
}

// claim makes sure that root writes only to what is root's.
func (c *Controller) claim(in Instance) error {
	as, err := c.accountNow(in)
	if err != nil {
		return err
	}
	return as.claim(in)
}

// Releases lists an instance's releases, newest first. The error is
// ErrUnknownInstance or about the disk.
func (c *Controller) Releases(instance string) ([]release.Release, error) {
	in, err := c.find(instance)
	if err != nil {
		return nil, err
	}
	store, ok := c.store(in)
	if !ok {
		return nil, nil
	}
	return store.List()
}

// codeRepository gives the repository of an instance's code; the error is a
// *RefusedError.
func (c *Controller) codeRepository(in Instance) (*gitrepo.Repo, error) {
	switch {
	case in.Kind == Shared:
		return nil, &RefusedError{in.Name + " is shared: it is not controlled from here"}
	case in.Kind != Nginx:
		return nil, &RefusedError{fmt.Sprintf("%s is of the kind %s, which has no code to deploy", in.Name, in.Kind)}
	case c.cfg.Repositories == "":
		return nil, &RefusedError{"nothing can be deployed: Tagtail has no folder of repositories; make one with tagtail init"}
	}
	repo, err := gitrepo.Open(filepath.Join(c.cfg.Repositories, in.Service()+".git"))
	if err != nil {
		return nil, &RefusedError{fmt.Sprintf("the code of %s cannot be read: %v", in.Service(), err)}
	}
	return repo, nil
}

// findCommit takes rev as a branch, else as a commit of some branch.
func findCommit(ctx context.Context, repo *gitrepo.Repo, rev string) (gitrepo.Commit, error) {
	ctx, cancel := context.WithTimeout(ctx, findTimeout)
	defer cancel()
	if namePattern.MatchString(rev) {
		commit, err := repo.Branch(ctx, rev)
		if err == nil || !errors.Is(err, gitrepo.ErrNotFound) {
			return commit, err
		}
	}
	if !commitPattern.MatchString(rev) {
		return gitrepo.Commit{}, &RefusedError{fmt.Sprintf("there is no branch %q", cutText(rev, 60))}
	}
	commit, err := repo.Reachable(ctx, rev)
	if errors.Is(err, gitrepo.ErrNotFound) {
		return commit, &RefusedError{fmt.Sprintf("there is no commit %s on any branch: push the branch that has it", rev)}
	}
	return commit, err
}

// planDeploy finds the commit at once: what is deployed is what the branch was
// when it was ordered.
func (c *Controller) planDeploy(in Instance, o Order) (plan, error) {
	repo, err := c.codeRepository(in)
	if err != nil {
		return plan{}, err
	}
	rev := o.Deploy.Rev
	if rev == "" {
		rev = in.Owner()
	}
	commit, err := findCommit(context.Background(), repo, rev)
	if err != nil {
		return plan{}, &RefusedError{fmt.Sprintf("nothing is deployed: %v", err)}
	}
	r := release.Release{Kind: release.Deploy, Repo: in.Service(), Ref: rev, SHA: commit.SHA, Subject: cutText(commit.Subject, 200)}
	if o.Deploy.Ref != "" {
		r.Ref = o.Deploy.Ref
	}
	return plan{JobView{Kind: DeployJob, Action: "deploy"}, func(ctx context.Context, j *Job) error {
		return c.upgrade(ctx, j, r, c.codeOf(in, repo, commit))
	}}, nil
}

// codeOf fills a release with the code of a commit. What is the same as in the
// release before it shares its files.
func (c *Controller) codeOf(in Instance, repo *gitrepo.Repo, commit gitrepo.Commit) filler {
	return func(ctx context.Context, r release.Release, tree *os.Root) (gitrepo.Exported, error) {
		like, err := c.treeOf(in, r.Parent)
		if err != nil {
			return gitrepo.Exported{}, err
		}
		if like != nil {
			defer like.Close() //nolint:errcheck // it is only read
		}
		done, err := repo.ExportLike(ctx, commit.SHA, codeFolder, tree, like)
		if err == nil && done.Files == 0 {
			err = fmt.Errorf("the commit %.7s has no files below %s/", commit.SHA, codeFolder)
		}
		return done, err
	}
}

// planRollback finds the release at once, and looks again when the job begins:
// its tree may be removed until then.
func (c *Controller) planRollback(in Instance, o Order) (plan, error) {
	of, err := c.rollbackTarget(in, o.Rollback.Release)
	if err != nil {
		return plan{}, err
	}
	return plan{JobView{Kind: RollbackJob, Action: "rollback"}, func(ctx context.Context, j *Job) error {
		return c.upgrade(ctx, j, rollbackOf(of), c.copyOf(in, of))
	}}, nil
}

// rollbackTarget finds the release to which a rollback goes, or a
// *RefusedError.
func (c *Controller) rollbackTarget(in Instance, number int) (release.Release, error) {
	store, ok := c.store(in)
	if !ok || in.Kind != Nginx {
		return release.Release{}, &RefusedError{in.Name + " has no releases of code"}
	}
	list, err := store.List()
	if err != nil {
		return release.Release{}, &RefusedError{err.Error()}
	}
	if number == 0 {
		r, ok := release.Previous(list)
		if !ok {
			return r, &RefusedError{in.Name + " has no good release before the one that is live"}
		}
		return r, nil
	}
	for _, r := range list {
		if r.Number != number {
			continue
		}
		if why := RollbackRefused(r); why != "" {
			return r, &RefusedError{why}
		}
		return r, nil
	}
	return release.Release{}, &RefusedError{fmt.Sprintf("%s has no release v%d", in.Name, number)}
}

func rollbackOf(of release.Release) release.Release {
	return release.Release{
		Kind: release.Rollback, Repo: of.Repo, Ref: of.Ref, SHA: of.SHA, Of: of.Number,
		Subject: of.Subject,
	}
}

// filler writes the files of a release.
type filler func(ctx context.Context, r release.Release, tree *os.Root) (gitrepo.Exported, error)

// treeOf opens the files of a release, nil if it has none.
func (c *Controller) treeOf(in Instance, number int) (*os.Root, error) {
	store, _ := c.store(in)
	list, err := store.List()
	if err != nil {
		return nil, err
	}
	for _, r := range list {
		if r.Number == number && r.Kept {
			return store.OpenTree(r)
		}
	}
	return nil, nil
}

// copyOf fills a release with the kept tree of another one.
func (c *Controller) copyOf(in Instance, of release.Release) filler {
	return func(ctx context.Context, _ release.Release, tree *os.Root) (gitrepo.Exported, error) {
		store, _ := c.store(in)
		from, err := store.OpenTree(of)
		if err != nil {
			return gitrepo.Exported{}, fmt.Errorf("open files of v%d: %w", of.Number, err)
		}
		defer from.Close() //nolint:errcheck // it is only read
		// As git has them, where it still has the commit: the tree may have been
		// changed by hand.
		repo, err := c.codeRepository(in)
		if err == nil {
			if _, err = repo.Commit(ctx, of.SHA); err == nil {
				return repo.ExportLike(ctx, of.SHA, codeFolder, tree, from)
			}
		}
		return copyTree(ctx, from, tree)
	}
}

// copyTree copies files and folders, and refuses anything else: a release has
// nothing else in it, unless somebody has put it there.
func copyTree(ctx context.Context, from, to *os.Root) (gitrepo.Exported, error) {
	var done gitrepo.Exported
	err := fs.WalkDir(from.FS(), ".", func(at string, e fs.DirEntry, err error) error {
		if err != nil || at == "." {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if e.IsDir() {
			return errors.Join(to.Mkdir(at, 0o755), to.Chmod(at, 0o755))
		}
		if !e.Type().IsRegular() {
			return fmt.Errorf("%s is neither a file nor a folder", at)
		}
		n, err := copyFile(from, to, at)
		done.Files++
		done.Bytes += n
		return err
	})
	return done, err
}

func copyFile(from, to *os.Root, at string) (n int64, err error) {
	in, err := from.Open(at)
	if err != nil {
		return 0, err
	}
	defer in.Close() //nolint:errcheck // it is only read
	info, err := in.Stat()
	if err != nil {
		return 0, err
	}
	mode := info.Mode().Perm()&^0o222 | 0o444
	out, err := to.OpenFile(at, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return 0, err
	}
	n, err = io.Copy(out, in)
	return n, errors.Join(err, out.Chmod(mode), out.Close())
}

// upgrade makes a release live, and goes back if it fails and the service is
// configured so.
func (c *Controller) upgrade(ctx context.Context, j *Job, r release.Release, fill filler) error {
	r, err := c.makeLive(ctx, j, r, fill)
	if err == nil || !r.Switched {
		return err
	}
	err = fmt.Errorf("v%d: %w", r.Number, err)
	if !c.cfg.Deploys[j.in.Service()].AutoRollback {
		return fmt.Errorf("%w; v%d is left live%s", err, r.Number, howBack(r))
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoTimeout)
	defer cancel()
	of, targetErr := c.rollbackTarget(j.in, r.Parent)
	if r.Parent == 0 {
		targetErr = errors.New("there is no release before it")
	}
	if targetErr != nil {
		return fmt.Errorf("%w; it is NOT rolled back: %w", err, targetErr)
	}
	j.printf("FAILED: %v", err)
	j.printf("rolling back to v%d, as %s is configured to", of.Number, j.in.Service())
	back, backErr := c.makeLive(ctx, j, rollbackOf(of), c.copyOf(j.in, of))
	if backErr != nil {
		return fmt.Errorf("%w; and the rollback to v%d FAILED too: %w", err, of.Number, backErr)
	}
	return fmt.Errorf("%w; rolled back to v%d, which is live again as v%d", err, of.Number, back.Number)
}

// makeLive makes a release from its beginning to its result. The one that it
// gives says whether it has become live.
func (c *Controller) makeLive(ctx context.Context, j *Job, r release.Release, fill filler) (release.Release, error) {
	store, ok := c.store(j.in)
	if !ok {
		return r, fmt.Errorf("%s can have no releases", j.in.Name)
	}
	if err := c.claim(j.in); err != nil {
		return r, err
	}
	v := j.View()
	r.Instance, r.By, r.Via, r.Job = v.Instance, v.By, v.Via, v.ID
	r, err := store.Begin(r)
	if err != nil {
		return r, err
	}
	j.setRelease(r.Number)
	c.journal.write(j) // so that it is known of a job that is abandoned
	if r.Kind == release.Rollback {
		j.printf("v%d %s ← v%d %.7s %q by %s", r.Number, r.Instance, r.Of, r.SHA, r.Subject, r.By)
	} else {
		j.printf("v%d %s ← %.7s %q by %s", r.Number, r.Instance, r.SHA, r.Subject, r.By)
	}
	if err = c.fillTree(ctx, store, &r, j, fill); err == nil {
		err = c.prove(ctx, j)
	}
	r.Result = release.Succeeded
	if err != nil {
		r.Result, r.Error = release.Failed, cleanLine(strings.ReplaceAll(err.Error(), "\n", " "))
	}
	if finishErr := store.Finish(r); finishErr != nil {
		j.printf("note: %v", finishErr)
	}
	return r, err
}

// fillTree writes the files and switches. Until the switch everything can be
// given up.
func (c *Controller) fillTree(ctx context.Context, store *release.Store, r *release.Release, j *Job, fill filler) error {
	begin := time.Now()
	tree, err := store.Tree(*r)
	if err != nil {
		return err
	}
	done, err := fill(ctx, *r, tree)
	if err = errors.Join(err, tree.Close()); err != nil {
		return fmt.Errorf("%w; what was live stays live", err)
	}
	r.Files, r.Bytes = done.Files, done.Bytes
	j.printf("exported %s, %d KiB → %s (%.2fs)", files(r.Files), (r.Bytes+1023)>>10, store.Name(*r), time.Since(begin).Seconds())
	moved, err := store.Switch(*r)
	if err != nil {
		return err
	}
	r.Switched = true
	if moved != "" {
		j.printf("note: the folder %s was no release; it is kept as %s", codeFolder, moved)
	}
	return nil
}

// howBack tells what to do with a release that is live and should not be.
func howBack(r release.Release) string {
	if r.Parent == 0 {
		return ", and there is none before it"
	}
	return ": go back on the page or with git push origin :refs/control/rollback"
}

func files(n int) string {
	if n == 1 {
		return "1 file"
	}
	return fmt.Sprintf("%d files", n)
}
