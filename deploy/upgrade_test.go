package deploy

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tagtail/tagtail/deploy/release"
)

// repository is a bare repository into which a test commits.
type repository struct {
	t   testing.TB
	dir string
}

func (w *world) repository(name string) repository {
	w.t.Helper()
	need(w.t, "git")
	r := repository{w.t, filepath.Join(filepath.Dir(w.serverctrl), "git", name+".git")}
	if err := makeDirs(r.dir); err != nil {
		w.t.Fatal(err)
	}
	r.git("", "init", "-q", "--bare", "-b", "master", ".")
	return r
}

func (r repository) git(input string, args ...string) string {
	r.t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir, cmd.Stdin = r.dir, strings.NewReader(input)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=/nonexistent", "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null", "GIT_DIR=" + r.dir}
	out, err := cmd.CombinedOutput()
	if err != nil {
		r.t.Fatalf("git %q: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// commit makes the files all there is on the branch and gives the commit.
func (r repository) commit(branch, message string, files map[string]string) string {
	r.t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "commit refs/heads/%s\ncommitter Dev <dev@example.com> 1700000000 +0000\ndata %d\n%s\n", branch, len(message), message)
	if out, err := exec.Command("git", "--git-dir="+r.dir, "rev-parse", "-q", "--verify", "refs/heads/"+branch).Output(); err == nil {
		fmt.Fprintf(&b, "from %s\n", strings.TrimSpace(string(out)))
	}
	b.WriteString("deleteall\n")
	for _, name := range sortedKeys(files) {
		fmt.Fprintf(&b, "M 100644 inline %s\ndata %d\n%s\n", name, len(files[name]), files[name])
	}
	r.git(b.String(), "fast-import", "--quiet")
	return r.git("", "rev-parse", "refs/heads/"+branch)
}

// answering is code that answers with a text.
func answering(text string) map[string]string {
	return map[string]string{"src/main.lua": "ngx.say(require('answer'))\n", "src/answer.lua": fmt.Sprintf("return %q\n", text), "README.md": "no code"}
}

// field is one developer's socketserver that runs, with its repositories.
type field struct {
	*world
	c    *Controller
	in   Instance
	code repository
	ctrl repository
	busy net.Listener // holds a port
}

const templateWithExtra = `worker_processes  1;
error_log  logs/error.log  info;
events { worker_connections  1024; }
http {
    lua_package_path "$PREFIX/src/?.lua;;";
    lua_code_cache $LUA_CODE_CACHE;
    server {
        listen       127.0.0.1:$LISTEN;
        listen       127.0.0.1:$EXTRA;
        location /hhl { content_by_lua_file  src/main.lua; }
    }
}
`

// templates are the files of serverctrl.
func (f *field) templates(template, cache string, extra int) map[string]string {
	return map[string]string{
		"nginx.socketserver.templ.conf": template,
		"nginx.socketserver.sub.py": fmt.Sprintf("{'master': {'LUA_CODE_CACHE': '%s', 'LISTEN': 1, 'EXTRA': 2},\n 'dev1': {'LISTEN': %d, 'EXTRA': %d}}\n",
			cache, f.in.Port, extra),
	}
}

func newField(t *testing.T) *field { return newFieldWith(t, nil) }

func newFieldWith(t *testing.T, change func(*Config)) *field {
	t.Helper()
	need(t, "nginx")
	w := newWorld(t)
	f := &field{world: w, code: w.repository("socketserver"), ctrl: w.repository("serverctrl")}
	f.in = w.layout.nginxInstance("socketserver", "dev1")
	f.in.Port = freePort(t)
	for name, text := range f.templates(templateWithExtra, "off", freePort(t)) {
		w.write(name, text)
	}
	var err error
	if f.busy, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.busy.Close() })
	f.c = w.control([]Instance{f.in}, func(cfg *Config) {
		cfg.Repositories = filepath.Dir(f.code.dir)
		cfg.Layout = w.layout
		cfg.JobsDir = filepath.Join(filepath.Dir(w.serverctrl), "jobs")
		cfg.Deploys = map[string]Proof{"socketserver": {Health: "/hhl"}}
		if change != nil {
			change(cfg)
		}
	})
	return f
}

