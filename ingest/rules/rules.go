// Package rules does with messages what rsyslog.d's rules say: files,
// forwarding, discarding, and naming whose they are.
//
//	files → script.Read → Engine
//	frame → Sorter.Sort → filters → lines → Flush → queue of each action → its writer
//
// Rules are beside the store, never instead of it: whatever they say, a message
// is stored. Invariants: a receiver never waits for an action; what an action's
// queue has no room for is dropped, counted and announced; a rule that was
// refused does nothing; sorting allocates nothing in the steady state. Start
// reading at Engine, then Sorter.
package rules

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/tagtail/tagtail/ingest/rules/filter"
	"github.com/tagtail/tagtail/ingest/rules/forward"
	"github.com/tagtail/tagtail/ingest/rules/logfile"
	"github.com/tagtail/tagtail/ingest/rules/message"
	"github.com/tagtail/tagtail/ingest/rules/script"
	"github.com/tagtail/tagtail/ingest/rules/spool"
)

// Config says what an Engine does. The zero value of a field is its default.
type Config struct {
	// Script are the rules.
	Script *script.Script
	// Dir is the folder of the queues of what is forwarded; it must be given
	// if there is such an action.
	Dir string
	// QueueBytes bounds what waits in memory for each action; 0 is 8 MiB.
	QueueBytes int
	// Hostname is this machine's; "" asks the system.
	Hostname string
	// Location is the zone of times of ours; nil is time.Local.
	Location *time.Location
	// MinPause is the first pause after a server could not be reached; 0 is 1 s.
	MinPause time.Duration
	// Logger takes what the operator should know; nil discards it.
	Logger *slog.Logger
	// Announce takes a sentence that should stand among the messages; nil
	// discards it. It may be called from several goroutines.
	Announce func(text string)
}

const defaultQueueBytes = 8 << 20

// output is where an action's lines go.
type output interface {
	// Put copies a line, or drops and counts it. It never waits.
	Put(path, line []byte)
	// Wake says that lines were put.
	Wake()
	// Run writes until ctx ends, then what is left as far as that is possible
	// at once.
	Run(ctx context.Context)
	// Stats are counters since the start, what waits now, and what is wrong.
	Stats() (done, dropped uint64, waiting int, wrong string)
}

// Engine is the rules at work.
type Engine struct {
	// immutable after Open
	options  message.Options
	rulesets map[string][]node
	normal   []node            // the default ruleset
	byInput  map[string]string // rulesets by the inputs' URLs
	names    map[string]string // $inputname by the inputs' URLs
	actions  []*action
	tags     bool

	logger   *slog.Logger
	announce func(string)
	spools   map[string]bool // the queues by the names of their folders
}

// action is a script's action and its output.
type action struct {
	*script.Action
	output output // nil of a tag
}

// node is a statement, compiled.
type node struct {
	filter     filter.Filter // nil of the others
	then, last []node
	action     int // -1 is none
	stop       bool
	call       string
}

// Open makes an Engine of rules. It does not write anything yet.
func Open(cfg Config) (*Engine, error) {
	e := &Engine{
		options: cfg.Script.Options, rulesets: map[string][]node{}, byInput: map[string]string{}, names: map[string]string{},
		logger: cfg.Logger, announce: cfg.Announce, spools: map[string]bool{},
	}
	if e.logger == nil {
		e.logger = slog.New(slog.DiscardHandler)
	}
	e.options.Location = cfg.Location
	if e.options.Hostname == "" {
		e.options.Hostname = cfg.Hostname
	}
	if e.options.Hostname == "" {
		name, err := os.Hostname()
		if err != nil {
			return nil, fmt.Errorf("read own hostname: %w", err)
		}
		e.options.Hostname = name
	}
	if cfg.QueueBytes == 0 {
		cfg.QueueBytes = defaultQueueBytes
	}
	index := map[*script.Action]int{}
	for i, a := range cfg.Script.Actions {
		index[a] = i
		made, err := e.newAction(a, &cfg)
		if err != nil {
			return nil, errors.Join(err, e.Close())
		}
		e.actions = append(e.actions, made)
	}
	e.warnOfOrphans(cfg.Dir)
	for _, set := range cfg.Script.Rulesets {
		e.rulesets[strings.ToLower(set.Name)] = compile(set.Body, index)
	}
	e.normal = e.rulesets[strings.ToLower(cfg.Script.Default)]
	for _, in := range cfg.Script.Inputs {
		if in.Ruleset != "" {
			e.byInput[in.URL] = in.Ruleset
		}
		if in.Name != "" {
			e.names[in.URL] = in.Name
		}
	}
	return e, nil
}

func compile(body []script.Statement, index map[*script.Action]int) []node {
	var nodes []node
	for i := range body {
		s := &body[i]
		if s.Disabled {
			continue
		}
		n := node{filter: s.Filter, action: -1, stop: s.Stop, call: strings.ToLower(s.Call)}
		if s.Filter != nil {
			n.then, n.last = compile(s.Then, index), compile(s.Else, index)
		}
		if s.Action != nil {
			n.action = index[s.Action]
		}
		nodes = append(nodes, n)
	}
	return nodes
}

