package seed

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tagtail/tagtail/deploy"
)

func TestSamplesRenderForEverybody(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "git")
	owners := []string{"dev1", "dev2"}
	made, err := Make(t.Context(), dir, Config{Owners: owners})
	if err != nil {
		t.Fatal(err)
	}
	want := []Made{{"serverctrl", true}, {"lib", true}, {"socketserver", true}, {"dtserver", true}, {"httpserver", true}}
	if diff := cmp.Diff(want, made); diff != "" {
		t.Errorf("made (-want +got):\n%s", diff)
	}
	work := t.TempDir()
	run(t, "clone", "-q", filepath.Join(dir, "serverctrl.git"), work)
	instances, problems, err := deploy.LoadServerctrl(work, deploy.Layout{Root: "/srv/instances", RedisRoot: "/srv/redis"})
	if err != nil || len(problems) > 0 {
		t.Fatalf("%v, problems %v", err, problems)
	}
	ports := map[int]string{}
	for _, in := range instances {
		if other := ports[in.Port]; other != "" {
			t.Errorf("%s has the port of %s", in.Name, other)
		}
		ports[in.Port] = in.Name
		if _, err := deploy.Render(in, work, deploy.RenderOptions{Syslog: "127.0.0.1:5514"}); err != nil {
			t.Errorf("render %s: %v", in.Name, err)
		}
	}
	if len(instances) != 12 {
		t.Errorf("%d instances, want 4 services of 3", len(instances))
	}
}

func TestSomeServicesWithPortsOfTheirOwn(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "git")
	cfg := Config{Owners: []string{"dev1"}, Services: []string{"dtserver"}, Port: func(string, string) int { return 12345 }}
	made, err := Make(t.Context(), dir, cfg)
	if err != nil || len(made) != 3 {
		t.Fatalf("made %v %v, want serverctrl, lib, dtserver", made, err)
	}
	files := run(t, "--git-dir", filepath.Join(dir, "serverctrl.git"), "ls-tree", "--name-only", "dev1")
	if want := "README.md\nnginx.dtserver.sub.py\nnginx.dtserver.templ.conf\n"; files != want {
		t.Errorf("files are\n%swant\n%s", files, want)
	}
	values := run(t, "--git-dir", filepath.Join(dir, "serverctrl.git"), "show", "dev1:nginx.dtserver.sub.py")
	if !strings.Contains(values, "'dev1': {'LISTEN': 12345},") {
		t.Errorf("values are\n%s", values)
	}
}

func TestRepositoriesThatAreThereStayAsTheyAre(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "git")
	if _, err := Make(t.Context(), dir, Config{Owners: []string{"dev1"}}); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(dir, "lib.git")); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "lib.git.new"), 0o700); err != nil { // of a Make that was killed
		t.Fatal(err)
	}
	before := run(t, "--git-dir", filepath.Join(dir, "serverctrl.git"), "for-each-ref")
	made, err := Make(t.Context(), dir, Config{Owners: []string{"dev1", "dev2"}})
	if err != nil {
		t.Fatal(err)
	}
	want := []Made{{"serverctrl", false}, {"lib", true}, {"socketserver", false}, {"dtserver", false}, {"httpserver", false}}
	if diff := cmp.Diff(want, made); diff != "" {
		t.Errorf("made (-want +got):\n%s", diff)
	}
	if after := run(t, "--git-dir", filepath.Join(dir, "serverctrl.git"), "for-each-ref"); after != before {
		t.Errorf("refs are\n%swant\n%s", after, before)
	}
}

func TestDevelopersWithoutABranchNameAreRefused(t *testing.T) {
	for _, owners := range [][]string{nil, {"Dev1"}, {"master"}, {"shared"}, {"../x"}, {"a b"}, strings.Fields("a b c d e f g h i j")} {
		if made, err := Make(t.Context(), t.TempDir(), Config{Owners: owners}); err == nil {
			t.Errorf("%q: made %v", owners, made)
		}
	}
}

func run(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.Command("git", args...).CombinedOutput()
	if err != nil {
		t.Fatalf("git %q: %v\n%s", args, err, out)
	}
	return string(out)
}