func (f *field) order(o Order) JobView {
	f.t.Helper()
	o.Instance, o.By = f.in.Name, "dev1"
	return finish(f.t, order(f.t, f.c, o))
}

func (f *field) must(o Order) JobView {
	f.t.Helper()
	v := f.order(o)
	if v.State != JobSucceeded {
		f.t.Fatalf("%s failed: %s\n%s", v.Action, v.Error, strings.Join(v.Output, "\n"))
	}
	return v
}

func (f *field) answers(want string) {
	f.t.Helper()
	if got := get(f.t, f.in.Port); got != want {
		f.t.Errorf("got %q, want %q", got, want)
	}
}

func (f *field) refused(o Order, part string) {
	f.t.Helper()
	o.Instance, o.By = f.in.Name, "dev1"
	_, err := f.c.Order(o)
	var refused *RefusedError
	if !errors.As(err, &refused) || !strings.Contains(refused.Sentence, part) {
		f.t.Errorf("got %v, want a refusal with %q", err, part)
	}
}

// newest is the newest release.
func (f *field) newest() release.Release {
	f.t.Helper()
	list, err := f.c.Releases(f.in.Name)
	if err != nil || len(list) == 0 {
		f.t.Fatalf("got %v, %v, want releases", list, err)
	}
	return list[0]
}

func TestCodeIsDeployedProvenAndRolledBack(t *testing.T) {
	f := newField(t)
	one := f.code.commit("dev1", "UP\n\nfirst", answering("one"))
	f.refused(Order{Deploy: &Deploy{Rev: "dev9"}}, `there is no branch "dev9"`)
	f.refused(Order{Deploy: &Deploy{Rev: "0123456"}}, "no commit 0123456 on any branch")
	f.refused(Order{Rollback: &Rollback{}}, "no good release before")

	v := f.must(Order{Deploy: &Deploy{}, Via: "push"})
	wantOutput(t, v, fmt.Sprintf(`v1 socketserver/dev1 ← %.7s "UP" by dev1`, one), "exported 2 files, 1 KiB → releases/000001-"+one[:7], "does not run")
	mustDo(t, f.c, f.in.Name, Start)
	f.answers("one")

	two := f.code.commit("dev1", "UP", answering("two"))
	v = f.must(Order{Deploy: &Deploy{Rev: "dev1"}})
	wantOutput(t, v, "live now, no reload needed", "health GET /hhl → 200")
	f.answers("two")
	if v.Release != 2 || v.Kind != DeployJob {
		t.Errorf("got %+v", v)
	}
	r := f.newest()
	if r.SHA != two || r.Ref != "dev1" || r.By != "dev1" || r.Result != release.Succeeded || r.Job != v.ID || !r.Live || r.Parent != 1 || r.Files != 2 {
		t.Errorf("got %+v", r)
	}

	f.must(Order{Deploy: &Deploy{Rev: one[:8]}})
	f.answers("one")
	v = f.must(Order{Rollback: &Rollback{Release: 2}})
	wantOutput(t, v, "v4 socketserver/dev1 ← v2 "+two[:7])
	f.answers("two")
	f.must(Order{Rollback: &Rollback{}})
	f.answers("one")
	if r := f.newest(); r.Of != 1 || r.Kind != release.Rollback {
		t.Errorf("got %+v, want a rollback to v1", r)
	}
	f.refused(Order{Rollback: &Rollback{Release: 5}}, "v5 is live already")
	f.refused(Order{Rollback: &Rollback{Release: 77}}, "has no release v77")

	t.Run("broken code is told with its traceback and left live", func(t *testing.T) {
		f.code.commit("dev1", "UP", map[string]string{"src/main.lua": "local t\nt.x = 1\n"})
		v := f.order(Order{Deploy: &Deploy{}})
		wantFailed(t, v, "v6: health GET /hhl: 500", "v6 is left live")
		wantOutput(t, v, "main.lua:2: attempt to index local 't'")
		if r := f.newest(); r.Result != release.Failed || !r.Live || r.Error == "" {
			t.Errorf("got %+v", r)
		}
	})
	t.Run("broken code goes back by itself if that is asked for", func(t *testing.T) {
		f.must(Order{Rollback: &Rollback{}})
		f.answers("one")
		f.c.cfg.Deploys["socketserver"] = Proof{Health: "/hhl", AutoRollback: true}
		v := f.order(Order{Deploy: &Deploy{}})
		wantFailed(t, v, "v8: health GET /hhl: 500", "rolled back to v7, which is live again as v9")
		wantOutput(t, v, "FAILED: v8", "rolling back to v7")
		f.answers("one")
		if v.Release != 8 {
			t.Errorf("got release %d, want 8", v.Release)
		}
	})
	t.Run("nothing unsafe is deployed, and nothing changes", func(t *testing.T) {
		blob := f.code.git("/etc/passwd", "hash-object", "-w", "--stdin")
		f.code.git(fmt.Sprintf("commit refs/heads/dev2\ncommitter D <d@x> 1700000000 +0000\ndata 2\nUP\nM 120000 %s src/leak.lua\n", blob), "fast-import", "--quiet")
		wantFailed(t, f.order(Order{Deploy: &Deploy{Rev: "dev2"}}), `"src/leak.lua" is refused: it is a symbolic link`, "what was live stays live")
		f.code.commit("dev3", "UP", map[string]string{"README.md": "only"})
		wantFailed(t, f.order(Order{Deploy: &Deploy{Rev: "dev3"}}), "has no files below src/")
		f.answers("one")
		if r := f.newest(); r.Result != release.Failed || r.Kept || r.Live {
			t.Errorf("got %+v", r)
		}
	})
	t.Run("two orders at once are carried out one after the other", func(t *testing.T) {
		a := f.code.commit("dev1", "UP", answering("a"))
		b := f.code.commit("dev1", "UP", answering("b"))
		first := order(t, f.c, Order{Instance: f.in.Name, By: "dev1", Deploy: &Deploy{Rev: a}})
		second := order(t, f.c, Order{Instance: f.in.Name, By: "dev2", Deploy: &Deploy{Rev: b}})
		if v := finish(t, first); v.State != JobSucceeded {
			t.Errorf("got %+v", v)
		}
		if v := finish(t, second); v.State != JobSucceeded {
			t.Errorf("got %+v", v)
		}
		f.answers("b")
	})
	t.Run("with the code cache on it is reloaded", func(t *testing.T) {
		edit(t, f.in, "lua_code_cache off", "lua_code_cache on")
		mustDo(t, f.c, f.in.Name, Reload)
		f.answers("b")
		f.code.commit("dev1", "UP", answering("cached"))
		wantOutput(t, f.must(Order{Deploy: &Deploy{}}), "reloaded: workers")
		f.answers("cached")
	})
}

