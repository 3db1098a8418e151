package deploy

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/tagtail/tagtail/deploy/gitrepo"
	"github.com/tagtail/tagtail/deploy/pyliteral"
	"github.com/tagtail/tagtail/deploy/template"
)

// branchValuesFile keeps them beside the files of master.
const branchValuesFile = "developers.json"

// OwnValues says what a developer's branch of serverctrl contributes.
type OwnValues struct {
	// Names are the values that developers may set for themselves.
	Names []string
	// Tips are commits of branches that count instead of the repository's, as
	// while they are pushed; by branch.
	Tips map[string]string
}

// BranchValues are what the branches of developers contribute to the values of
// master, by owner, service and name: those in which the owner's own dict
// differs from what master had where the branch began. So a branch that is old
// brings nothing back that master has changed.
type BranchValues map[string]map[string]map[string]string

// ReadBranchValues reads them for a commit of master. What a branch has that
// cannot be read, or may not be set there, is left out.
func ReadBranchValues(ctx context.Context, repo *gitrepo.Repo, master string, own OwnValues) (BranchValues, error) {
	if len(own.Names) == 0 {
		return nil, nil
	}
	heads, err := repo.Heads(ctx)
	if err != nil {
		return nil, err
	}
	for branch, sha := range own.Tips {
		heads[branch] = sha
	}
	values := BranchValues{}
	for _, owner := range sortedKeys(heads) {
		if owner == baseOwner || !namePattern.MatchString(owner) {
			continue
		}
		base, err := repo.MergeBase(ctx, master, heads[owner])
		if err != nil {
			return nil, err
		}
		if base == heads[owner] {
			continue // all of it is in master
		}
		set, err := ownChanges(ctx, repo, owner, base, heads[owner])
		if err != nil {
			return nil, err
		}
		for _, c := range set {
			if c.problem == nil && slices.Contains(own.Names, c.name) {
				values.put(owner, c)
			}
		}
	}
	return values, nil
}

func (v BranchValues) put(owner string, c ownChange) {
	if v[owner] == nil {
		v[owner] = map[string]map[string]string{}
	}
	if v[owner][c.service] == nil {
		v[owner][c.service] = map[string]string{}
	}
	v[owner][c.service][c.name] = c.text
}

// ownChange is a value in an owner's own dict that is another one than before.
type ownChange struct {
	service, name, text string
	problem             error
}

// ownChanges compares an owner's own dicts in two commits; the first may be
// empty. The error is about git.
func ownChanges(ctx context.Context, repo *gitrepo.Repo, owner, from, to string) ([]ownChange, error) {
	names, err := repo.Changed(ctx, from, to)
	if err != nil {
		return nil, err
	}
	var list []ownChange
	for _, name := range names {
		service, ok := serviceOf(name)
		if sub, _ := serviceFiles(service); !ok || sub != name {
			continue
		}
		before, _, err := ownAt(ctx, repo, owner, from, name)
		if err != nil {
			return nil, err
		}
		after, problem, err := ownAt(ctx, repo, owner, to, name)
		if err != nil {
			return nil, err
		}
		if problem != nil {
			list = append(list, ownChange{service: service, problem: problem})
		}
		for _, key := range sortedKeys(after) {
			if old, had := before[key]; !had || old.text != after[key].text {
				list = append(list, ownChange{service: service, name: key, text: after[key].text})
			}
		}
	}
	return list, nil
}

