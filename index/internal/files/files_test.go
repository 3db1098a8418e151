package files

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestGlobTakesTheNameOfTheFolderAsItIs(t *testing.T) {
	parent := t.TempDir()
	for _, name := range []string{"[ab]/1.x", "[ab]/d/2.x", "a/3.x"} {
		path := filepath.Join(parent, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	dir := filepath.Join(parent, "[ab]")
	for pattern, want := range map[string][]string{
		"*.x":   {filepath.Join(dir, "1.x")},
		"*/*.x": {filepath.Join(dir, "d", "2.x")},
		"*.y":   nil,
	} {
		if diff := cmp.Diff(want, Glob(dir, pattern)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", pattern, diff)
		}
	}
	if got := Glob(filepath.Join(parent, "none"), "*"); len(got) > 0 {
		t.Errorf("a folder that is not there has %v", got)
	}
}
