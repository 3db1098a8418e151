package deploy

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tagtail/tagtail/deploy/gitrepo"
	"github.com/tagtail/tagtail/deploy/release"
)

func (f *field) conf() string {
	f.t.Helper()
	b, err := os.ReadFile(f.in.Conf)
	if err != nil {
		f.t.Fatal(err)
	}
	return string(b)
}

func (f *field) preview(o Order) Preview {
	f.t.Helper()
	o.Instance = f.in.Name
	p, err := f.c.Preview(f.t.Context(), o)
	if err != nil {
		f.t.Fatal(err)
	}
	return p
}

func TestAConfigurationIsAppliedAndTakenBack(t *testing.T) {
	f := newField(t)
	f.code.commit("dev1", "UP", answering("one"))
	f.must(Order{Deploy: &Deploy{}})
	mustDo(t, f.c, f.in.Name, Start)
	f.answers("one")
	pid := statusOf(t, f.c, f.in.Name).PID
	extra := freePort(t)
	busy := f.busy.Addr().(*net.TCPAddr).Port
	other := strings.Replace(templateWithExtra, "1024", "512", 1)
	good := f.ctrl.commit("master", "fewer connections", f.templates(other, "off", extra))

	before := f.conf()
	p := f.preview(Order{Apply: &Apply{}})
	if !strings.Contains(p.Config, "\n-events { worker_connections  1024; }\n+events { worker_connections  512; }\n") || !p.Reload || p.SHA != good {
		t.Errorf("got the preview %+v", p)
	}
	if f.conf() != before {
		t.Error("the preview changes the configuration")
	}
	v := f.must(Order{Apply: &Apply{SHA: good}, Via: "push"})
	wantOutput(t, v, "+events { worker_connections  512; }", "wrote "+f.in.Conf, "reloaded: workers")
	if r := f.newest(); r.Kind != release.Config || r.Number != 2 || r.SHA != good || r.Result != release.Succeeded || r.Live || v.Release != 2 {
		t.Errorf("got %+v", r)
	}
	for _, name := range []string{"000002-nginx.conf", "000002-before-nginx.conf"} {
		if _, err := os.Stat(filepath.Join(f.in.Prefix, "conf/history", name)); err != nil {
			t.Error(err)
		}
	}
	if p, err := f.c.Compare(t.Context(), f.in.Name, 2); err != nil || p.Config != "" || p.Kind != ConfigJob {
		t.Errorf("the running configuration is compared as %+v, %v", p, err)
	}
	f.answers("one")
	wantOutput(t, f.must(Order{Apply: &Apply{}}), "has this configuration already")
	t.Run("a file that was never loaded is loaded", func(t *testing.T) {
		f.ctrl.commit("master", "256 connections", f.templates(strings.Replace(other, "512", "256", 1), "off", extra))
		repo, commit, err := f.c.serverctrl(t.Context(), "")
		if err != nil {
			t.Fatal(err)
		}
		next, err := f.c.renderAt(t.Context(), f.in, repo, commit.SHA)
		if err != nil {
			t.Fatal(err)
		}
		writeTestFile(t, f.in.Conf, string(next.text)) // and Tagtail is killed
		wantOutput(t, f.must(Order{Apply: &Apply{}}), "what runs is not what the file says", "reloaded: workers")
		if out := strings.Join(f.must(Order{Apply: &Apply{}}).Output, "\n"); strings.Contains(out, "HUP") {
			t.Errorf("it is loaded again:\n%s", out)
		}
	})
	now := f.conf()
	unchanged := func(t *testing.T) {
		t.Helper()
		if f.conf() != now {
			t.Error("the configuration is another one")
		}
		f.answers("one")
		if st := statusOf(t, f.c, f.in.Name); st.State != Running || st.PID != pid {
			t.Errorf("got %s, process %d, want %d running", st.State, st.PID, pid)
		}
		if _, err := os.Stat(f.in.Conf + ".new"); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("the staged configuration is left: %v", err)
		}
	}

	t.Run("nginx refuses it", func(t *testing.T) {
		f.ctrl.commit("master", "broken", f.templates(strings.Replace(other, "listen ", "lisdn ", 1), "off", extra))
		wantFailed(t, f.order(Order{Apply: &Apply{}}), `unknown directive "lisdn"`, "the old configuration goes on serving")
		unchanged(t)
	})
	t.Run("it does not render", func(t *testing.T) {
		sha := f.ctrl.commit("master", "typo", f.templates(strings.Replace(other, "$LISTEN", "$LISTNE", 1), "off", extra))
		wantFailed(t, f.order(Order{Apply: &Apply{}}), "nginx.socketserver.templ.conf:8:", "LISTNE")
		repo, err := gitrepo.Open(f.ctrl.dir)
		if err != nil {
			t.Fatal(err)
		}
		if err := f.c.Render(t.Context(), sha, repo); err == nil || !strings.Contains(err.Error(), "LISTNE") {
			t.Errorf("Render: got %v", err)
		}
		if err := f.c.Render(t.Context(), good, repo); err != nil {
			t.Errorf("Render: got %v, want nil", err)
		}
		if _, err := f.c.Preview(t.Context(), Order{Instance: f.in.Name, Apply: &Apply{}}); err == nil || !strings.Contains(err.Error(), "LISTNE") {
			t.Errorf("Preview: got %v", err)
		}
		unchanged(t)
	})
	t.Run("its port is in use", func(t *testing.T) {
		files := f.templates(other, "off", extra)
		files["nginx.socketserver.sub.py"] = strings.Replace(files["nginx.socketserver.sub.py"], fmt.Sprintf("'LISTEN': %d", f.in.Port), fmt.Sprintf("'LISTEN': %d", busy), 1)
		f.ctrl.commit("master", "another port", files)
		wantFailed(t, f.order(Order{Apply: &Apply{}}), fmt.Sprintf("port %d is in use by process %d", busy, os.Getpid()))
		unchanged(t)
	})
	t.Run("the reload is accepted and then cannot bind", func(t *testing.T) {
		f.ctrl.commit("master", "a busy port", f.templates(other, "off", busy))
		v := f.order(Order{Apply: &Apply{}})
		wantFailed(t, v, "still could not bind(); the old configuration is RESTORED and serves")
		if n := strings.Count(strings.Join(v.Output, "\n")+v.Error, "goes on serving"); n > 0 {
			t.Errorf("what serves is told %d times more:\n%s\n%s", n, strings.Join(v.Output, "\n"), v.Error)
		}
		wantOutput(t, v, "FAILED: ", "RESTORED: "+f.in.Conf)
		if r := f.newest(); r.Result != release.Failed {
			t.Errorf("got %+v", r)
		}
		unchanged(t)
	})
	t.Run("only master counts", func(*testing.T) {
		sha := f.ctrl.commit("dev1", "mine", f.templates("user root;\n"+other, "off", extra))
		f.refused(Order{Apply: &Apply{SHA: sha}}, "no commit of serverctrl's master")
		f.refused(Order{Apply: &Apply{SHA: "--all"}}, "no commit of serverctrl's master")
	})
}

