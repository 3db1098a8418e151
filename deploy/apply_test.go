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
	f.answers("one")
	wantOutput(t, f.must(Order{Apply: &Apply{}}), "has this configuration already")
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
		wantFailed(t, v, "still could not bind()", "the old configuration is RESTORED and serves")
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
	if _, err := f.c.Preview(t.Context(), Order{Instance: f.in.Name, Action: Start}); err == nil {
		t.Error("a start has a preview")
	}
	if r := f.newest(); r.Number != 2 {
		t.Errorf("the previews made releases: %+v", r)
	}
}