// The figure that a pusher waits for: a thousand files out of git, in place and
// live.
func BenchmarkDeployOfAThousandFiles(b *testing.B) {
	need(b, "git")
	dir := b.TempDir()
	repo := repository{b, filepath.Join(dir, "git", "socketserver.git")}
	if err := makeDirs(repo.dir); err != nil {
		b.Fatal(err)
	}
	repo.git("", "init", "-q", "--bare", "-b", "master", ".")
	files := map[string]string{}
	for i := range 1000 {
		files[fmt.Sprintf("src/dir%02d/file%03d.lua", i%40, i)] = strings.Repeat(fmt.Sprintf("-- line of file %d\n", i), 100)
	}
	repo.commit("dev1", "UP", files)
	in := Layout{Root: filepath.Join(dir, "hhl")}.withDefaults().nginxInstance("socketserver", "dev1")
	c, err := NewController(Config{Instances: []Instance{in}, Repositories: filepath.Dir(repo.dir)})
	if err != nil {
		b.Fatal(err)
	}
	ran := make(chan error, 1)
	go func() { ran <- c.Run(context.Background()) }()
	for b.Loop() {
		j, err := c.Order(Order{Instance: in.Name, By: "dev1", Deploy: &Deploy{}})
		if err != nil {
			b.Fatal(err)
		}
		for from, done := 0, false; !done; {
			var lines []string
			if lines, done, err = j.Wait(context.Background(), from); err != nil {
				b.Fatal(err)
			}
			from += len(lines)
		}
		if v := j.View(); v.State != JobSucceeded {
			b.Fatal(v.Error)
		}
	}
	if err := errors.Join(c.Close(), <-ran); err != nil {
		b.Fatal(err)
	}
}
