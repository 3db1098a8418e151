// Package push decides what becomes of a git push, and answers git's hooks.
//
//	git receive-pack → hook (our own program) → unix socket → Gate: who? which refs? → the person's terminal
//	                                                          Gate → Engine: render, order, follow the job
//
// Invariants: who pushes is known from a one-time pass that the Gate itself has
// given out, or from the peer's uid, and never from what a hook says; what is
// not allowed is refused, with a sentence, before anything is stored; a hook
// that cannot ask refuses; post-receive acts only on updates that pre-receive
// has let through; a job outlives the push that ordered it. Names of branches
// and services are looked up, never joined from input. The package runs no
// process but git and knows neither logs nor HTTP. Start reading at Gate, then
// refs.go and grammar.go.
package push

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/tagtail/tagtail/deploy"
	"github.com/tagtail/tagtail/deploy/gitrepo"
)

// Base is the branch of everybody's base values and of shared code; only
// administrators push it.
const Base = "master"

// Kind is what pushes to a repository do.
type Kind string

// The kinds.
const (
	Code    Kind = "code"    // the sources of one service, named like it
	Control Kind = "control" // serverctrl: templates on master, commands on the others
	Library Kind = "library" // code that all instances share
)

// Repository is one bare repository.
type Repository struct {
	// Name is that of its address, without ".git": "socketserver".
	Name string
	Kind Kind
	// Dir is absolute.
	Dir string
}

// Person is who pushes. A developer's name is a branch.
type Person struct {
	Name  string
	Admin bool
}

// Order is what a push asks of an instance: exactly one of Action, Deploy,
// Rollback and Apply.
type Order struct {
	// Instance is service/owner.
	Instance string
	By       Person
	Action   deploy.Action
	// Deploy is the commit, all of its digits, and Ref what the person called it.
	Deploy, Ref string
	// Rollback asks for the release before the one that is live.
	Rollback bool
	// Apply is the commit of serverctrl whose configuration is to run.
	Apply string
	// Subject is the first line of the commit that asked.
	Subject string
}

// Job is an order that is being carried out. *deploy.Job is one.
type Job interface {
	View() deploy.JobView
	// Wait is described at deploy.Job.
	Wait(ctx context.Context, from int) (lines []string, done bool, err error)
}

// Engine carries out what is pushed. Its methods may be called from several
// goroutines.
type Engine interface {
	// Render tells what is wrong with serverctrl at a commit, which may be in
	// the quarantine of repo's environment only.
	Render(ctx context.Context, sha string, repo *gitrepo.Repo) error
	// CheckValues tells whether a push to a developer's branch of serverctrl, from
	// the commit old, empty if the branch is new, sets the developer's own values,
	// and what is wrong with them.
	CheckValues(ctx context.Context, owner, old, sha string, repo *gitrepo.Repo) (changed bool, err error)
	// Preview tells in lines what would change if serverctrl were at the commit,
	// which may be in the quarantine only.
	Preview(ctx context.Context, sha string, repo *gitrepo.Repo) (lines []string, err error)
	// Adopt makes serverctrl's master, which has just been pushed, the one from
	// which instances are read, and gives its commit and the instances that are
	// to apply it.
	Adopt(ctx context.Context) (sha string, instances []string, err error)
	// Publish makes the library's master, which has just been pushed, the one
	// that all instances use, tells of it in sentences, and lists the instances
	// that are to reload.
	Publish(ctx context.Context, by Person) (lines, instances []string, err error)
	// Order begins a job, which goes on whatever becomes of the caller. The
	// error is a sentence.
	Order(o Order) (Job, error)
}

// Event is what a Record tells of.
type Event string

// The events.
const (
	Pushed  Event = "PUSH"
	Refused Event = "REFUSED"
)

// Record is one thing that happened, for the log.
type Record struct {
	Event Event
	// Repo is the repository; Kind its kind.
	Repo string
	Kind Kind
	By   string
	// From is where the person comes from: an address, "path" or "ssh".
	From string
	// Branch and SHA are of the update, if it is about one.
	Branch, SHA string
	// Subject is the first line of the commit's message, as it was pushed.
	Subject string
	// Text is the sentence.
	Text string
}

// Config is what a Gate works with.
type Config struct {
	Repositories []Repository
	// Socket is the path on which hooks are answered, Hooks the folder in which
	// the Gate keeps the links to Program, which is this program. Absolute.
	Socket, Hooks, Program string
	// Git is the program; empty means the one that PATH finds.
	Git string
	// Instances lists those that exist now. Their owners are the branches that
	// may be pushed.
	Instances func() []deploy.Instance
	Engine    Engine
	// People are those who push over a path, as OS users of their own.
	People map[uint32]Person
	// JobURL is where a job can be looked at; nil if nowhere.
	JobURL func(id string) string
	// Audit is told of everything; nil means nobody. It may not block for long.
	Audit func(Record)
	// Logger gets what an administrator should know; nil discards it.
	Logger *slog.Logger
}

