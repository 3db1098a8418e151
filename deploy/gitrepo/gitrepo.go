// Package gitrepo reads one bare repository by running git.
//
//	Open → Commit | Branch | Reachable → Files → Export
//
// git is run with an argument list and a clean environment, never through a
// shell, and nothing that a repository's own config says makes it run another
// program. Names from outside are matched against a pattern before git sees
// them. What a tree holds is checked before a byte of it is written: it comes
// from whoever can push. The package writes into no repository and knows nothing
// of deploys. Start reading at Repo, then files.go.
package gitrepo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// ErrNotFound is about a commit, branch or file that is not there.
var ErrNotFound = errors.New("it is not in the repository")

var (
	shaPattern    = regexp.MustCompile(`^[0-9a-f]{40}$`)
	abbrevPattern = regexp.MustCompile(`^[0-9a-f]{7,40}$`)
	branchPattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$`)
)

// Commit is one commit.
type Commit struct {
	// SHA has all of its 40 digits.
	SHA string
	// Subject is the first line of the message.
	Subject string
	Author  string
	// Time is when it was committed, by the committer's clock.
	Time time.Time
}

// Repo is one bare repository. Its methods may be called from any goroutine.
type Repo struct {
	dir string // absolute
	env []string
}

// Open takes the repository in dir.
func Open(dir string) (*Repo, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("open repository: %w", err)
	}
	for _, part := range []string{"HEAD", "objects"} {
		if _, err := os.Stat(filepath.Join(dir, part)); err != nil {
			return nil, fmt.Errorf("%s is no bare git repository: %w", dir, err)
		}
	}
	return &Repo{dir: dir}, nil
}

// WithEnv gives the same repository as the hook of a push sees it, by the
// quarantine's variables. The caller has checked that they name its folders.
func (r *Repo) WithEnv(env []string) *Repo {
	return &Repo{r.dir, append(append([]string{}, r.env...), env...)}
}

// Commit reads a commit by its full name: 40 digits, or "refs/heads/NAME".
func (r *Repo) Commit(ctx context.Context, rev string) (Commit, error) {
	if name, ok := strings.CutPrefix(rev, "refs/heads/"); ok {
		return r.Branch(ctx, name)
	}
	if !shaPattern.MatchString(rev) {
		return Commit{}, fmt.Errorf("commit %.60q: %w", rev, ErrNotFound)
	}
	kind, text, err := r.object(ctx, rev, maxCommitBytes)
	if err != nil {
		return Commit{}, fmt.Errorf("read commit %s: %w", rev, err)
	}
	if kind != "commit" {
		return Commit{}, fmt.Errorf("%s is a %s and no commit: %w", rev, kind, ErrNotFound)
	}
	return parseCommit(rev, text), nil
}

// Branch reads the commit of refs/heads/name, never of a tag of that name.
func (r *Repo) Branch(ctx context.Context, name string) (Commit, error) {
	if !branchPattern.MatchString(name) {
		return Commit{}, fmt.Errorf("branch %.60q: %w", name, ErrNotFound)
	}
	// show-ref --verify takes the name as it is: rev-parse would go on to look
	// for refs/tags/refs/heads/NAME.
	out, err := r.git(ctx, "show-ref", "--verify", "--hash", "--end-of-options", "refs/heads/"+name)
	if exitedWith(err, 1, 128) {
		return Commit{}, fmt.Errorf("branch %s: %w", name, ErrNotFound)
	}
	if err != nil {
		return Commit{}, fmt.Errorf("read branch %s: %w", name, err)
	}
	return r.Commit(ctx, strings.TrimSpace(string(out)))
}

// Reachable finds a commit by 7 to 40 of its digits. Exactly one commit of some
// branch may begin with them.
func (r *Repo) Reachable(ctx context.Context, abbrev string) (Commit, error) {
	if !abbrevPattern.MatchString(abbrev) {
		return Commit{}, fmt.Errorf("commit %.60q: %w", abbrev, ErrNotFound)
	}
	out, err := r.git(ctx, "rev-parse", "--disambiguate="+abbrev)
	if err != nil {
		return Commit{}, fmt.Errorf("look for commit %s: %w", abbrev, err)
	}
	var found []Commit
	for _, sha := range strings.Fields(string(out)) {
		c, err := r.Commit(ctx, sha)
		if errors.Is(err, ErrNotFound) {
			continue // a file or a tree
		}
		if err != nil {
			return Commit{}, err
		}
		heads, err := r.git(ctx, "for-each-ref", "--count=1", "--contains="+sha, "refs/heads/")
		if err != nil {
			return Commit{}, fmt.Errorf("look for a branch with %s: %w", sha, err)
		}
		if len(heads) > 0 {
			found = append(found, c)
		}
	}
	switch len(found) {
	case 0:
		return Commit{}, fmt.Errorf("commit %s: %w on any branch", abbrev, ErrNotFound)
	case 1:
		return found[0], nil
	}
	return Commit{}, fmt.Errorf("%d commits begin with %s: give more of its digits", len(found), abbrev)
}

// parseCommit never fails: what is odd is left out.
func parseCommit(sha string, text []byte) Commit {
	c := Commit{SHA: sha}
	head, message, _ := bytes.Cut(text, []byte("\n\n"))
	subject, _, _ := bytes.Cut(message, []byte("\n"))
	c.Subject = strings.ToValidUTF8(string(subject), "\ufffd")
	for line := range strings.SplitSeq(string(head), "\n") {
		if who, ok := strings.CutPrefix(line, "author "); ok && c.Author == "" {
			name, _, _ := strings.Cut(who, " <")
			c.Author = strings.ToValidUTF8(name, "\ufffd")
		}
		if who, ok := strings.CutPrefix(line, "committer "); ok && c.Time.IsZero() {
			_, when, _ := strings.Cut(who, "> ")
			seconds, _, _ := strings.Cut(when, " ")
			if n, err := strconv.ParseInt(seconds, 10, 64); err == nil {
				c.Time = time.Unix(n, 0)
			}
		}
	}
	return c
}

// OnBranch tells whether a commit, by its 40 digits, is in a branch's history.
func (r *Repo) OnBranch(ctx context.Context, sha, branch string) (bool, error) {
	if !shaPattern.MatchString(sha) {
		return false, nil
	}
	tip, err := r.Branch(ctx, branch)
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	_, err = r.git(ctx, "merge-base", "--is-ancestor", "--end-of-options", sha, tip.SHA)
	if exitedWith(err, 1, 128) {
		return false, nil
	}
	return err == nil, err
}
