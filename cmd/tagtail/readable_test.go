package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestFolderThatNginxsWorkersCannotEnterIsNamed(t *testing.T) {
	closed := filepath.Join(t.TempDir(), "closed")
	if err := os.Mkdir(closed, 0o700); err != nil {
		t.Fatal(err)
	}
	cfg := config{Root: filepath.Join(closed, "not", "there", "yet")}
	if err := cfg.checkReadable(0); err == nil || !strings.Contains(err.Error(), "chmod o+x "+closed) {
		t.Errorf("root is told %v", err)
	}
	if err := cfg.checkReadable(1000); err != nil {
		t.Errorf("others, whose workers are themselves, are told %v", err)
	}
	cfg.Root = "/"
	if err := cfg.checkReadable(0); err != nil {
		t.Errorf("of a folder that all can enter, root is told %v", err)
	}
}
