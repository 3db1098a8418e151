package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/tagtail/tagtail/deploy"
	"github.com/tagtail/tagtail/deploy/gitrepo"
	"github.com/tagtail/tagtail/deploy/push"
	"github.com/tagtail/tagtail/deploy/release"
)

// Names of the repositories that hold no service's code.
const (
	serverctrlName = "serverctrl"
	libraryName    = "lib"
)

// repositoryTimeout bounds what is done with repositories at a start.
const repositoryTimeout = time.Minute

// pushSocket is where git's hooks ask.
func (c *config) pushSocket() string { return filepath.Join(c.Data, "push.sock") }

// checkouts holds serverctrl as it was pushed: a folder for each commit, and
// the link current.
func (c *config) checkouts() string { return filepath.Join(c.Data, "serverctrl") }

func (c *config) checkout() string { return filepath.Join(c.checkouts(), "current") }

// repositoriesDir is the folder of the repositories, absolute; none if empty.
func (c *config) repositoriesDir() string {
	if c.Repositories == "" {
		return ""
	}
	dir, err := filepath.Abs(c.Repositories)
	if err != nil {
		return c.Repositories // there is no working folder: nothing will be found
	}
	return dir
}

// libraryRoot holds releases of the shared library, and the link current.
func (c *config) libraryRoot() string { return filepath.Join(c.layoutRoot(), libraryName) }

func (c *config) layoutRoot() string {
	if c.Root == "" {
		return "/opt/hhl"
	}
	return c.Root
}

// libraryDocs are the documents of the library, now and after each push; nil
// without repositories.
func (c *config) libraryDocs() fs.FS {
	if c.Repositories == "" {
		return nil
	}
	return os.DirFS(filepath.Join(c.libraryRoot(), "current", "docs"))
}

// repositories lists the bare repositories of the folder.
func (c *config) repositories() ([]push.Repository, error) {
	if c.Repositories == "" {
		return nil, nil
	}
	entries, err := os.ReadDir(c.Repositories)
	if err != nil {
		return nil, fmt.Errorf("read folder of the repositories: %w: make one with tagtail init", err)
	}
	var list []push.Repository
	for _, entry := range entries {
		name, ok := strings.CutSuffix(entry.Name(), ".git")
		if !ok {
			continue
		}
		r := push.Repository{Name: name, Kind: push.Code, Dir: filepath.Join(c.repositoriesDir(), entry.Name())}
		switch name {
		case serverctrlName:
			r.Kind = push.Control
		case libraryName:
			r.Kind = push.Library
		}
		list = append(list, r)
	}
	return list, nil
}

// prepareRepositories brings what is kept beside the repositories to their
// newest commits: the templates, and the library.
func (c *config) prepareRepositories(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, repositoryTimeout)
	defer cancel()
	list, err := c.repositories()
	if err != nil {
		return err
	}
	for _, r := range list {
		if r.Kind == push.Code {
			continue
		}
		repo, err := gitrepo.Open(r.Dir)
		if err != nil {
			return fmt.Errorf("open repository %s: %w", r.Name, err)
		}
		commit, err := repo.Branch(ctx, push.Base)
		if errors.Is(err, gitrepo.ErrNotFound) {
			continue // nothing has been pushed yet
		}
		if err != nil {
			return fmt.Errorf("read repository %s: %w", r.Name, err)
		}
		if r.Kind == push.Library {
			store := release.Open(filepath.Join(c.libraryRoot(), "releases"), filepath.Join(c.libraryRoot(), "current"))
			if _, err := store.Recover(); err != nil {
				return fmt.Errorf("look after the library's releases: %w", err)
			}
			if _, err := publishLibrary(ctx, repo, commit, "tagtail", c.libraryRoot()); err != nil {
				return fmt.Errorf("publish the library: %w", err)
			}
			continue
		}
		if c.Serverctrl != "" && c.Serverctrl != c.checkout() {
			return fmt.Errorf("serverctrl is %s, and there is a repository %s too: the templates come from one of them, so leave serverctrl out", c.Serverctrl, r.Dir)
		}
		if err := c.checkOut(ctx, repo, commit.SHA); err != nil {
			return err
		}
		c.Serverctrl = c.checkout()
	}
	return nil
}

