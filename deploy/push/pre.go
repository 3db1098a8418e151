package push

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/tagtail/tagtail/deploy/gitrepo"
)

// renderTimeout is how long the check of a pushed serverctrl may take.
const renderTimeout = time.Minute

// visit is one hook that is being answered.
type visit struct {
	*pass
	id      string // of the pass
	updates []update
	repo    *gitrepo.Repo
	out     *terminal
}

// answer answers one hook.
func (g *Gate) answer(ctx context.Context, conn net.Conn, uid uint32) {
	if err := conn.SetReadDeadline(time.Now().Add(questionTimeout)); err != nil {
		return
	}
	q, err := readQuestion(conn)
	if err != nil {
		g.cfg.Logger.Warn("git hook not understood", "uid", uid, "err", err)
		return
	}
	out := &terminal{w: patientWriter{conn}, prefix: "[tagtail] "}
	switch q.Op {
	case askPass:
		g.grant(q, uid, out)
		return
	case tellSize:
		g.tellSize(q, uid, out)
		return
	}
	v, err := g.identify(q, uid, out)
	if err != nil {
		g.refuse(v, err)
		out.printf("refused: %v", err)
		out.exit(1)
		return
	}
	out.prefix = "[" + v.pass.repo.program() + "] "
	ctx, lost := context.WithCancel(ctx)
	defer lost()
	// The hook sends nothing more: that it ends means that nobody listens.
	if err := conn.SetReadDeadline(time.Time{}); err != nil {
		return
	}
	go func() {
		_, _ = io.Copy(io.Discard, conn)
		lost()
	}()
	switch q.Op {
	case preReceive:
		out.exit(g.preReceive(ctx, v, q))
	case postReceive:
		g.postReceive(ctx, v)
		out.exit(0)
	}
}

// program is the name under which a repository's pushes are told of.
func (r Repository) program() string {
	if r.Kind == Control {
		return "git-serverctrl"
	}
	return "git-server"
}

// trusted tells whether the peer is the server's own user, whose git has a pass,
// or root, who can be anybody.
func trusted(uid uint32) bool { return uid == 0 || int64(uid) == int64(os.Getuid()) }

// grant gives a pass to this program itself, called by a key's forced command.
func (g *Gate) grant(q question, uid uint32, out *terminal) {
	r, ok := g.Repository(q.Repo)
	p := Person{q.Person, q.Admin}
	var err error
	switch {
	case !trusted(uid):
		err = refusef("only the server's own user may run git for others")
	case !namePattern.MatchString(q.Person):
		err = refusef("%s is nobody's name", quote(q.Person))
	case !ok || !r.MayRead(p):
		err = refusef("there is no repository %s for %s", quote(q.Repo), q.Person)
	}
	if err != nil {
		g.cfg.Audit(Record{Event: Refused, Repo: r.Name, Kind: r.Kind, By: cutName(q.Person), From: "ssh", Text: err.Error()})
		out.printf("refused: %v", err)
		out.exit(1)
		return
	}
	id := g.passes.add(pass{person: p, repo: r, from: "ssh"}, time.Now())
	done := 0
	out.lost = writeLine(out.w, answer{Exit: &done, Pass: id, Dir: r.Dir, Hooks: g.cfg.Hooks})
}

// tellSize gives the program that has a pass the line for a push over the limit.
func (g *Gate) tellSize(q question, uid uint32, out *terminal) {
	p, ok := g.passes.find(q.Pass, time.Now())
	if !ok || !trusted(uid) {
		out.exit(1)
		return
	}
	out.prefix = ""
	out.printf("%s", g.RefuseSize(p.person, p.repo, p.from))
	out.exit(0)
}

// cutName is a name from outside as a record may hold it.
func cutName(name string) string {
	if !namePattern.MatchString(name) {
		return ""
	}
	return name
}

