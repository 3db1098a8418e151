package script

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

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

// match lists the files of a pattern.
func match(pattern string) ([]string, error) {
	names, err := filepath.Glob(pattern)
	if err != nil {
		return nil, fmt.Errorf("the pattern cannot be read: %w", err)
	}
	if len(names) == 0 && !strings.ContainsAny(pattern, "*?[") {
		return nil, errors.New("there is no such file")
	}
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
	f, err := os.Open(name)
	if err != nil {
		return fmt.Errorf("read rules: %w", err)
	}
	defer func() { _ = f.Close() }()
	if info, err := f.Stat(); err == nil && info.IsDir() {
		return nil
	}
	text, err := io.ReadAll(io.LimitReader(f, maxFileBytes+1))
	if err != nil {
		return fmt.Errorf("read rules: %w", err)
	}
	if len(text) > maxFileBytes {
		return fmt.Errorf("%s is larger than %d bytes", name, maxFileBytes)
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
	for i := range r.script.Rulesets {
		if r.loops(r.script.Rulesets[i], nil) {
			r.script.Rulesets[i].Body = nil
		}
	}
}

// loops finds rulesets that call each other for ever.
func (r *reader) loops(set *Ruleset, above []*Ruleset) bool {
	if slices.Contains(above, set) || len(above) > maxDepth {
		r.refuse(firstLine(set), fmt.Sprintf("ruleset %q calls itself; it is left out", set.Name))
		return true
	}
	return r.callsLoop(set.Body, append(above, set))
}

func (r *reader) callsLoop(body []Statement, above []*Ruleset) bool {
	for i := range body {
		s := &body[i]
		if s.Call != "" {
			if set := r.rulesets[strings.ToLower(s.Call)]; set != nil && r.loops(set, above) {
				return true
			}
		}
		if r.callsLoop(s.Then, above) || r.callsLoop(s.Else, above) {
			return true
		}
	}
	return false
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
		r.script.Notes = append(r.script.Notes, Note{At: at, Refused: refused, Text: text})
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
