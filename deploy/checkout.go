package deploy

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/tagtail/tagtail/deploy/gitrepo"
)

// Render tells what is wrong with serverctrl at a commit: every instance that it
// describes has to render. The commit may be in the quarantine of repo's
// environment only. The error is a sentence for who pushed it.
func (c *Controller) Render(ctx context.Context, sha string, repo *gitrepo.Repo) (err error) {
	dir, remove, err := c.templatesAt(ctx, repo, sha)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, remove()) }()
	instances, problems, err := LoadServerctrl(dir, c.cfg.Layout)
	if err != nil {
		return err
	}
	for _, p := range problems {
		if !p.Warning {
			return p
		}
	}
	if err := validateInstances(instances); err != nil {
		return err
	}
	opts := c.renderOptions(ctx)
	for _, in := range instances {
		_, err := Render(in, dir, opts)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%s: %w", in.Name, err)
		}
	}
	return nil
}

// renderOptions are those with which configurations are written.
func (c *Controller) renderOptions(ctx context.Context) RenderOptions {
	opts := c.cfg.Render
	if program, ok := FindNginx(c.cfg.Nginx); ok && opts.Modules == nil {
		opts.Modules = FindModules(ctx, program)
	}
	return opts
}

// templatesAt writes the files of serverctrl at a commit into a folder of its
// own, until the caller calls remove.
func (c *Controller) templatesAt(ctx context.Context, repo *gitrepo.Repo, sha string) (dir string, remove func() error, err error) {
	dir, err = os.MkdirTemp("", "tagtail-serverctrl-")
	if err != nil {
		return "", nil, fmt.Errorf("make folder for serverctrl: %w", err)
	}
	remove = func() error { return os.RemoveAll(dir) }
	root, err := os.OpenRoot(dir)
	if err != nil {
		return "", nil, errors.Join(err, remove())
	}
	values, err := ReadBranchValues(ctx, repo, sha, OwnValues{Names: c.cfg.DeveloperValues})
	if err == nil {
		err = ExportServerctrl(ctx, repo, sha, values, root)
	}
	if err = errors.Join(err, root.Close()); err != nil {
		return "", nil, fmt.Errorf("read serverctrl at %.7s: %w", sha, errors.Join(err, remove()))
	}
	return dir, remove, nil
}

// serverctrl gives the repository of the templates and a commit of its master,
// the newest if sha is empty. Other branches are their owners': nobody's
// configuration comes from there. The error is a *RefusedError.
func (c *Controller) serverctrl(ctx context.Context, sha string) (*gitrepo.Repo, gitrepo.Commit, error) {
	ctx, cancel := context.WithTimeout(ctx, findTimeout)
	defer cancel()
	var none gitrepo.Commit
	if c.cfg.Repositories == "" {
		return nil, none, &RefusedError{"no configuration can be applied: Tagtail has no folder of repositories; make one with tagtail init"}
	}
	repo, err := gitrepo.Open(filepath.Join(c.cfg.Repositories, serverctrlName+".git"))
	if err != nil {
		return nil, none, &RefusedError{fmt.Sprintf("the templates cannot be read: %v", err)}
	}
	commit, err := repo.Branch(ctx, baseOwner)
	if err == nil && sha != "" {
		var ours bool
		ours, err = repo.OnBranch(ctx, sha, baseOwner)
		if err == nil && !ours {
			return nil, none, &RefusedError{fmt.Sprintf("%s is no commit of serverctrl's master, from which alone configurations come", cutText(sha, 40))}
		}
		if err == nil {
			commit, err = repo.Commit(ctx, sha)
		}
	}
	if err != nil {
		return nil, none, &RefusedError{fmt.Sprintf("the templates cannot be read: %v", err)}
	}
	return repo, commit, nil
}

// rendered is an instance's configuration at a commit of serverctrl, and the
// one that it has.
type rendered struct {
	in       Instance // with the port of the new values
	text     []byte
	old      []byte // nil if there is none
	warnings []string
}

func (r rendered) same() bool { return r.old != nil && bytes.Equal(r.old, r.text) }

// renderAt gives the configuration of in at a commit.
func (c *Controller) renderAt(ctx context.Context, in Instance, repo *gitrepo.Repo, sha string) (r rendered, err error) {
	dir, remove, err := c.templatesAt(ctx, repo, sha)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, remove()) }()
	r.in = in
	instances, problems, err := LoadServerctrl(dir, c.cfg.Layout)
	if err != nil {
		return r, err
	}
	for _, at := range instances {
		if at.Name != in.Name {
			continue
		}
		r.in.Port = at.Port
		if in.Kind == Redis && at.Prefix == in.Prefix {
			r.in.Conf, r.in.PIDFile = at.Conf, at.PIDFile // the port is in them
		}
	}
	sub, templ := serviceFiles(in.Service())
	for _, p := range problems {
		if p.File == sub || p.File == templ {
			r.warnings = append(r.warnings, p.Error())
		}
	}
	if r.text, err = Render(r.in, dir, c.renderOptions(ctx)); err != nil {
		return r, fmt.Errorf("serverctrl at %.7s gives %s no configuration: %w", sha, in.Name, err)
	}
	r.old, err = readLimited(r.in.Conf, 2*maxTemplateBytes)
	if errors.Is(err, fs.ErrNotExist) {
		return r, nil
	}
	return r, err
}
