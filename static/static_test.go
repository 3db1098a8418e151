package static

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// names are the files that the binary carries.
func names(t *testing.T) []string {
	t.Helper()
	var names []string
	err := fs.WalkDir(Files(), ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			names = append(names, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func TestOnlyWhatTheBrowserLoadsIsEmbedded(t *testing.T) {
	wanted := regexp.MustCompile(`^(index\.html|login\.html|icon\.svg|css/[a-z]+\.css|js/([a-z]+/)?[a-z]+\.js)$`)
	for _, name := range names(t) {
		if !wanted.MatchString(name) {
			t.Errorf("%s is embedded", name)
		}
	}
}

// What is not named in index.html is asked for only when the module that imports
// it has come, one journey after the other.
func TestIndexNamesEveryModuleOfTheFirstScreen(t *testing.T) {
	imports := regexp.MustCompile(`(?m)^(?:import|export) [^'\n]*from '(\.[^']*)';$`)
	var wanted []string
	var visit func(name string)
	visit = func(name string) {
		if slices.Contains(wanted, name) {
			return
		}
		wanted = append(wanted, name)
		text, err := fs.ReadFile(Files(), name)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range imports.FindAllStringSubmatch(string(text), -1) {
			visit(path.Join(path.Dir(name), match[1]))
		}
	}
	visit("js/app.js")
	page, err := fs.ReadFile(Files(), "index.html")
	if err != nil {
		t.Fatal(err)
	}
	got := []string{"js/app.js"}
	for _, match := range regexp.MustCompile(`<link rel="modulepreload" href="static/([^"]*)">`).FindAllStringSubmatch(string(page), -1) {
		got = append(got, match[1])
	}
	slices.Sort(got)
	slices.Sort(wanted)
	if diff := cmp.Diff(wanted, got); diff != "" {
		t.Errorf("index.html names other modules than app.js imports (-imported +named):\n%s", diff)
	}
}

func TestEveryReferenceIsRelativeAndExists(t *testing.T) {
	references := map[string]*regexp.Regexp{
		".html": regexp.MustCompile(`(?:src|href)="([^"]*)"`),
		".js":   regexp.MustCompile(`(?m)^import .* from '([^']*)';$`),
		".css":  regexp.MustCompile(`url\(([^)]*)\)`),
	}
	for _, name := range names(t) {
		re, ok := references[path.Ext(name)]
		if !ok {
			continue
		}
		text, err := fs.ReadFile(Files(), name)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range re.FindAllStringSubmatch(string(text), -1) {
			target := match[1]
			if target == "./" {
				continue // the page itself
			}
			if strings.HasPrefix(target, "/") || strings.Contains(target, ":") {
				t.Errorf("%s refers to %s, which is not relative", name, target)
				continue
			}
			target = path.Join(path.Dir(name), strings.TrimPrefix(target, "static/"))
			if _, err := fs.Stat(Files(), target); err != nil {
				t.Errorf("%s refers to %s: %v", name, match[1], err)
			}
		}
	}
}

func TestNothingTurnsTextIntoMarkup(t *testing.T) {
	forbidden := regexp.MustCompile(`innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|createContextualFragment|srcdoc|\beval\(|new Function|setAttribute\('(?:style|on)|\sstyle="|\son[a-z]+="`)
	for _, name := range names(t) {
		text, err := fs.ReadFile(Files(), name)
		if err != nil {
			t.Fatal(err)
		}
		if found := forbidden.Find(text); found != nil {
			t.Errorf("%s has %q", name, found)
		}
	}
}

func TestPureParts(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("no node in PATH: install nodejs")
		}
		t.Skip("no node in PATH: install nodejs to run the page's own tests")
	}
	files, err := filepath.Glob("test/*.test.js")
	if err != nil || len(files) == 0 {
		t.Fatalf("no tests in test/: %v", err)
	}
	// `node --test` would start a process for each of the files.
	var all strings.Builder
	for _, file := range files {
		fmt.Fprintf(&all, "import './%s';\n", file)
	}
	out, err := exec.Command(node, "--input-type=module", "--eval", all.String()).CombinedOutput()
	if err != nil {
		t.Errorf("node: %v\n%s", err, out)
	}
}
