package script

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/tagtail/tagtail/ingest/rules/template"
)

// Read reads all files that the patterns match, those of a pattern in the
// order of their names. A pattern without wildcards has to match a file. What
// is wrong inside of a file is a note, not an error.
func Read(patterns []string) (*Script, error) {
	r := newReader()
	for _, pattern := range patterns {
		names, err := match(pattern)
		if err != nil {
			return nil, fmt.Errorf("rules %q: %w", pattern, err)
		}
		for _, name := range names {
			if err := r.readFile(name, 0); err != nil {
				return nil, fmt.Errorf("rules %q: %w", pattern, err)
			}
		}
	}
	r.finish()
	return r.script, nil
}

// Parse reads one text, as if it were a file of that name.
func Parse(name, text string) *Script {
	r := newReader()
	r.parse(name, text, 0)
	r.finish()
	return r.script
}

// match lists the files of a pattern; folders are left out unless it names one.
func match(pattern string) ([]string, error) {
	names, err := filepath.Glob(pattern)
	if err != nil {
		return nil, fmt.Errorf("the pattern cannot be read: %w", err)
	}
	if !strings.ContainsAny(pattern, "*?[") {
		if len(names) == 0 {
			return nil, errors.New("there is no such file")
		}
		return names, nil
	}
	names = slices.DeleteFunc(names, func(name string) bool {
		info, err := os.Stat(name)
		return err == nil && info.IsDir()
	})
	slices.Sort(names)
	return names, nil
}

// reader is what the files of one Script share.
type reader struct {
	script     *Script
	rulesets   map[string]*Ruleset
	templates  map[string]*template.Template
	calls      []call
	bindings   []call // of inputs
	statements int

	// What legacy directives have set, for what follows.
	current         *Ruleset
	fileTemplate    *template.Template
	forwardTemplate *template.Template
	file            Action // its file options
	udpAddress      string
	udpRuleset      string
	tcpRuleset      string
	nextMaxBytes    int64  // of the queue of the next action
	disableNext     string // why the next action must not be taken
}

// call is a name that a ruleset must have.
type call struct {
	at   Position
	name string
}

func newReader() *reader {
	main := &Ruleset{Name: DefaultRuleset}
	r := &reader{
		script:    &Script{Rulesets: []*Ruleset{main}, Default: DefaultRuleset},
		rulesets:  map[string]*Ruleset{strings.ToLower(DefaultRuleset): main},
		templates: map[string]*template.Template{},
		current:   main,
	}
	r.file = Action{FileMode: defaultFileMode, DirMode: defaultDirMode, Owner: -1, Group: -1, DirOwner: -1, DirGroup: -1, CreateDirs: true, CacheSize: defaultCacheSize}
	return r
}

func (r *reader) readFile(name string, depth int) error {
	if len(r.script.Files) >= maxFiles {
		return fmt.Errorf("there are more than %d files", maxFiles)
	}
	// O_NONBLOCK: a pipe that nobody writes to must not hold up the start.
	f, err := os.OpenFile(name, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return fmt.Errorf("read rules: %w", err)
	}
	defer func() { _ = f.Close() }()
	switch info, err := f.Stat(); {
	case err != nil:
		return fmt.Errorf("read rules: %w", err)
	case info.IsDir():
		return fmt.Errorf("%s is a folder; write %s", name, filepath.Join(name, "*.conf"))
	case !info.Mode().IsRegular():
		return fmt.Errorf("%s is not a file", name)
	}
	text, err := io.ReadAll(io.LimitReader(f, maxFileBytes+1))
	if err != nil {
		return fmt.Errorf("read rules: %w", err)
	}
	if len(text) > maxFileBytes {
		return fmt.Errorf("%s is larger than %d bytes, and was not read", name, maxFileBytes)
	}
	r.script.Files = append(r.script.Files, name)
	r.parse(name, string(text), depth)
	return nil
}

func (r *reader) parse(name, text string, depth int) {
	p := &parser{reader: r, source: newSource(name, text), includes: depth}
	p.file()
}

