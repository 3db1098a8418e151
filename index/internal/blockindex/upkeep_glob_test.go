package blockindex

import (
	"os"
	"path/filepath"
	"testing"
)

// TestOlderIndexesAreRemovedWhateverTheFolderIsCalled: the data folder's name is
// a part of the pattern.
func TestOlderIndexesAreRemovedWhateverTheFolderIsCalled(t *testing.T) {
	parent := t.TempDir()
	other := filepath.Join(parent, "a", "bleve-1")
	mine := filepath.Join(parent, "[ab]", "bleve-1")
	for _, dir := range []string{other, mine} {
		if err := os.MkdirAll(dir, 0o750); err != nil {
			t.Fatal(err)
		}
	}
	if err := RemoveOlder(filepath.Join(parent, "[ab]", Folder)); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(mine); err == nil {
		t.Error("the older index is still there")
	}
	if _, err := os.Stat(other); err != nil {
		t.Error("that of another store is gone")
	}
}
