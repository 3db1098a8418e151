package index

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/tagtail/tagtail/index/internal/block"
)

// purgeName is the file that says what is being purged, while that goes on.
const purgeName = "PURGE"

// writePurge writes it down durably.
func writePurge(dir string, p purge) error {
	text, err := json.Marshal(p)
	if err != nil {
		return err
	}
	if err := block.WriteFile(filepath.Join(dir, purgeName), append(text, '\n')); err != nil {
		return err
	}
	return block.SyncDir(dir)
}

// readPurge returns nil if nothing is being purged.
func readPurge(dir string) (*purge, error) {
	path := filepath.Join(dir, purgeName)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	p := new(purge)
	if err := json.Unmarshal(text, p); err != nil || p.Instance == "" {
		return nil, fmt.Errorf("%s says nothing that can be read: delete it, and purge again: %w", path, err)
	}
	return p, nil
}

func removePurge(dir string) error {
	if err := removeFile(filepath.Join(dir, purgeName)); err != nil {
		return err
	}
	return block.SyncDir(dir)
}
