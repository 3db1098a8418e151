// Package seed makes the repositories of a new root, with samples in them.
//
//	owners → samples → git fast-import → DIR/{serverctrl,SERVICE,lib}.git
//
// A repository that is there already is left as it is, so that Make may be
// called again. The package knows nothing of what becomes of a push. Start
// reading at Make.
package seed

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

//go:embed all:samples
var samples embed.FS

// MaxOwners is for how many people the samples have ports: from the first of a
// service to the first of the next there are ten.
const MaxOwners = 9

const redis = "redis"

// Services lists those that have a sample.
func Services() []string { return []string{"socketserver", "dtserver", "httpserver"} }

var namePattern = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,31}$`)

// Made is a repository and whether it is new.
type Made struct {
	Name string
	New  bool
}

// Config says what a root begins with.
type Config struct {
	// Owners have a branch and instances.
	Owners []string
	// Services are some of Services and "redis"; nil means all.
	Services []string
	// Port gives an instance's port; nil means those of the samples.
	Port func(service, owner string) int
}

// Make makes the repositories that are not in dir yet.
func Make(ctx context.Context, dir string, cfg Config) ([]Made, error) {
	owners := cfg.Owners
	if cfg.Services == nil {
		cfg.Services = append(Services(), redis)
	}
	if len(owners) == 0 || len(owners) > MaxOwners {
		return nil, fmt.Errorf("%d developers are not possible: name 1 to %d; more can be added to the values later", len(owners), MaxOwners)
	}
	for _, owner := range owners {
		if !namePattern.MatchString(owner) || owner == "master" || owner == "shared" {
			return nil, fmt.Errorf("the developer %.40q is not possible: a name begins with a letter a-z, has at most 32 letters a-z, digits, - and _, and is neither master nor shared", owner)
		}
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make folder of the repositories: %w", err)
	}
	var made []Made
	for _, name := range append([]string{"serverctrl", "lib"}, cfg.Services...) {
		if name == redis {
			continue // it has no code
		}
		isNew, err := cfg.makeRepository(ctx, filepath.Join(dir, name+".git"), name)
		if err != nil {
			return made, fmt.Errorf("make repository %s: %w", name, err)
		}
		made = append(made, Made{name, isNew})
	}
	return made, nil
}

// makeRepository makes it under another name and renames it: what has the name
// is whole.
func (cfg Config) makeRepository(ctx context.Context, dir, name string) (isNew bool, err error) {
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		return false, err
	}
	files, err := cfg.sampleFiles(name)
	if err != nil {
		return false, err
	}
	temporary := dir + ".new"
	if err := os.RemoveAll(temporary); err != nil {
		return false, err
	}
	if err := git(ctx, "", nil, "init", "--quiet", "--bare", "--initial-branch=master", "--template=", temporary); err != nil {
		return false, err
	}
	branches := []string{"master"}
	if name != "lib" {
		branches = append(branches, cfg.Owners...)
	}
	if err := git(ctx, temporary, importStream(files, branches), "fast-import", "--quiet"); err != nil {
		return false, err
	}
	return true, os.Rename(temporary, dir)
}

// sampleFiles are the files of a repository by their paths.
func (cfg Config) sampleFiles(name string) (map[string][]byte, error) {
	files := map[string][]byte{}
	root := "samples/" + name
	if slices.Contains(Services(), name) {
		root = "samples/code/" + name
		readme, err := samples.ReadFile("samples/code/README.md")
		if err != nil {
			return nil, err
		}
		files["README.md"] = bytes.ReplaceAll(readme, []byte("SERVICE"), []byte(name))
	}
	err := fs.WalkDir(samples, root, func(at string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		service := serviceOf(entry.Name())
		if service != "" && !slices.Contains(cfg.Services, service) {
			return nil
		}
		text, err := samples.ReadFile(at)
		if err != nil {
			return err
		}
		files[strings.TrimPrefix(at, root+"/")], err = cfg.withOwners(text, service)
		return err
	})
	return files, err
}

// serviceOf is whose template or values a file has; none of other files.
func serviceOf(file string) string {
	for _, suffix := range []string{".sub.py", ".templ.conf"} {
		if base, ok := strings.CutSuffix(file, suffix); ok {
			return strings.TrimPrefix(base, "nginx.")
		}
	}
	return ""
}

// withOwners fills in the line "#OWNERS KEY FIRST" of a service's values: for
// each owner a port, of the samples counted from FIRST.
func (cfg Config) withOwners(text []byte, service string) ([]byte, error) {
	var out bytes.Buffer
	for line := range bytes.Lines(text) {
		words := strings.Fields(string(line))
		if len(words) != 3 || words[0] != "#OWNERS" {
			out.Write(line)
			continue
		}
		first, err := strconv.Atoi(words[2])
		if err != nil {
			return nil, fmt.Errorf("sample of %s: %w", service, err)
		}
		for i, owner := range cfg.Owners {
			port := first + i
			if cfg.Port != nil {
				port = cfg.Port(service, owner)
			}
			fmt.Fprintf(&out, "    '%s': {'%s': %d},\n", owner, words[1], port)
		}
	}
	return out.Bytes(), nil
}

// importStream is what git fast-import reads: one commit with the files, and
// the branches on it.
func importStream(files map[string][]byte, branches []string) []byte {
	const message = "The samples\n"
	var b bytes.Buffer
	fmt.Fprintf(&b, "commit refs/heads/%s\nmark :1\ncommitter Tagtail <tagtail@localhost> now\ndata %d\n%s", branches[0], len(message), message)
	for _, name := range sortedNames(files) {
		fmt.Fprintf(&b, "M 100644 inline %s\ndata %d\n%s\n", name, len(files[name]), files[name])
	}
	for _, branch := range branches[1:] {
		fmt.Fprintf(&b, "\nreset refs/heads/%s\nfrom :1\n", branch)
	}
	return append(b.Bytes(), "\ndone\n"...)
}

func sortedNames(files map[string][]byte) []string {
	var names []string
	for name := range files {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// git runs git with nobody's settings.
func git(ctx context.Context, dir string, input []byte, args ...string) error {
	cmd := exec.CommandContext(ctx, "git", args...)
	if args[0] == "fast-import" {
		cmd.Args = append(cmd.Args, "--date-format=now", "--done")
	}
	cmd.Dir = dir
	cmd.Stdin = bytes.NewReader(input)
	cmd.Env = []string{
		"PATH=/usr/local/bin:/usr/bin:/bin", "HOME=/nonexistent", "LANG=C.UTF-8", "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null",
	}
	if dir != "" {
		cmd.Env = append(cmd.Env, "GIT_DIR="+dir)
	}
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("run git %s: %w: %s", args[0], err, bytes.TrimSpace(out))
	}
	return nil
}