// ownAt reads an owner's own dict in a file of a commit; problem is the first
// thing that is wrong with it.
func ownAt(ctx context.Context, repo *gitrepo.Repo, owner, sha, name string) (values map[string]setting, problem, err error) {
	if sha == "" {
		return nil, nil, nil
	}
	src, err := repo.ReadFile(ctx, sha, name, pyliteral.MaxBytes)
	var unsafe *gitrepo.RefusedError
	switch {
	case errors.Is(err, gitrepo.ErrNotFound):
		return nil, nil, nil
	case errors.As(err, &unsafe):
		return nil, err, nil
	case err != nil:
		return nil, nil, err
	}
	root, err := pyliteral.Parse(name, src)
	if err != nil {
		return nil, problemOf(name, err), nil
	}
	f := &subFile{name: name, root: root}
	if root.Kind != pyliteral.Dict {
		return nil, f.problem(root, "the file must be one dict { 'master': { … }, … }, not a "+string(root.Kind)), nil
	}
	if dict, ok := root.Get(owner); ok && dict.Kind != pyliteral.Dict {
		return nil, f.problem(dict, fmt.Sprintf("the values of %s must be a dict, not a %s", owner, dict.Kind)), nil
	}
	values, problems := f.own(owner)
	if len(problems) > 0 {
		return nil, problems[0], nil
	}
	return values, nil, nil
}

// CheckBranch looks at a push to a developer's branch of serverctrl, from old,
// empty for a new branch, to sha. changed tells whether it sets values; the error
// is a sentence about those that may not be set there.
func CheckBranch(ctx context.Context, repo *gitrepo.Repo, owner, old, sha string, own OwnValues) (changed bool, err error) {
	from := old
	if from == "" {
		master, err := repo.Branch(ctx, baseOwner)
		if errors.Is(err, gitrepo.ErrNotFound) {
			return false, nil // there is nothing to contribute to
		}
		if err != nil {
			return false, err
		}
		if from, err = repo.MergeBase(ctx, master.SHA, sha); err != nil {
			return false, err
		}
	}
	set, err := ownChanges(ctx, repo, owner, from, sha)
	if err != nil {
		return false, err
	}
	for _, c := range set {
		switch {
		case c.problem != nil:
			return false, c.problem
		case !slices.Contains(own.Names, c.name):
			return false, fmt.Errorf("%s of %s is not to be set on a developer's branch, where %s may: an administrator pushes it to master", c.name, owner, orNothing(own.Names))
		}
	}
	return len(set) > 0, nil
}

func orNothing(names []string) string {
	if len(names) == 0 {
		return "nothing"
	}
	return strings.Join(names, ", ")
}

// Digest is the same for the same values, and empty for none.
func (v BranchValues) Digest() string {
	if len(v) == 0 {
		return ""
	}
	text, _ := json.Marshal(v) // maps of text, sorted
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:4])
}

// ExportServerctrl writes the files of serverctrl at a commit of master into
// dst, and the values of the branches.
func ExportServerctrl(ctx context.Context, repo *gitrepo.Repo, sha string, values BranchValues, dst *os.Root) error {
	if _, err := repo.Export(ctx, sha, "", dst); err != nil {
		return err
	}
	if err := dst.RemoveAll(branchValuesFile); err != nil || len(values) == 0 {
		return err // one that was committed is none of ours
	}
	text, err := json.MarshalIndent(values, "", "  ")
	if err != nil {
		return fmt.Errorf("keep values of branches: %w", err)
	}
	return dst.WriteFile(branchValuesFile, append(text, '\n'), 0o644)
}

// readBranchValues reads what ExportServerctrl has left for a service.
func readBranchValues(dir, service string) (map[string]map[string]string, error) {
	text, err := readLimited(filepath.Join(dir, branchValuesFile), maxTemplateBytes)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var all BranchValues
	if err := json.NewDecoder(bytes.NewReader(text)).Decode(&all); err != nil {
		return nil, fmt.Errorf("read %s: %w", branchValuesFile, err)
	}
	byOwner := map[string]map[string]string{}
	for owner, services := range all {
		if set := services[service]; len(set) > 0 {
			byOwner[owner] = set
		}
	}
	return byOwner, nil
}

// addBranch puts the values of an owner's branch over those of master.
func (f *subFile) addBranch(owner string, values map[string]setting) (problems []Problem) {
	for _, key := range sortedKeys(f.branches[owner]) {
		text := f.branches[owner][key]
		if err := template.CheckValue(key, text); err != nil || slices.Contains(builtins, key) {
			problems = append(problems, Problem{File: f.name, Text: fmt.Sprintf("%s of the branch %s cannot be used", key, owner)})
			continue
		}
		values[key] = setting{text: text}
	}
	return problems
}
