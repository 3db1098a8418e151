package gitrepo

import (
	"context"
	"fmt"
	"strings"
)

// Heads gives all branches with the names of their commits.
func (r *Repo) Heads(ctx context.Context) (map[string]string, error) {
	out, err := r.git(ctx, "for-each-ref", "--format=%(refname:lstrip=2) %(objectname)", "refs/heads/")
	if err != nil {
		return nil, fmt.Errorf("list branches: %w", err)
	}
	heads := map[string]string{}
	for line := range strings.Lines(string(out)) {
		if name, sha, ok := strings.Cut(strings.TrimSpace(line), " "); ok && shaPattern.MatchString(sha) {
			heads[name] = sha
		}
	}
	return heads, nil
}

// MergeBase gives the newest commit that two have in common; nothing if they
// have none.
func (r *Repo) MergeBase(ctx context.Context, a, b string) (string, error) {
	if !shaPattern.MatchString(a) || !shaPattern.MatchString(b) {
		return "", fmt.Errorf("commits %.60q and %.60q: %w", a, b, ErrNotFound)
	}
	out, err := r.git(ctx, "merge-base", "--end-of-options", a, b)
	if exitedWith(err, 1) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("find where %.7s and %.7s part: %w", a, b, err)
	}
	return strings.TrimSpace(string(out)), nil
}

// Changed lists the names directly below the root that differ between two
// commits; all of b's if a is empty.
func (r *Repo) Changed(ctx context.Context, a, b string) ([]string, error) {
	if a != "" && !shaPattern.MatchString(a) || !shaPattern.MatchString(b) {
		return nil, fmt.Errorf("commits %.60q and %.60q: %w", a, b, ErrNotFound)
	}
	args := []string{"diff-tree", "-z", "--name-only", "--no-renames", "--end-of-options", a, b}
	if a == "" {
		args = []string{"ls-tree", "-z", "--name-only", "--full-tree", "--end-of-options", b}
	}
	out, err := r.git(ctx, args...)
	if err != nil {
		return nil, fmt.Errorf("compare %.7s with %.7s: %w", a, b, err)
	}
	return strings.FieldsFunc(string(out), func(c rune) bool { return c == 0 }), nil
}