// Validate says what is wrong with the configuration.
func (cfg Config) Validate() error {
	if cfg.Engine == nil || cfg.Instances == nil {
		return errors.New("the gate of pushes needs an Engine and Instances")
	}
	for _, path := range []string{cfg.Socket, cfg.Hooks, cfg.Program} {
		if !filepath.IsAbs(path) {
			return fmt.Errorf("the path %q of the gate of pushes is not absolute", path)
		}
	}
	seen := map[string]bool{}
	for _, r := range cfg.Repositories {
		switch {
		case !namePattern.MatchString(r.Name):
			return fmt.Errorf("repository %q: a name begins with a letter a-z and has at most 32 letters a-z, digits, - and _", r.Name)
		case seen[r.Name]:
			return fmt.Errorf("repository %s is there twice", r.Name)
		case r.Kind != Code && r.Kind != Control && r.Kind != Library:
			return fmt.Errorf("repository %s: kind %q is none of code, control, library", r.Name, r.Kind)
		case !filepath.IsAbs(r.Dir):
			return fmt.Errorf("repository %s: the path %q is not absolute", r.Name, r.Dir)
		}
		seen[r.Name] = true
	}
	for uid, p := range cfg.People {
		if !namePattern.MatchString(p.Name) {
			return fmt.Errorf("the person %q of uid %d: a name begins with a letter a-z and has at most 32 letters a-z, digits, - and _", p.Name, uid)
		}
	}
	return nil
}

// Gate answers git's hooks. Its methods may be called from any goroutine.
type Gate struct {
	// immutable after Open
	cfg    Config
	git    string
	socket *socket
	passes passes
}

// Open checks the configuration, writes the links to the hooks and binds the
// socket. Hooks are answered when Run runs. The caller must Close the Gate.
func Open(cfg Config) (*Gate, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Audit == nil {
		cfg.Audit = func(Record) {}
	}
	g := &Gate{cfg: cfg}
	var err error
	if g.git, err = findGit(cfg.Git); err != nil {
		return nil, err
	}
	for _, r := range cfg.Repositories {
		g.warnOfTraps(r)
	}
	if err := linkHooks(cfg.Hooks, cfg.Program); err != nil {
		return nil, err
	}
	if g.socket, err = listen(cfg.Socket, len(cfg.People) > 0); err != nil {
		return nil, err
	}
	return g, nil
}

// linkHooks makes DIR/pre-receive and DIR/post-receive links to program, which
// knows from the name that it is called by what it is to do.
func linkHooks(dir, program string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make folder of the git hooks: %w", err)
	}
	for _, name := range HookNames() {
		link := filepath.Join(dir, name)
		if now, err := os.Readlink(link); err == nil && now == program {
			continue
		}
		temporary := link + ".new"
		if err := os.Remove(temporary); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("link git hook: %w", err)
		}
		if err := os.Symlink(program, temporary); err != nil {
			return fmt.Errorf("link git hook: %w", err)
		}
		if err := os.Rename(temporary, link); err != nil {
			return fmt.Errorf("link git hook: %w", err)
		}
	}
	return nil
}

// Repository finds a repository by its name.
func (g *Gate) Repository(name string) (Repository, bool) {
	i := slices.IndexFunc(g.cfg.Repositories, func(r Repository) bool { return r.Name == name })
	if i < 0 {
		return Repository{}, false
	}
	return g.cfg.Repositories[i], true
}

// MayRead tells whether the person may fetch from the repository.
func (r Repository) MayRead(p Person) bool { return p.Admin || r.Kind != Library && p.Name != "" }

// owners lists the people that have instances, sorted.
func (g *Gate) owners() []string {
	var owners []string
	for _, in := range g.cfg.Instances() {
		if in.Kind != deploy.Shared && in.Owner() != Base && !slices.Contains(owners, in.Owner()) {
			owners = append(owners, in.Owner())
		}
	}
	slices.Sort(owners)
	return owners
}

// Pass lets one person push once to one repository, within ten minutes, and
// gives the pass's id. from is told in records. The caller calls end when git
// has ended.
func (g *Gate) Pass(p Person, r Repository, from string) (id string, end func()) {
	id = g.passes.add(pass{person: p, repo: r, from: from}, time.Now())
	return id, func() { g.passes.remove(id) }
}

var errSize = refusef("this push has more than %d MB, which is the most that is taken at once: push it in parts, older commits first (git push origin COMMIT:refs/heads/BRANCH), or keep large files out of the repository", MaxPushBytes>>20)

// RefuseSize keeps a record of a push that is over MaxPushBytes, and gives the
// line for the person's terminal: git itself says no more than the limit.
func (g *Gate) RefuseSize(p Person, r Repository, from string) string {
	g.cfg.Audit(Record{Event: Refused, Repo: r.Name, Kind: r.Kind, By: p.Name, From: from, Text: errSize.Error()})
	return fmt.Sprintf("[%s] refused, and nothing is stored: %v", r.program(), errSize)
}

// Run answers hooks until ctx ends.
func (g *Gate) Run(ctx context.Context) error { return g.socket.serve(ctx, g.answer) }

// Close frees the socket.
func (g *Gate) Close() error { return g.socket.close() }