// identify finds out who pushes what: by the pass, or, of people who push over
// a path as themselves, by the kernel's word. The visit it gives with an error
// says as much as is known.
func (g *Gate) identify(q question, uid uint32, out *terminal) (*visit, error) {
	v := &visit{pass: &pass{}, id: q.Pass, out: out}
	switch person, known := g.cfg.People[uid]; {
	case !slices.Contains(HookNames(), q.Op):
		return v, refusef("there is no hook %s", quote(q.Op))
	case q.Pass != "" && trusted(uid):
		p, ok := g.passes.find(q.Pass, time.Now())
		if !ok {
			return v, refusef("this push has no valid pass: push again, and through Tagtail's address")
		}
		v.pass = &p
		if !sameFolder(q.Dir, p.repo.Dir) {
			return v, refusef("the pass is for another repository than %s", quote(q.Dir))
		}
	case known:
		i := slices.IndexFunc(g.cfg.Repositories, func(r Repository) bool { return sameFolder(q.Dir, r.Dir) })
		v.pass = &pass{person: person, from: fromPath}
		if i < 0 {
			return v, refusef("%s is none of Tagtail's repositories", quote(q.Dir))
		}
		v.pass.repo = g.cfg.Repositories[i]
		v.id = fmt.Sprintf("uid %d %s", uid, v.pass.repo.Name)
		if q.Op == preReceive && !g.passes.local(v.id, *v.pass, time.Now()) {
			return v, refusef("too many pushes are under way: push again later")
		}
	default:
		return v, refusef("it is not known who pushes: push through Tagtail's address, or be named in its configuration under people (uid %d)", uid)
	}
	return v, v.read(q)
}

// read takes in what the hook says of the updates.
func (v *visit) read(q question) error {
	for _, line := range q.Updates {
		u, err := parseUpdate(line)
		if err != nil {
			return err
		}
		v.updates = append(v.updates, u)
	}
	repo, err := gitrepo.Open(v.repoDir())
	if err != nil {
		return fmt.Errorf("open repository %s: %w", v.pass.repo.Name, err)
	}
	v.repo = repo
	if q.Op != preReceive || len(q.Quarantine) == 0 {
		return nil
	}
	env, err := quarantine(v.repoDir(), q.Quarantine)
	if err != nil {
		return err
	}
	v.repo = repo.WithEnv(env)
	return nil
}

func (v *visit) repoDir() string { return v.pass.repo.Dir }

// quarantine checks git's variables: all folders are those of the repository,
// so that a hook that is called by hand cannot have us read others.
func quarantine(dir string, variables []string) ([]string, error) {
	objects, err := filepath.EvalSymlinks(filepath.Join(dir, "objects"))
	if err != nil {
		return nil, fmt.Errorf("find objects of the repository: %w", err)
	}
	var env []string
	for _, variable := range variables {
		name, value, _ := strings.Cut(variable, "=")
		if !slices.Contains(quarantineNames, name) {
			return nil, refusef("git's hook was called with the variable %s", quote(name))
		}
		for path := range strings.SplitSeq(value, ":") {
			if path == "" {
				continue
			}
			if !filepath.IsAbs(path) {
				path = filepath.Join(dir, path)
			}
			real, err := filepath.EvalSymlinks(path)
			if err != nil || real != objects && !strings.HasPrefix(real, objects+"/") {
				return nil, refusef("git's hook was called with objects that are not the repository's: %s", quote(path))
			}
		}
		env = append(env, variable)
	}
	return env, nil
}

// fromPath is where somebody's own git writes to the repository.
const fromPath = "path"

// checkSize refuses a push whose new objects take more than MaxPushBytes.
func checkSize(dir string, variables []string) error {
	var size int64
	for _, variable := range variables {
		incoming, ok := strings.CutPrefix(variable, "GIT_QUARANTINE_PATH=")
		if !ok {
			continue
		}
		if !filepath.IsAbs(incoming) {
			incoming = filepath.Join(dir, incoming)
		}
		err := filepath.WalkDir(incoming, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || strings.HasSuffix(path, ".idx") {
				return err
			}
			info, err := entry.Info()
			if err == nil {
				size += info.Size()
			}
			return err
		})
		if err != nil {
			return fmt.Errorf("look at the size of the push: %w", err)
		}
	}
	if size > MaxPushBytes {
		return errSize
	}
	return nil
}

func sameFolder(a, b string) bool {
	if !filepath.IsAbs(a) {
		return false
	}
	x, errX := os.Stat(a)
	y, errY := os.Stat(b)
	return errX == nil && errY == nil && os.SameFile(x, y)
}

