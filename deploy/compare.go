package deploy

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"github.com/rogpeppe/go-internal/diff"

	"github.com/tagtail/tagtail/deploy/release"
)

// Bounds of the text of a difference: it is for a person to read.
const (
	maxDiffFiles     = 50
	maxDiffFileBytes = 128 << 10
	maxDiffBytes     = 256 << 10
)

// Compare tells what would be other than it is now if a release were what runs,
// whether or not one can go back to it. The error is as Preview's.
func (c *Controller) Compare(ctx context.Context, instance string, number int) (Preview, error) {
	in, err := c.find(instance)
	if err != nil {
		return Preview{}, err
	}
	r, store, err := c.release(in, number)
	if err != nil {
		return Preview{}, err
	}
	p := newPreview(in)
	p.Kind, p.SHA, p.Subject = JobKind(r.Kind), r.SHA, r.Subject
	if r.Kind == release.Config {
		err = p.history(in, number)
	} else {
		err = p.tree(ctx, in, store, r)
	}
	if err != nil {
		return Preview{}, err
	}
	p.bound()
	return p, nil
}

// release finds one by its number. The error is a *RefusedError.
func (c *Controller) release(in Instance, number int) (release.Release, *release.Store, error) {
	store, ok := c.store(in)
	if !ok {
		return release.Release{}, nil, &RefusedError{in.Name + " has no releases"}
	}
	list, err := store.List()
	if err != nil {
		return release.Release{}, nil, err
	}
	for _, r := range list {
		if r.Number == number {
			return r, store, nil
		}
	}
	return release.Release{}, nil, &RefusedError{fmt.Sprintf("%s has no release v%d", in.Name, number)}
}

// history compares the configuration with an older one.
func (p *Preview) history(in Instance, number int) error {
	name := filepath.Base(in.Conf)
	old, err := readLimited(filepath.Join(filepath.Dir(in.Conf), "history", fmt.Sprintf("%06d-%s", number, name)), 2*maxTemplateBytes)
	if errors.Is(err, fs.ErrNotExist) {
		return &RefusedError{fmt.Sprintf("the configuration of v%d is not kept any more", number)}
	}
	if err != nil {
		return err
	}
	now, err := readLimited(in.Conf, 2*maxTemplateBytes)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	p.Config = Diff(name+" (now)", now, fmt.Sprintf("%s (v%d)", name, number), old)
	return nil
}

// tree compares the code with that of a release.
func (p *Preview) tree(ctx context.Context, in Instance, store *release.Store, r release.Release) error {
	if !r.Kept {
		return &RefusedError{RollbackRefused(r)}
	}
	dir := filepath.Join(store.Dir(r), codeFolder)
	next, err := blobs(dir)
	if err != nil {
		return err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close() //nolint:errcheck // it is only read
	return p.code(ctx, in, next, func(_ context.Context, name string) ([]byte, error) { return readBelow(root, name) })
}

// reader gives the new text of a file of the code.
type reader func(ctx context.Context, name string) ([]byte, error)

// readBelow reads a file that is small enough to be compared, or a part of one
// that is not.
func readBelow(root *os.Root, name string) ([]byte, error) {
	f, err := root.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // it is only read
	return io.ReadAll(io.LimitReader(f, maxDiffFileBytes+1))
}

// differences writes the changes of the files as diff -u does, until they are
// too many to be read. live may be nil if nothing is.
func (p *Preview) differences(ctx context.Context, live *os.Root, next reader) error {
	var out bytes.Buffer
	names := append(append(append([]string{}, p.Changed...), p.Added...), p.Removed...)
	for i, name := range names {
		if i == maxDiffFiles || out.Len() > maxDiffBytes {
			p.Warnings = append(p.Warnings, fmt.Sprintf("the changes of %d more files are not shown", len(names)-i))
			break
		}
		var before, after []byte
		var err error
		from, to := "/dev/null", "/dev/null"
		if i < len(p.Changed) || i >= len(p.Changed)+len(p.Added) {
			from = name
			if before, err = readBelow(live, name); err != nil {
				return fmt.Errorf("look at what is live: %w", err)
			}
		}
		if i < len(p.Changed)+len(p.Added) {
			to = name
			if after, err = next(ctx, name); err != nil {
				return fmt.Errorf("read %s: %w", name, err)
			}
		}
		if isLong(before) || isLong(after) {
			fmt.Fprintf(&out, "diff %s %s\n%s is not shown: it is too large, or no text\n", from, to, name)
			continue
		}
		out.Write(diff.Diff(from, before, to, after))
	}
	p.Code = strings.ToValidUTF8(out.String(), "\ufffd")
	return nil
}

func isLong(text []byte) bool {
	return len(text) > maxDiffFileBytes || bytes.IndexByte(text, 0) >= 0 || !utf8.Valid(text)
}

// RollbackRefused is the sentence that says why one cannot go back to a
// release, or nothing.
func RollbackRefused(r release.Release) string {
	switch {
	case r.Kind == release.Config:
		return fmt.Sprintf("v%d is a configuration: it goes back by a commit to serverctrl", r.Number)
	case r.Live:
		return fmt.Sprintf("v%d is live already", r.Number)
	case !r.Kept:
		return fmt.Sprintf("the files of v%d are not kept any more; deploy its commit %.7s again", r.Number, r.SHA)
	}
	return ""
}

// Refusals gives, for DeployJob, RollbackJob and ConfigJob, the sentence that
// says why such an order is not possible, or nothing. The error is
// ErrUnknownInstance.
func (c *Controller) Refusals(ctx context.Context, instance string) (map[JobKind]string, error) {
	in, err := c.find(instance)
	if err != nil {
		return nil, err
	}
	why := func(err error) string {
		if err == nil {
			return ""
		}
		return err.Error()
	}
	_, deployErr := c.codeRepository(in)
	_, rollbackErr := c.rollbackTarget(in, 0)
	applyErr := hasTemplate(in)
	if applyErr == nil {
		_, _, applyErr = c.serverctrl(ctx, "")
	}
	return map[JobKind]string{DeployJob: why(deployErr), RollbackJob: why(rollbackErr), ConfigJob: why(applyErr)}, nil
}
