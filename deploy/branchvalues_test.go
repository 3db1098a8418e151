package deploy

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tagtail/tagtail/deploy/gitrepo"
)

// control is a serverctrl with the branch dev1 beginning where master is.
func controlRepository(t *testing.T) (repository, *gitrepo.Repo) {
	t.Helper()
	r := newWorld(t).repository("serverctrl")
	r.commit("master", "begin", controlFiles("'LUA_CODE_CACHE':'on', 'LISTEN':1081", ""))
	r.git("", "branch", "dev1", "master")
	r.git("", "branch", "dev2", "master")
	repo, err := gitrepo.Open(r.dir)
	if err != nil {
		t.Fatal(err)
	}
	return r, repo
}

func controlFiles(dev1, dev2 string) map[string]string {
	return map[string]string{
		"nginx.web.templ.conf": "worker_processes $WORKER_PROCESSES;\nhttp { lua_code_cache $LUA_CODE_CACHE; server { listen $LISTEN; } }\n",
		"nginx.web.sub.py":     "{'master': {'WORKER_PROCESSES':1, 'LUA_CODE_CACHE':'off', 'LISTEN':1080},\n'dev1': {" + dev1 + "},\n'dev2': {" + dev2 + "}}\n",
	}
}

func TestABranchContributesWhatItsOwnerChanged(t *testing.T) {
	r, repo := controlRepository(t)
	own := OwnValues{Names: []string{"LUA_CODE_CACHE", "WORKER_PROCESSES"}}
	master := func() string { return r.git("", "rev-parse", "master") }
	read := func() BranchValues {
		t.Helper()
		v, err := ReadBranchValues(t.Context(), repo, master(), own)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	want := func(want BranchValues) {
		t.Helper()
		if diff := cmp.Diff(want, read()); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	}
	check := func(owner, old, sha string, changed bool, part string) {
		t.Helper()
		got, err := CheckBranch(t.Context(), repo, owner, old, sha, own)
		if got != changed || (err == nil) != (part == "") || err != nil && !strings.Contains(err.Error(), part) {
			t.Errorf("got %t, %v, want %t and %q", got, err, changed, part)
		}
	}
	want(BranchValues{})
	// Others' values, templates and what may not be set are none.
	begin := master()
	one := r.commit("dev1", "four workers", controlFiles("'LUA_CODE_CACHE':'on', 'LISTEN':1081, 'WORKER_PROCESSES': 4", "'WORKER_PROCESSES': 3"))
	check("dev1", begin, one, true, "")
	check("dev1", "", one, true, "")
	want(BranchValues{"dev1": {"web": {"WORKER_PROCESSES": "4"}}})

	// What master changes of the rest wins over the old copy on the branch.
	r.commit("master", "no cache", controlFiles("'LUA_CODE_CACHE':'off', 'LISTEN':2081", ""))
	want(BranchValues{"dev1": {"web": {"WORKER_PROCESSES": "4"}}})

	two := r.commit("dev1", "port", controlFiles("'LUA_CODE_CACHE':'on', 'LISTEN':99, 'WORKER_PROCESSES': 4", ""))
	check("dev1", one, two, false, "LISTEN of dev1 is not to be set on a developer's branch, where LUA_CODE_CACHE, WORKER_PROCESSES may: an administrator pushes it to master")
	want(BranchValues{"dev1": {"web": {"WORKER_PROCESSES": "4"}}})
	three := r.commit("dev1", "reload", controlFiles("'LUA_CODE_CACHE':'on', 'LISTEN':99, 'WORKER_PROCESSES': 4", ""))
	check("dev1", two, three, false, "") // it was there before
	four := r.commit("dev1", "wrong", controlFiles("'WORKER_PROCESSES': 40", ""))
	check("dev1", three, four, false, `nginx.web.sub.py:2:30: WORKER_PROCESSES: value "40" is not a number from 1 to 4`)
	want(BranchValues{})
	five := r.commit("dev1", "broken", map[string]string{"nginx.web.sub.py": "{'master': {"})
	check("dev1", four, five, false, "nginx.web.sub.py:1:")
	want(BranchValues{})

	// A branch that has nothing in common with master has all of its own.
	r.git("", "update-ref", "-d", "refs/heads/dev2")
	alone := r.commit("dev2", "alone", controlFiles("", "'LUA_CODE_CACHE': 'on'"))
	check("dev2", "", alone, true, "")
	want(BranchValues{"dev2": {"web": {"LUA_CODE_CACHE": "on"}}})
	own.Tips = map[string]string{"dev2": master()}
	want(BranchValues{})
	own.Tips, own.Names = nil, nil
	if v := read(); v != nil {
		t.Errorf("without names got %v", v)
	}
	check("dev2", "", alone, false, "where nothing may")
}

func TestValuesOfABranchAreRenderedForItsOwnerOnly(t *testing.T) {
	r, repo := controlRepository(t)
	r.commit("dev1", "four workers", controlFiles("'LUA_CODE_CACHE':'on', 'LISTEN':1081, 'WORKER_PROCESSES': 4", ""))
	own := OwnValues{Names: []string{"LUA_CODE_CACHE", "WORKER_PROCESSES"}}
	sha := r.git("", "rev-parse", "master")
	values, err := ReadBranchValues(t.Context(), repo, sha, own)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	if err := ExportServerctrl(t.Context(), repo, sha, values, root); err != nil {
		t.Fatal(err)
	}
	for owner, want := range map[string]string{"dev1": "worker_processes 4;", "dev2": "worker_processes 1;", "master": "worker_processes 1;"} {
		text, err := Render(Layout{Root: "/opt/hhl"}.nginxInstance("web", owner), dir, RenderOptions{Plain: true})
		if err != nil || !strings.Contains(string(text), want) {
			t.Errorf("%s: got %q, %v, want %q in it", owner, text, err, want)
		}
	}
	if _, problems, err := LoadServerctrl(dir, Layout{Root: "/opt/hhl"}); err != nil || len(problems) > 1 { // dev2 has dev1's base port
		t.Errorf("got %v, %v", problems, err)
	}
	values["dev1"]["web"]["WORKER_PROCESSES"] = "1; include /etc/passwd"
	if err := root.RemoveAll("nginx.web.templ.conf"); err != nil {
		t.Fatal(err)
	}
	again, err := os.OpenRoot(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if err := ExportServerctrl(t.Context(), repo, sha, values, again); err != nil {
		t.Fatal(err)
	}
	if _, err := Render(Layout{Root: "/opt/hhl"}.nginxInstance("web", "dev1"), again.Name(), RenderOptions{}); err == nil || !strings.Contains(err.Error(), "WORKER_PROCESSES of the branch dev1 cannot be used") {
		t.Errorf("got %v", err)
	}
}

func TestValuesChangeNoDirectives(t *testing.T) {
	for _, test := range []struct{ template, filled, want string }{
		{"a $X; http { b $Y; }", "a 1 2; http { b c; }", ""},
		{"$X a; b;", "worker_processes a; b;", ""},
		{"a $X;", "a 1; include /etc/passwd;", "has 2 directives, and without 1"},
		{"$X /etc/passwd;", "include /etc/passwd;", "the value at $X makes it the directive include"},
		{"http { $X x.lua; }", "http { init_by_lua_file x.lua; }", "makes it the directive init_by_lua_file"},
		{"a; b;", "a; c;", "the directive b becomes c"},
	} {
		err := sameDirectives([]byte(test.template), []byte(test.filled))
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s as %s: got %v, want %q", test.template, test.filled, err, test.want)
		}
	}
}
