package deploy

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"

	"github.com/tagtail/tagtail/deploy/template"
)

// maxTemplateBytes bounds one template.
const maxTemplateBytes = 1 << 20

// LoadServerctrl reads the templates' values in dir and gives the instances
// that they describe: one for master and one for each developer of each
// nginx.SERVICE.sub.py and of redis.sub.py. What is wrong with one file, owner or
// value is a Problem and hides no other; the error is about dir itself.
func LoadServerctrl(dir string, layout Layout) ([]Instance, []Problem, error) {
	layout = layout.withDefaults()
	files, err := os.ReadDir(dir)
	if err != nil {
		return nil, nil, fmt.Errorf("read the serverctrl directory: %w", err)
	}
	services := map[string]bool{}
	for _, f := range files {
		if service, ok := serviceOf(f.Name()); ok {
			services[service] = true
		}
	}
	l := &loader{dir: dir, layout: layout, portOf: map[int]string{}, seen: map[Problem]bool{}}
	for _, service := range sortedKeys(services) {
		l.loadService(service)
	}
	return l.instances, l.problems, nil
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}

// loader collects what LoadServerctrl gives.
type loader struct {
	dir       string
	layout    Layout
	instances []Instance
	problems  []Problem
	seen      map[Problem]bool // master's problems come with every owner
	portOf    map[int]string   // instance name
}

func (l *loader) add(problems ...Problem) {
	for _, p := range problems {
		if !l.seen[p] {
			l.seen[p] = true
			l.problems = append(l.problems, p)
		}
	}
}

func (l *loader) loadService(service string) {
	subName, templName := serviceFiles(service)
	if !namePattern.MatchString(service) {
		l.add(Problem{File: subName, Text: fmt.Sprintf("service %q: %s", service, nameRule)})
		return
	}
	f, err := readSubFile(l.dir, subName)
	if errors.Is(err, fs.ErrNotExist) {
		l.add(Problem{File: templName, Text: subName + " with its values is missing", Warning: true})
		return
	}
	if err != nil {
		l.add(problemOf(subName, err))
		return
	}
	templ, err := readLimited(filepath.Join(l.dir, templName), maxTemplateBytes)
	if errors.Is(err, fs.ErrNotExist) {
		l.add(Problem{File: subName, Text: templName + " is missing; the instances are shown and cannot be rendered", Warning: true})
	} else if err != nil {
		l.add(problemOf(templName, err))
	}
	owners, problems := f.owners()
	l.add(problems...)
	for _, owner := range owners {
		values, problems := f.merged(owner)
		l.add(problems...)
		l.addInstance(f, service, owner, values)
		if templ != nil {
			l.checkTemplate(f, templName, templ, values)
		}
	}
}

// addInstance makes the instance of one owner.
func (l *loader) addInstance(f *subFile, service, owner string, values map[string]setting) {
	key, in := "LISTEN", l.layout.nginxInstance(service, owner)
	if service == "redis" {
		key = "PORT"
	}
	at := values[key]
	port, _ := template.ListenPort(at.text) // 0 if there is none
	if service == "redis" {
		in = l.layout.redisInstance(owner, port)
	}
	in.Port = port
	l.addPort(f, in, key, at)
	if text, err := Render(in, l.dir, RenderOptions{Syslog: "127.0.0.1:514"}); err == nil {
		in.PIDFile = renderedPIDFile(in, text)
	} else if !errors.Is(err, fs.ErrNotExist) {
		l.add(problemOf(f.name, err))
	}
	l.instances = append(l.instances, in)
}

// addPort remembers whose the port is, and tells of a missing one and of one
// that two want. key is the value's name, and at the value.
func (l *loader) addPort(f *subFile, in Instance, key string, at setting) {
	switch other, taken := l.portOf[in.Port]; {
	case at.wrong:
	case in.Port == 0:
		l.add(Problem{File: f.name, Line: f.root.Line, Col: f.root.Col,
			Text: fmt.Sprintf("%s has no usable %s, so its port is not known", in.Owner(), key), Warning: in.Kind != Redis})
	case taken:
		l.add(Problem{File: f.name, Line: at.line, Col: at.col,
			Text: fmt.Sprintf("port %d of %s is already that of %s", in.Port, in.Name, other)})
	default:
		l.portOf[in.Port] = in.Name
	}
}

// checkTemplate warns of values that the template never uses: mostly a key that
// was written wrongly.
func (l *loader) checkTemplate(f *subFile, templName string, templ []byte, values map[string]setting) {
	used := map[string]bool{}
	for _, name := range template.Names(templ) {
		used[name] = true
	}
	for _, key := range sortedKeys(values) {
		if !used[key] && !values[key].wrong {
			l.add(Problem{File: f.name, Line: values[key].line, Col: values[key].col,
				Text: key + " is not used in " + templName, Warning: true})
		}
	}
}