func TestAPreviewOfCodeListsTheFilesAndChangesNothing(t *testing.T) {
	f := newField(t)
	f.code.commit("dev1", "UP", answering("one"))
	if p := f.preview(Order{Deploy: &Deploy{}}); cmp.Diff(p.Added, []string{"answer.lua", "main.lua"}) != "" {
		t.Errorf("got %+v", p)
	}
	f.must(Order{Deploy: &Deploy{}})
	mustDo(t, f.c, f.in.Name, Test) // writes the configuration
	next := f.code.commit("dev1", "UP 2", map[string]string{"src/new/x.lua": "x", "src/answer.lua": "return 'two'", "README.md": "changed"})
	p := f.preview(Order{Deploy: &Deploy{}})
	for _, part := range []string{"@@ -1,1 +1,1 @@\n-return \"one\"\n+return 'two'\n", "--- /dev/null\n+++ new/x.lua\n@@ -0,0 +1,1 @@\n+x\n", "-ngx.say(require('answer'))\n"} {
		if !strings.Contains(p.Code, part) {
			t.Errorf("got the change of the code\n%s\nwant %q in it", p.Code, part)
		}
	}
	p.Code = ""
	want := Preview{
		Instance: f.in.Name, Kind: DeployJob, SHA: next, Subject: "UP 2",
		Added: []string{"new/x.lua"}, Changed: []string{"answer.lua"}, Removed: []string{"main.lua"},
		Warnings: []string{"src/main.lua of content_by_lua_file is not among the files", f.in.Name + " does not run"},
	}
	if diff := cmp.Diff(p, want); diff != "" {
		t.Error(diff)
	}
	f.order(Order{Deploy: &Deploy{}})
	if p := f.preview(Order{Rollback: &Rollback{}}); p.Kind != RollbackJob || cmp.Diff(p.Added, []string{"main.lua"}) != "" || len(p.Removed) != 1 {
		t.Errorf("got %+v", p)
	}
	if p := f.preview(Order{Deploy: &Deploy{}}); len(p.Added)+len(p.Changed)+len(p.Removed) != 0 || p.Warnings[0] != "these files are live already" {
		t.Errorf("got %+v", p)
	}
	compare := func(number int) Preview {
		t.Helper()
		p, err := f.c.Compare(t.Context(), f.in.Name, number)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	if p := compare(1); p.SHA == next || cmp.Diff(p.Added, []string{"main.lua"}) != "" || !strings.Contains(p.Code, "-return 'two'\n") || p.Kind != DeployJob {
		t.Errorf("v1 is compared as %+v", p)
	}
	if p := compare(2); p.Code != "" || len(p.Added) != 0 {
		t.Errorf("what is live is compared as %+v", p)
	}
	if _, err := f.c.Compare(t.Context(), f.in.Name, 9); err == nil || !strings.Contains(err.Error(), "has no release v9") {
		t.Errorf("got %v", err)
	}
	why, err := f.c.Refusals(t.Context(), f.in.Name)
	if want := map[JobKind]string{DeployJob: "", RollbackJob: "", ConfigJob: why[ConfigJob]}; err != nil || cmp.Diff(why, want) != "" || !strings.Contains(why[ConfigJob], "the templates cannot be read") {
		t.Errorf("got %v, %v", why, err)
	}
	if live := statusOf(t, f.c, f.in.Name).Live; live.Number != 2 || live.SHA != next {
		t.Errorf("the status has the live release %+v", live)
	}
	if _, err := f.c.Preview(t.Context(), Order{Instance: f.in.Name, Action: Start}); err == nil {
		t.Error("a start has a preview")
	}
	if r := f.newest(); r.Number != 2 {
		t.Errorf("the previews made releases: %+v", r)
	}
}

func TestARedisConfigurationIsAppliedForTheNextStart(t *testing.T) {
	need(t, "redis-server")
	w := newWorld(t)
	repo := w.repository("serverctrl")
	port := freePort(t)
	files := map[string]string{
		"redis.templ.conf": w.original("redis.templ.conf"),
		"redis.sub.py":     fmt.Sprintf("{'master':{'PORT':1,'BIND':'127.0.0.1'}, 'dev1':{'PORT':%d}}", port),
	}
	for name, text := range files {
		w.write(name, text)
	}
	repo.commit("master", "first", files)
	all := w.load()
	f := &field{world: w, in: all[len(all)-1]}
	f.c = w.control(all, func(cfg *Config) { cfg.Repositories, cfg.Layout = filepath.Dir(repo.dir), w.layout })

	wantOutput(t, f.must(Order{Apply: &Apply{}}), "does not run; it has the new configuration when it is started")
	mustDo(t, f.c, f.in.Name, Start)
	files["redis.templ.conf"] = strings.Replace(files["redis.templ.conf"], "databases 16", "databases 8", 1)
	repo.commit("master", "fewer databases", files)
	if p := f.preview(Order{Apply: &Apply{}}); !strings.Contains(p.Config, "-databases 16\n+databases 8\n") || p.Reload {
		t.Errorf("got the preview %+v", p)
	}
	wantOutput(t, f.must(Order{Apply: &Apply{}}), "runs with the old configuration until it is restarted")
	mustDo(t, f.c, f.in.Name, Restart)
	client, err := dialRedis(fmt.Sprintf("127.0.0.1:%d", f.in.Port), "", redisReplyLimit)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if _, err := client.do("SELECT", "8"); err == nil {
		t.Error("it still has more than 8 databases")
	}
	if r := f.newest(); r.Number != 2 || r.Kind != release.Config || r.Result != release.Succeeded {
		t.Errorf("got %+v", r)
	}
	f.refused(Order{Deploy: &Deploy{}}, "which has no code to deploy")
	mustDo(t, f.c, f.in.Name, Stop)
}

func TestTheHistoryOfConfigurationsIsBounded(t *testing.T) {
	in := Instance{Name: "a/dev1", Conf: filepath.Join(t.TempDir(), "conf/nginx.conf")}
	for number := 1; number <= keepConfigurations; number++ {
		r := rendered{in: in, text: []byte("new"), old: []byte("old")}
		if err := (account{}).keepHistory(r, number); err != nil {
			t.Fatal(err)
		}
	}
	kept, err := filepath.Glob(filepath.Join(filepath.Dir(in.Conf), "history/*"))
	if err != nil {
		t.Fatal(err)
	}
	if len(kept) != keepConfigurations || filepath.Base(kept[0]) != "000026-before-nginx.conf" || filepath.Base(kept[len(kept)-1]) != "000050-nginx.conf" {
		t.Errorf("got %d from %s to %s", len(kept), kept[0], kept[len(kept)-1])
	}
}
