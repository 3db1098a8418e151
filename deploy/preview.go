package deploy

import (
	"context"
	"crypto/sha1" // git names contents by it
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/tagtail/tagtail/deploy/gitrepo"
)

// maxPreviewNames bounds each list of a Preview.
const maxPreviewNames = 1000

// Preview is what an order would change.
type Preview struct {
	Instance string  `json:"instance"`
	Kind     JobKind `json:"kind"`
	// SHA and Subject are of the commit.
	SHA     string `json:"sha"`
	Subject string `json:"subject"`
	// Config is the change of the configuration as diff -u shows it.
	Config string `json:"config"`
	// Code is the change of the code, as far as it is short enough to be read.
	Code string `json:"code"`
	// Added, Changed and Removed are files of the code, below its folder.
	Added   []string `json:"added"`
	Changed []string `json:"changed"`
	Removed []string `json:"removed"`
	// Reload tells whether running processes are reloaded.
	Reload bool `json:"reload"`
	// Warnings are sentences about what is odd and hinders nothing.
	Warnings []string `json:"warnings"`
}

// Preview tells what an order would change, and changes nothing. The error is
// ErrUnknownInstance, a *RefusedError with the sentence with which the order
// would be refused or fail, or about the disk.
func (c *Controller) Preview(ctx context.Context, o Order) (Preview, error) {
	in, err := c.find(o.Instance)
	if err != nil {
		return Preview{}, err
	}
	p := newPreview(in)
	switch {
	case o.Deploy != nil:
		err = c.previewDeploy(ctx, &p, in, o)
	case o.Rollback != nil:
		err = c.previewRollback(ctx, &p, in, o)
	case o.Apply != nil:
		err = c.previewApply(ctx, &p, in, o)
	default:
		err = &RefusedError{fmt.Sprintf("%s changes no files, so there is nothing to preview", cutText(string(o.Action), 40))}
	}
	if err != nil {
		return Preview{}, err
	}
	if len(c.drivers[in.Kind].observe(readProcessTable(), in).processes) == 0 {
		p.Reload = false
		p.Warnings = append(p.Warnings, in.Name+" does not run")
	}
	if busy := c.busySentence(in.Name); busy != "" {
		p.Warnings = append(p.Warnings, busy)
	}
	p.bound()
	return p, nil
}

func newPreview(in Instance) Preview {
	return Preview{Instance: in.Name, Added: []string{}, Changed: []string{}, Removed: []string{}, Warnings: []string{}}
}

// bound cuts the lists to what can be shown.
func (p *Preview) bound() {
	for _, list := range []*[]string{&p.Added, &p.Changed, &p.Removed} {
		if n := len(*list); n > maxPreviewNames {
			*list = (*list)[:maxPreviewNames]
			p.Warnings = append(p.Warnings, fmt.Sprintf("%d more files are not listed", n-maxPreviewNames))
		}
	}
}

func (c *Controller) previewDeploy(ctx context.Context, p *Preview, in Instance, o Order) error {
	repo, err := c.codeRepository(in)
	if err != nil {
		return err
	}
	rev := o.Deploy.Rev
	if rev == "" {
		rev = in.Owner()
	}
	commit, err := findCommit(ctx, repo, rev)
	if err != nil {
		return err
	}
	list, err := repo.Files(ctx, commit.SHA, codeFolder)
	var unsafe *gitrepo.RefusedError
	switch {
	case errors.As(err, &unsafe):
		return &RefusedError{unsafe.Error()}
	case err != nil:
		return err
	case len(list) == 0:
		return &RefusedError{fmt.Sprintf("the commit %.7s has no files below %s/", commit.SHA, codeFolder)}
	}
	next, sizes := map[string]string{}, map[string]int64{}
	for _, f := range list {
		name := strings.TrimPrefix(f.Path, codeFolder+"/")
		next[name], sizes[name] = f.Blob, f.Size
	}
	p.Kind, p.SHA, p.Subject = DeployJob, commit.SHA, cutText(commit.Subject, 200)
	return p.code(ctx, in, next, func(ctx context.Context, name string) ([]byte, error) {
		if sizes[name] > maxDiffFileBytes {
			return make([]byte, maxDiffFileBytes+1), nil // it is not looked at
		}
		return repo.ReadFile(ctx, commit.SHA, codeFolder+"/"+name, maxDiffFileBytes)
	})
}

