package deploy

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/tagtail/tagtail/deploy/pyliteral"
	"github.com/tagtail/tagtail/deploy/template"
)

// baseOwner is the owner whose values are everybody's base.
const baseOwner = "master"

// builtins are the names that Tagtail itself gives; a .sub.py may not.
var builtins = []string{"USER_NAME", "SERVER", "PREFIX", "SYSLOG", "GENERATION"}

// setting is one value of a .sub.py and where it stands. A wrong one has been
// told, has no text, and still hides master's value of that name.
type setting struct {
	text      string
	line, col int
	wrong     bool
}

// subFile is one .sub.py: the values of all owners of one service.
type subFile struct {
	name string // base name
	root pyliteral.Value

	branches map[string]map[string]string // by owner; see BranchValues
}

// readSubFile reads DIR/NAME.
func readSubFile(dir, name string) (*subFile, error) {
	src, err := readLimited(filepath.Join(dir, name), pyliteral.MaxBytes+1)
	if err != nil {
		return nil, err
	}
	root, err := pyliteral.Parse(name, src)
	if err != nil {
		return nil, err
	}
	service, _ := serviceOf(name)
	branches, err := readBranchValues(dir, service)
	if err != nil {
		return nil, err
	}
	f := &subFile{name: name, root: root, branches: branches}
	if root.Kind != pyliteral.Dict {
		return nil, f.problem(root, "the file must be one dict { 'master': { … }, … }, not a "+string(root.Kind))
	}
	return f, nil
}

func (f *subFile) problem(at pyliteral.Value, text string) Problem {
	return Problem{File: f.name, Line: at.Line, Col: at.Col, Text: text}
}

// owners lists who has an entry, in the order of the file, and what is wrong
// with those that cannot be one.
func (f *subFile) owners() (owners []string, problems []Problem) {
	for _, p := range f.root.Pairs {
		switch {
		case p.Key.Kind != pyliteral.Str:
			problems = append(problems, f.problem(p.Key, "an owner's name must be text in quotes"))
		case !namePattern.MatchString(p.Key.Str):
			problems = append(problems, f.problem(p.Key, fmt.Sprintf("owner %q: %s", p.Key.Str, nameRule)))
		case p.Value.Kind != pyliteral.Dict:
			problems = append(problems, f.problem(p.Value, fmt.Sprintf("the values of %s must be a dict, not a %s", p.Key.Str, p.Value.Kind)))
		default:
			owners = append(owners, p.Key.Str)
		}
	}
	if _, ok := f.root.Get(baseOwner); !ok {
		problems = append(problems, f.problem(f.root, "the key 'master' with the base values is missing"))
	}
	return owners, problems
}

// own reads one owner's own values, and tells of the wrong ones.
func (f *subFile) own(owner string) (map[string]setting, []Problem) {
	values := map[string]setting{}
	var problems []Problem
	dict, _ := f.root.Get(owner)
	for _, p := range dict.Pairs {
		text, err := settingText(p)
		if err == "" {
			if bad := template.CheckValue(p.Key.Str, text); bad != nil {
				err = bad.Error()
			}
		}
		if err != "" {
			problems = append(problems, f.problem(p.Value, err))
			text = ""
		}
		values[p.Key.Str] = setting{text, p.Value.Line, p.Value.Col, err != ""}
	}
	return values, problems
}

// settingText gives a value as it is put into a template, or what is wrong.
func settingText(p pyliteral.Pair) (text, wrong string) {
	switch {
	case p.Key.Kind != pyliteral.Str:
		return "", "the name of a value must be text in quotes"
	case slices.Contains(builtins, p.Key.Str):
		return "", p.Key.Str + " is given by Tagtail and cannot be set here"
	case p.Value.Kind == pyliteral.Str:
		return p.Value.Str, ""
	case p.Value.Kind == pyliteral.Int:
		return p.Value.Int.String(), ""
	}
	return "", fmt.Sprintf("%s: a value must be text or a whole number, not a %s", p.Key.Str, p.Value.Kind)
}

// merged gives an owner's values over the base values.
func (f *subFile) merged(owner string) (map[string]setting, []Problem) {
	values, problems := f.own(baseOwner)
	if owner == baseOwner {
		return values, problems
	}
	own, more := f.own(owner)
	for key, s := range own {
		values[key] = s
	}
	problems = append(problems, more...)
	return values, append(problems, f.addBranch(owner, values)...)
}

// openFile opens a file for reading without waiting: opening a FIFO, which a
// developer can put in any place of his instance, else waits for its writer.
func openFile(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
}

// readLimited reads a regular file of at most limit bytes.
func readLimited(path string, limit int64) ([]byte, error) {
	f, err := openFile(path)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // it is only read
	if fi, err := f.Stat(); err != nil || !fi.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", path)
	}
	b, err := io.ReadAll(io.LimitReader(f, limit))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return b, nil
}

// serviceFiles names the .sub.py and the template of a service.
func serviceFiles(service string) (sub, templ string) {
	if service == "redis" {
		return "redis.sub.py", "redis.templ.conf"
	}
	return "nginx." + service + ".sub.py", "nginx." + service + ".templ.conf"
}

// serviceOf is the reverse, for the names that are one of the two.
func serviceOf(file string) (service string, ok bool) {
	for _, suffix := range []string{".sub.py", ".templ.conf"} {
		base, found := strings.CutSuffix(file, suffix)
		if !found {
			continue
		}
		if base == "redis" {
			return "redis", true
		}
		return strings.CutPrefix(base, "nginx.")
	}
	return "", false
}
