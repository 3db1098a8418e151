package index

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/tagtail/tagtail/index/internal/block"
	"github.com/tagtail/tagtail/index/internal/files"
	"github.com/tagtail/tagtail/index/internal/filter"
)

// importSuffix ends the name of a file that tells how far an import has come.
const importSuffix = ".json"

// importFile is what is known of an import.
type importFile struct {
	// State is the importer's own.
	State json.RawMessage `json:"state,omitempty"`
	// Pending are the blocks that belong to the next State, and are deleted by who
	// finds them here.
	Pending []string `json:"pending,omitempty"`
}

func importsDir(dir string) string { return filepath.Join(dir, "imports") }

func importPath(dir, id string) (string, error) {
	if id == "" || strings.Trim(id, "0123456789abcdefghijklmnopqrstuvwxyz-") != "" || len(id) > 100 {
		return "", fmt.Errorf("%q names no import: it has to be of digits and small letters", id)
	}
	return filepath.Join(importsDir(dir), id+importSuffix), nil
}

// readImport returns nil if there is none.
func readImport(path string) (*importFile, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	f := new(importFile)
	if err := json.Unmarshal(text, f); err != nil {
		return nil, fmt.Errorf("%s says nothing that can be read: delete it to import that file from its beginning: %w", path, err)
	}
	return f, nil
}

// write is durable when it returns.
func (f *importFile) write(path string) error {
	text, err := json.Marshal(f)
	if err != nil {
		return err
	}
	dir := filepath.Dir(path)
	if _, err := os.Stat(dir); err != nil {
		if err := os.MkdirAll(dir, 0o750); err != nil {
			return err
		}
		if err := block.SyncDir(filepath.Dir(dir)); err != nil {
			return err
		}
	}
	if err := block.WriteFile(path, append(text, '\n')); err != nil {
		return err
	}
	return block.SyncDir(dir)
}

// undo deletes the pending blocks, whose State was never written.
func (f *importFile) undo(dir string) error {
	touched := make(map[string]bool)
	for _, name := range f.Pending {
		folder, file := filepath.Split(name)
		if _, _, ok := block.ParseFileName(file); !ok || strings.Trim(folder, "0123456789-/") != "" {
			return fmt.Errorf("%q is the name of no block", name)
		}
		path := filepath.Join(dir, "days", name)
		for _, old := range []string{strings.TrimSuffix(path, block.Suffix) + filter.Suffix, path} {
			if err := removeFile(old); err != nil {
				return err
			}
		}
		touched[filepath.Dir(path)] = true
	}
	for folder := range touched {
		if err := syncDirIfThere(folder); err != nil {
			return err
		}
	}
	return nil
}

// importFiles reads the files of all imports, by name.
func (s *Store) importFiles() (map[string][]byte, error) {
	all := make(map[string][]byte)
	for _, path := range files.Glob(importsDir(s.cfg.Dir), "*"+importSuffix) {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		all[filepath.Base(path)] = text
	}
	return all, nil
}

// settleImports deletes what imports that were broken off have begun to write.
// Nobody has read the blocks yet.
func settleImports(dir string) error {
	for _, path := range files.Glob(importsDir(dir), "*"+importSuffix) {
		f, err := readImport(path)
		if err != nil || f == nil || len(f.Pending) == 0 {
			continue // who goes on with it is told
		}
		if err := f.undo(dir); err != nil {
			return fmt.Errorf("undo the import in %s: %w", path, err)
		}
		f.Pending = nil
		if f.State == nil {
			err = removeFile(path)
		} else {
			err = f.write(path)
		}
		if err != nil {
			return fmt.Errorf("undo the import in %s: %w", path, err)
		}
	}
	return nil
}