func (c *Controller) previewRollback(ctx context.Context, p *Preview, in Instance, o Order) error {
	of, err := c.rollbackTarget(in, o.Rollback.Release)
	if err != nil {
		return err
	}
	store, _ := c.store(in)
	p.Kind, p.SHA, p.Subject = RollbackJob, of.SHA, of.Subject
	return p.tree(ctx, in, store, of)
}

func (c *Controller) previewApply(ctx context.Context, p *Preview, in Instance, o Order) error {
	if err := hasTemplate(in); err != nil {
		return err
	}
	repo, commit, err := c.serverctrl(ctx, o.Apply.SHA)
	if err != nil {
		return err
	}
	next, err := c.renderAt(ctx, in, repo, commit.SHA)
	if err != nil {
		return &RefusedError{err.Error()}
	}
	p.Kind, p.SHA, p.Subject = ConfigJob, commit.SHA, cutText(commit.Subject, 200)
	p.Config, p.Warnings = next.diff(), append(p.Warnings, next.warnings...)
	p.Reload = p.Config != "" && in.Kind == Nginx
	return nil
}

// code compares the files that are live with the next ones, both by path with
// git's names of their contents.
func (p *Preview) code(ctx context.Context, in Instance, next map[string]string, read reader) error {
	live, err := blobs(filepath.Join(in.Prefix, codeFolder))
	if err != nil {
		return err
	}
	for _, name := range sortedKeys(next) {
		switch blob, there := live[name]; {
		case !there:
			p.Added = append(p.Added, name)
		case blob != next[name]:
			p.Changed = append(p.Changed, name)
		}
	}
	for _, name := range sortedKeys(live) {
		if _, there := next[name]; !there {
			p.Removed = append(p.Removed, name)
		}
	}
	if len(p.Added)+len(p.Changed)+len(p.Removed) == 0 {
		p.Warnings = append(p.Warnings, "these files are live already")
	} else if err := p.differencesIn(ctx, in, read); err != nil {
		return err
	}
	conf, err := readLimited(in.Conf, 2*maxTemplateBytes)
	if err != nil {
		return nil //nolint:nilerr // without a configuration there is nothing to say about it
	}
	p.Reload = !codeCacheOff(conf)
	for _, d := range scanNginx(conf) {
		if !strings.HasSuffix(d.name, "_by_lua_file") || len(d.args) == 0 || strings.Contains(d.args[0], "$") {
			continue
		}
		path := strings.TrimPrefix(d.args[0], in.Prefix+"/")
		name, ours := strings.CutPrefix(path, codeFolder+"/")
		if _, there := next[name]; ours && !there {
			p.Warnings = append(p.Warnings, fmt.Sprintf("%s of %s is not among the files", d.args[0], d.name))
		}
	}
	return nil
}

func (p *Preview) differencesIn(ctx context.Context, in Instance, read reader) error {
	live, err := os.OpenRoot(filepath.Join(in.Prefix, codeFolder))
	if errors.Is(err, fs.ErrNotExist) {
		return p.differences(ctx, nil, read) // all files are new
	}
	if err != nil {
		return fmt.Errorf("look at what is live: %w", err)
	}
	defer live.Close() //nolint:errcheck // it is only read
	return p.differences(ctx, live, read)
}

// blobs gives the files of a folder with git's names of their contents. One
// that is not there has none.
func blobs(dir string) (map[string]string, error) {
	found := map[string]string{}
	root, err := os.OpenRoot(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return found, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look at what is live: %w", err)
	}
	defer root.Close() //nolint:errcheck // it is only read
	err = fs.WalkDir(root.FS(), ".", func(at string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		if len(found) > gitrepo.MaxFiles {
			return fmt.Errorf("there are more than %d files", gitrepo.MaxFiles)
		}
		found[at], err = blobOf(root, at, e)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("look at what is live: %w", err)
	}
	return found, nil
}

// blobOf gives something that no commit has for what no commit may have.
func blobOf(root *os.Root, at string, e fs.DirEntry) (string, error) {
	info, err := e.Info()
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() || info.Size() > gitrepo.MaxFileBytes {
		return "no file of a commit", nil
	}
	f, err := root.Open(at)
	if err != nil {
		return "", err
	}
	defer f.Close() //nolint:errcheck // it is only read
	h := sha1.New()
	fmt.Fprintf(h, "blob %d\x00", info.Size())
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