func (e *Engine) newAction(a *script.Action, cfg *Config) (*action, error) {
	made := &action{Action: a}
	trouble := func(text string) { e.trouble(a.At, text) }
	switch a.Kind {
	case script.Tag:
		e.tags = true
	case script.File:
		made.output = logfile.New(logfile.Config{
			Path: a.Path, FileMode: a.FileMode, DirMode: a.DirMode, Owner: a.Owner, Group: a.Group, DirOwner: a.DirOwner, DirGroup: a.DirGroup,
			CreateDirs: a.CreateDirs, CacheSize: a.CacheSize, Sync: a.Sync, QueueBytes: cfg.QueueBytes, Trouble: trouble,
		})
	case script.Forward:
		f, err := forward.New(forward.Config{
			Protocol: a.Protocol, Target: a.Target, OctetCounted: a.OctetCounted,
			Spool:      spool.Config{Dir: e.spoolDir(cfg.Dir, a), MaxBytes: a.MaxBytes, DropNewest: a.DropNewest},
			QueueBytes: cfg.QueueBytes, MinPause: cfg.MinPause, Trouble: trouble,
		})
		if err != nil {
			return nil, fmt.Errorf("%s: %w", a.At, err)
		}
		made.output = f
	}
	return made, nil
}

// spoolDir is the folder of a queue: the same after a restart, as long as the
// actions with the same target keep their order.
func (e *Engine) spoolDir(dir string, a *script.Action) string {
	name := strings.Map(func(r rune) rune {
		if r == '.' || r == '-' || '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' {
			return r
		}
		return '_'
	}, a.Protocol+"-"+a.Target)
	unique := name
	for n := 2; e.spools[unique]; n++ {
		unique = fmt.Sprintf("%s-%d", name, n)
	}
	e.spools[unique] = true
	return filepath.Join(dir, unique)
}

// warnOfOrphans tells of queues whose rules are gone: what is in them is kept
// and sent to nobody, until the rule comes back.
func (e *Engine) warnOfOrphans(dir string) {
	folders, _ := os.ReadDir(dir) // there may be none
	for _, folder := range folders {
		path := filepath.Join(dir, folder.Name())
		if segments, _ := filepath.Glob(filepath.Join(path, "*.seg")); !e.spools[folder.Name()] && len(segments) > 0 {
			e.logger.Warn("a queue of messages belongs to no rule: delete its folder if the rule does not come back", "folder", path)
		}
	}
}

// trouble says once in the log and once among the messages what is wrong.
func (e *Engine) trouble(at script.Position, text string) {
	e.logger.Warn("a rule has trouble", "rule", at.String(), "err", text)
	if e.announce != nil {
		e.announce(fmt.Sprintf("rule %s:%d: %s", filepath.Base(at.File), at.Line, text))
	}
}

// Close frees what an Engine that never ran has open.
func (e *Engine) Close() error {
	var errs []error
	for _, a := range e.actions {
		if f, ok := a.output.(*forward.Forwarder); ok {
			errs = append(errs, f.Close())
		}
	}
	return errors.Join(errs...)
}

// Run lets the actions work until ctx ends, and then with what they have left.
func (e *Engine) Run(ctx context.Context) {
	var wg sync.WaitGroup
	for _, a := range e.actions {
		if a.output != nil {
			wg.Go(func() { a.output.Run(ctx) })
		}
	}
	wg.Wait()
}

// Reopen closes all files; they are opened again when they are written to.
func (e *Engine) Reopen() {
	for _, a := range e.actions {
		if w, ok := a.output.(*logfile.Writer); ok {
			w.Reopen()
		}
	}
}

// ActionStats are the counters of an action since the start.
type ActionStats struct {
	// Rule is its place, Kind file, udp, tcp or relp, and Target the file or
	// host.
	Rule, Kind, Target string
	// Done messages were written or forwarded, Dropped ones are lost to the
	// action, Waiting ones are on their way.
	Done, Dropped uint64
	Waiting       int
	// Wrong is a sentence about what is not as it should be, or empty.
	Wrong string
}

// Stats returns the counters of all actions that write anything.
func (e *Engine) Stats() []ActionStats {
	var list []ActionStats
	for _, a := range e.actions {
		if a.output == nil {
			continue
		}
		s := ActionStats{Rule: a.At.String(), Kind: "file", Target: a.Path}
		if a.PathTemplate != nil {
			s.Target = "?" + a.PathTemplate.Name
		}
		if a.Kind == script.Forward {
			s.Kind, s.Target = a.Protocol, a.Target
		}
		s.Done, s.Dropped, s.Waiting, s.Wrong = a.output.Stats()
		list = append(list, s)
	}
	return list
}
