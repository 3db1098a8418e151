// Package gitrepo reads one bare repository by running git.
//
//	Open → Commit, Branch, Reachable
package gitrepo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path"
	"regexp"
	"strings"
	"time"
)

// ErrNotFound is about a commit or branch that is not there.
var ErrNotFound = errors.New("there is no such commit")

// Commit is one commit.
type Commit struct {
	SHA, Subject, Author string
	Time                 time.Time
}

// Repo is one bare repository.
type Repo struct {
	dir string
	env []string
}

// Open opens it.
func Open(dir string) (*Repo, error) { return &Repo{dir: dir}, nil }

// WithEnv adds the quarantine's variables.
func (r *Repo) WithEnv(env []string) *Repo { return &Repo{r.dir, env} }

func (r *Repo) git(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "git", append([]string{"-c", "safe.directory=*"}, args...)...)
	cmd.Dir = r.dir
	cmd.Env = append([]string{"PATH=/usr/bin:/bin", "HOME=/nonexistent", "GIT_CONFIG_NOSYSTEM=1"}, r.env...)
	var words bytes.Buffer
	cmd.Stderr = &words
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%w: %s", ErrNotFound, strings.TrimSpace(words.String()))
	}
	return strings.TrimSuffix(string(out), "\n"), nil
}

// Commit reads a commit.
func (r *Repo) Commit(ctx context.Context, rev string) (Commit, error) {
	sha, err := r.git(ctx, "rev-parse", "--verify", "--quiet", "--end-of-options", rev+"^{commit}")
	if err != nil {
		return Commit{}, err
	}
	text, err := r.git(ctx, "cat-file", "commit", sha)
	if err != nil {
		return Commit{}, err
	}
	_, message, _ := strings.Cut(text, "\n\n")
	first, _, _ := strings.Cut(message, "\n")
	return Commit{SHA: sha, Subject: first}, nil
}

// Branch reads a branch's commit.
func (r *Repo) Branch(ctx context.Context, name string) (Commit, error) {
	return r.Commit(ctx, "refs/heads/"+name)
}

var abbreviated = regexp.MustCompile(`^[0-9a-f]{7,40}$`)

// Reachable reads a commit of some branch.
func (r *Repo) Reachable(ctx context.Context, abbrev string) (Commit, error) {
	if !abbreviated.MatchString(abbrev) {
		return Commit{}, ErrNotFound
	}
	c, err := r.Commit(ctx, abbrev)
	if err != nil {
		return c, err
	}
	heads, err := r.git(ctx, "for-each-ref", "--contains", c.SHA, "refs/heads")
	if err != nil || heads == "" {
		return Commit{}, ErrNotFound
	}
	return c, nil
}

// Exported is what Export has written.
type Exported struct {
	Files int
	Bytes int64
}

// Export writes the files of a commit below a path into dst.
func (r *Repo) Export(ctx context.Context, sha, under string, dst *os.Root) (Exported, error) {
	var done Exported
	list, err := r.git(ctx, "ls-tree", "-r", "-z", "--full-tree", "--name-only", sha, "--", strings.TrimSuffix(under, "/")+"/")
	if under == "" {
		list, err = r.git(ctx, "ls-tree", "-r", "-z", "--full-tree", "--name-only", sha)
	}
	if err != nil {
		return done, err
	}
	for name := range strings.SplitSeq(strings.TrimSuffix(list, "\x00"), "\x00") {
		if name == "" {
			continue
		}
		text, err := r.git(ctx, "cat-file", "blob", sha+":"+name)
		if err != nil {
			return done, err
		}
		name = strings.TrimPrefix(strings.TrimPrefix(name, strings.TrimSuffix(under, "/")), "/")
		if err := dst.MkdirAll(path.Dir(name), 0o750); err != nil {
			return done, err
		}
		if err := dst.WriteFile(name, []byte(text+"\n"), 0o640); err != nil {
			return done, err
		}
		done.Files++
		done.Bytes += int64(len(text))
	}
	return done, nil
}
