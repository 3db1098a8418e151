// Package files finds files in folders of any name: in filepath.Glob the name of
// the folder is a part of the pattern.
package files

import (
	"io/fs"
	"os"
	"path/filepath"
)

// Glob returns the paths of what is in dir and matches the pattern, which is
// relative to it and valid. They are sorted. A folder that cannot be read has
// none.
func Glob(dir, pattern string) []string {
	names, _ := fs.Glob(os.DirFS(dir), pattern)
	for i, name := range names {
		names[i] = filepath.Join(dir, filepath.FromSlash(name))
	}
	return names
}