// include reads the files of a pattern where it stands.
func (r *reader) include(at Position, pattern string, optional bool, depth int) {
	if depth >= maxDepth {
		r.refuse(at, "files include each other without end")
		return
	}
	if !filepath.IsAbs(pattern) {
		pattern = filepath.Join(filepath.Dir(at.File), pattern)
	}
	if strings.HasSuffix(pattern, "/") {
		pattern += "*"
	}
	names, err := match(pattern)
	if err != nil && !optional {
		r.refuse(at, fmt.Sprintf("%s cannot be included: %v", pattern, err))
	}
	for _, name := range names {
		if err := r.readFile(name, depth+1); err != nil {
			r.refuse(at, fmt.Sprintf("%s cannot be included: %v", name, err))
		}
	}
}

// finish checks what could be written before what it names.
func (r *reader) finish() {
	for _, c := range r.calls {
		if r.rulesets[strings.ToLower(c.name)] == nil {
			r.refuse(c.at, fmt.Sprintf("there is no ruleset %q; its call does nothing", c.name))
		}
	}
	for _, c := range r.bindings {
		if r.rulesets[strings.ToLower(c.name)] == nil {
			r.refuse(c.at, fmt.Sprintf("there is no ruleset %q; the input's messages go to no rule", c.name))
		}
	}
	w := weigher{reader: r, weights: map[*Ruleset]int{}}
	for _, set := range r.script.Rulesets {
		w.weigh(set)
	}
	for _, set := range w.wrong {
		set.Body = nil
	}
}

// weigher finds rulesets that call each other for ever, or so often that a
// message would not come through. It looks at each once.
type weigher struct {
	*reader
	weights map[*Ruleset]int // statements that a message goes through at most
	wrong   []*Ruleset
}

// beingWeighed is the weight of a ruleset whose end is not reached.
const beingWeighed = -1

func (w *weigher) weigh(set *Ruleset) int {
	weight, ok := w.weights[set]
	switch {
	case weight == beingWeighed:
		w.leaveOut(set, "calls itself")
		return 0
	case ok:
		return weight
	}
	w.weights[set] = beingWeighed
	weight = w.body(set.Body)
	if weight > maxSteps {
		w.leaveOut(set, fmt.Sprintf("sends a message through more than %d statements", maxSteps))
		weight = 0
	}
	w.weights[set] = weight
	return weight
}

func (w *weigher) body(body []Statement) (weight int) {
	for i := range body {
		s := &body[i]
		weight += 1 + max(w.body(s.Then), w.body(s.Else))
		if set := w.rulesets[strings.ToLower(s.Call)]; set != nil && s.Call != "" {
			weight += w.weigh(set)
		}
	}
	return weight
}

func (w *weigher) leaveOut(set *Ruleset, why string) {
	if slices.Contains(w.wrong, set) {
		return
	}
	w.wrong = append(w.wrong, set)
	w.refuse(firstLine(set), fmt.Sprintf("ruleset %q %s; it is left out", set.Name, why))
}

func firstLine(set *Ruleset) Position {
	if len(set.Body) == 0 {
		return Position{}
	}
	return set.Body[0].At
}

// ruleset returns the one of that name, made if it is missing.
func (r *reader) ruleset(name string) *Ruleset {
	key := strings.ToLower(name)
	if set := r.rulesets[key]; set != nil {
		return set
	}
	set := &Ruleset{Name: name}
	r.rulesets[key] = set
	r.script.Rulesets = append(r.script.Rulesets, set)
	return set
}

func (r *reader) refuse(at Position, text string) { r.note(at, true, text) }

func (r *reader) warn(at Position, text string) { r.note(at, false, text) }

func (r *reader) note(at Position, refused bool, text string) {
	if len(r.script.Notes) < maxNotes {
		r.script.Notes = append(r.script.Notes, Note{At: at, Refused: refused, Text: Printable(text)})
	}
}

// templateNamed finds a template of the rules, or of rsyslog.
func (r *reader) templateNamed(name string) (*template.Template, error) {
	if t := r.templates[name]; t != nil {
		return t, nil
	}
	if t, ok := template.Named(name); ok {
		return t, nil
	}
	return nil, fmt.Errorf("there is no template %q above it", name)
}