// preReceive decides about a push and gives the hook's exit code.
func (g *Gate) preReceive(ctx context.Context, v *visit, q question) int {
	err := g.decide(ctx, v, q)
	if errors.Is(err, errDryRun) {
		v.out.printf("%v: nothing is stored", err)
		return 1
	}
	if err != nil {
		g.refuse(v, err)
		v.out.printf("refused, and nothing is stored: %v", err)
		return 1
	}
	if len(v.updates) == 1 && v.updates[0].verb() != "" {
		return g.control(ctx, v)
	}
	g.passes.allow(v.id, v.updates)
	return 0
}

// decide gives the sentence why not.
func (g *Gate) decide(ctx context.Context, v *visit, q question) error {
	if !g.passes.ask(v.id) {
		return refusef("this push has been decided about already")
	}
	if err := checkUpdates(v.person, v.pass.repo, g.owners(), v.updates); err != nil {
		return err
	}
	if v.from == fromPath { // that git has no limit of ours
		if err := checkSize(v.repoDir(), q.Quarantine); err != nil {
			return err
		}
	}
	for _, u := range v.updates {
		if v.pass.repo.Kind != Control {
			continue
		}
		if u.branch() == Base {
			if err := g.render(ctx, v, u); err != nil {
				return err
			}
		} else if u.verb() == "" {
			if _, err := g.changesValues(ctx, v, u); err != nil {
				return err
			}
		}
	}
	if !slices.Contains(q.Options, "dry-run") {
		return nil
	}
	for _, u := range v.updates {
		if err := g.preview(ctx, v, u); err != nil {
			return err
		}
	}
	return errDryRun
}

// errDryRun ends a push with -o dry-run that would have been let through.
var errDryRun = errors.New("this was a dry run")

// preview tells what an update would do, for git push -o dry-run.
func (g *Gate) preview(ctx context.Context, v *visit, u update) error {
	ctx, cancel := context.WithTimeout(ctx, renderTimeout)
	defer cancel()
	switch {
	case u.verb() != "":
		v.out.printf("dry run: %s would be carried out", u.verb())
	case v.pass.repo.Kind == Control && u.branch() == Base:
		lines, err := g.cfg.Engine.Preview(ctx, u.new, v.repo)
		if err != nil {
			return refusef("serverctrl at %s cannot be looked at: %v", short(u.new), err)
		}
		for _, line := range lines {
			v.out.printf("%s", line)
		}
	case v.pass.repo.Kind == Control:
		v.out.printf("dry run: %s of %s would be stored", u.branch(), v.pass.repo.Name)
	default:
		files, err := v.repo.Files(ctx, u.new, "src")
		if err != nil {
			return refusef("src/ of %s cannot be deployed: %v", short(u.new), err)
		}
		v.out.printf("dry run: src/ of %s has %d files that can be deployed", short(u.new), len(files))
	}
	return nil
}

// changesValues tells whether an update of a developer's branch sets values.
func (g *Gate) changesValues(ctx context.Context, v *visit, u update) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, renderTimeout)
	defer cancel()
	old := u.old
	if strings.Trim(old, "0") == "" {
		old = ""
	}
	changed, err := g.cfg.Engine.CheckValues(ctx, u.branch(), old, u.new, v.repo)
	if err != nil {
		return false, refusef("the values on %s at %s cannot be used: %v", u.branch(), short(u.new), err)
	}
	return changed, nil
}

func (g *Gate) render(ctx context.Context, v *visit, u update) error {
	ctx, cancel := context.WithTimeout(ctx, renderTimeout)
	defer cancel()
	if err := g.cfg.Engine.Render(ctx, u.new, v.repo); err != nil {
		return refusef("serverctrl at %s cannot be used: %v", short(u.new), err)
	}
	return nil
}

// refuse keeps a record of it for every update, or one if there is none.
func (g *Gate) refuse(v *visit, err error) {
	record := Record{
		Event: Refused, Repo: v.pass.repo.Name, Kind: v.pass.repo.Kind, By: v.person.Name, From: v.from, Text: err.Error(),
	}
	if len(v.updates) == 1 {
		record.Branch, record.SHA = v.updates[0].ref, v.updates[0].new
	}
	g.cfg.Audit(record)
}

func short(sha string) string { return sha[:min(7, len(sha))] }
