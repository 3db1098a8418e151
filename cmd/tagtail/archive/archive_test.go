package archive

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// makeTar is a backup of files, of which those whose names begin with "fixed" are.
func makeTar(t *testing.T, have map[string]int64, files map[string]string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := NewWriter(&b, "1.2.3", have)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		f := File{Name: name, Size: int64(len(files[name])), Mode: 0o640, Fixed: strings.HasPrefix(name, "fixed"), Content: strings.NewReader(files[name])}
		if err := w.Add(f); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func contents(t *testing.T, from string) map[string]string {
	t.Helper()
	got := map[string]string{}
	if _, err := Each(from, nil, func(f File) error {
		text, err := io.ReadAll(f.Content)
		got[f.Name] = string(text)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return got
}

func save(t *testing.T, dir string, files map[string]string) Saved {
	t.Helper()
	have, err := Have(dir)
	if err != nil {
		t.Fatal(err)
	}
	saved, err := Save(dir, bytes.NewReader(makeTar(t, have, files)))
	if err != nil {
		t.Fatal(err)
	}
	return saved
}

func TestAFolderHasTheLastBackupAndNothingElse(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	first := map[string]string{"fixed/a/1": "one", "fixed/b/2": "two", "data/x": "old", "data/gone": "y"}
	if saved := save(t, dir, first); saved.New != saved.Bytes() || saved.New != 10 {
		t.Errorf("new %d of %d bytes, want all 10", saved.New, saved.Bytes())
	}
	if diff := cmp.Diff(first, contents(t, dir)); diff != "" {
		t.Errorf("first (-want +got):\n%s", diff)
	}
	second := map[string]string{"fixed/a/1": "one", "fixed/c/3": "three", "data/x": "new"}
	if saved := save(t, dir, second); saved.New != int64(len("three")+len("new")) {
		t.Errorf("new %d bytes, want what was not there", saved.New)
	}
	if diff := cmp.Diff(second, contents(t, dir)); diff != "" {
		t.Errorf("second (-want +got):\n%s", diff)
	}
	for _, gone := range []string{"fixed/b/2"} {
		if _, err := os.Stat(filepath.Join(dir, gone)); err == nil {
			t.Errorf("%s is still there", gone)
		}
	}
	if states, _ := filepath.Glob(filepath.Join(dir, stateStart+"*")); len(states) != 1 {
		t.Errorf("states %v, want one", states)
	}
}

// Wherever the stream of the second backup ends, the first is still whole.
func TestABackupThatBreaksOffLeavesTheOneBefore(t *testing.T) {
	dir := t.TempDir()
	first := map[string]string{"fixed/1": "one", "data/x": "old"}
	save(t, dir, first)
	have, err := Have(dir)
	if err != nil {
		t.Fatal(err)
	}
	whole := makeTar(t, have, map[string]string{"fixed/1": "one", "fixed/2": strings.Repeat("two", 400), "data/x": "new", "data/y": "more"})
	end := bytes.Index(whole, []byte(`"changing"`)) // of the manifest
	for n := 0; n < end; n += 97 {
		if _, err := Save(dir, bytes.NewReader(whole[:n])); err == nil || !strings.Contains(err.Error(), "not whole") {
			t.Fatalf("%d of %d bytes: error %v", n, len(whole), err)
		}
		if diff := cmp.Diff(first, contents(t, dir)); diff != "" {
			t.Fatalf("after %d bytes (-want +got):\n%s", n, diff)
		}
	}
	if _, err := Save(dir, bytes.NewReader(whole)); err != nil {
		t.Fatal(err)
	}
}

func TestHostileTarsAreRefused(t *testing.T) {
	dir := t.TempDir()
	for _, header := range []*tar.Header{
		{Name: "../x", Typeflag: tar.TypeReg}, {Name: "/etc/x", Typeflag: tar.TypeReg}, {Name: "a/../../x", Typeflag: tar.TypeReg},
		{Name: "link", Typeflag: tar.TypeSymlink, Linkname: "/etc"}, {Name: "hard", Typeflag: tar.TypeLink, Linkname: "/etc/passwd"}, {Name: "dir/", Typeflag: tar.TypeDir},
	} {
		var b bytes.Buffer
		w := tar.NewWriter(&b)
		if err := errors.Join(w.WriteHeader(header), w.Close()); err != nil {
			t.Fatal(err)
		}
		if _, err := Save(filepath.Join(dir, "to"), &b); err == nil || !strings.Contains(err.Error(), "which is no file of a backup") {
			t.Errorf("%s: error %v", header.Name, err)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*")); len(left) > 1 {
		t.Errorf("there are %v", left)
	}
	text := `{"version":1,"state":"state-x","fixed":{"../../etc/passwd":1},"changing":{}}`
	if err := os.WriteFile(filepath.Join(dir, "to", manifestName), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Each(filepath.Join(dir, "to"), nil, func(File) error { return nil }); err == nil {
		t.Error("a manifest that leads out of the folder is read")
	}
}

func TestAFolderOfSomethingElseIsLeftAlone(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "thesis.tex"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Have(dir); err == nil || !strings.Contains(err.Error(), "thesis.tex") {
		t.Errorf("error %v, want that there is something else", err)
	}
}