// checkOut makes checkouts()/current the files of a commit of serverctrl, with
// the values of the developers' branches. Whoever reads there sees the one or the
// other whole.
func (c *config) checkOut(ctx context.Context, repo *gitrepo.Repo, sha string) error {
	values, err := deploy.ReadBranchValues(ctx, repo, sha, deploy.OwnValues{Names: c.developerValues()})
	if err != nil {
		return fmt.Errorf("check out serverctrl at %s: %w", sha, err)
	}
	dir, name := c.checkouts(), sha
	if digest := values.Digest(); digest != "" {
		name += "-" + digest
	}
	err = exportTo(ctx, repo, sha, values, filepath.Join(dir, name))
	// There are passwords in values.
	if err = errors.Join(err, os.Chmod(dir, 0o700)); err != nil {
		return fmt.Errorf("check out serverctrl at %s: %w", sha, err)
	}
	if err := relink(filepath.Join(dir, "current"), name); err != nil {
		return fmt.Errorf("check out serverctrl at %s: %w", sha, err)
	}
	return removeOthers(dir, name)
}

// libraryInstance is the name under which releases of the library are counted.
const libraryInstance = libraryName + "/shared"

// publishLibrary makes DIR/current the files of a commit of the library, as a
// numbered release. If that is so already, nothing changes.
func publishLibrary(ctx context.Context, repo *gitrepo.Repo, commit gitrepo.Commit, by, dir string) (release.Release, error) {
	store := release.Open(filepath.Join(dir, "releases"), filepath.Join(dir, "current"))
	list, err := store.List()
	if err != nil {
		return release.Release{}, err
	}
	if live, ok := release.Live(list); ok && live.SHA == commit.SHA && live.Result == release.Succeeded {
		return live, nil
	}
	r, err := store.Begin(release.Release{
		Kind: release.Deploy, Instance: libraryInstance, Repo: libraryName, Ref: push.Base, SHA: commit.SHA,
		Subject: oneLine(commit.Subject), By: by, Via: "push",
	})
	if err != nil {
		return r, err
	}
	r, err = fillRelease(ctx, store, r, repo)
	r.Result = release.Succeeded
	if err != nil {
		r.Result, r.Error = release.Failed, err.Error()
	}
	return r, errors.Join(err, store.Finish(r))
}

// fillRelease exports all of a commit into a release and makes it live.
func fillRelease(ctx context.Context, store *release.Store, r release.Release, repo *gitrepo.Repo) (release.Release, error) {
	tree, err := store.Tree(r)
	if err != nil {
		return r, err
	}
	done, err := repo.Export(ctx, r.SHA, "", tree)
	if err = errors.Join(err, tree.Close()); err != nil {
		return r, err
	}
	r.Files, r.Bytes = done.Files, done.Bytes
	_, err = store.Switch(r)
	r.Switched = err == nil
	return r, err
}

// exportTo writes serverctrl's files into a new folder, whole or not at all.
func exportTo(ctx context.Context, repo *gitrepo.Repo, sha string, values deploy.BranchValues, dir string) error {
	if _, err := os.Stat(dir); err == nil {
		return nil // the same commit has the same files
	}
	temporary := dir + ".new"
	if err := os.RemoveAll(temporary); err != nil {
		return err
	}
	if err := os.MkdirAll(temporary, 0o700); err != nil {
		return err
	}
	root, err := os.OpenRoot(temporary)
	if err != nil {
		return err
	}
	err = deploy.ExportServerctrl(ctx, repo, sha, values, root)
	if err = errors.Join(err, root.Close()); err != nil {
		return errors.Join(err, os.RemoveAll(temporary))
	}
	return os.Rename(temporary, dir)
}

// relink makes link point to target, at one moment.
func relink(link, target string) error {
	temporary := link + ".new"
	if err := os.Remove(temporary); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err := os.Symlink(target, temporary); err != nil {
		return err
	}
	return os.Rename(temporary, link)
}

// keepOthers is how many commits before the one in use stay, for those who are
// reading them.
const keepOthers = 3

// removeOthers removes all folders of commits but the newest.
func removeOthers(dir, current string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("look for old commits: %w", err)
	}
	var others []os.FileInfo
	for _, entry := range entries {
		if info, err := entry.Info(); err == nil && info.IsDir() && info.Name() != current {
			others = append(others, info)
		}
	}
	for len(others) > keepOthers {
		oldest := 0
		for i, info := range others {
			if info.ModTime().Before(others[oldest].ModTime()) {
				oldest = i
			}
		}
		if err := os.RemoveAll(filepath.Join(dir, others[oldest].Name())); err != nil {
			return fmt.Errorf("remove old commit: %w", err)
		}
		others = append(others[:oldest], others[oldest+1:]...)
	}
	return nil
}
