package journal

import (
	"os"
	"path/filepath"
	"testing"
)

// TestTheHighestNumberIsReadWhateverTheFolderIsCalled: the data folder's name is
// a part of the pattern. Without a frame the name alone keeps numbers from being
// given out again.
func TestTheHighestNumberIsReadWhateverTheFolderIsCalled(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "logs[1]")
	if err := os.Mkdir(dir, 0o750); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{segmentName(42), segmentName(7), "of-somebody-else" + segmentSuffix} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if got := LastName(dir); got != 42 {
		t.Errorf("LastName = %d, want 42", got)
	}
}
