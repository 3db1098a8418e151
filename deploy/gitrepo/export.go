package gitrepo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"
)

// Exported is what Export has written.
type Exported struct {
	Files int
	Bytes int64
}

// Export writes a commit's files below the folder under into dst, which has
// none of them yet. They are the exact bytes of the commit: unlike git archive,
// no .gitattributes leaves files out or rewrites them. Everybody may read them,
// as nginx's workers have to. After an error dst may hold a part of them.
func (r *Repo) Export(ctx context.Context, sha, under string, dst *os.Root) (Exported, error) {
	list, err := r.Files(ctx, sha, under)
	if err != nil || len(list) == 0 {
		return Exported{}, err
	}
	under = strings.Trim(under, "/")
	blobs := make([]string, len(list))
	for i := range list {
		blobs[i] = list[i].Blob
		if under != "" {
			list[i].Path = strings.TrimPrefix(list[i].Path, under+"/")
		}
	}
	w := &treeWriter{root: dst, made: map[string]bool{".": true}}
	var done Exported
	err = r.batch(ctx, blobs, func(i int, o object) error {
		if o.kind != "blob" || o.size != list[i].Size {
			return fmt.Errorf("export %s: git gives a %s of %d bytes, and listed one of %d", list[i].Path, o.kind, o.size, list[i].Size)
		}
		done.Files++
		done.Bytes += o.size
		return w.write(list[i], o)
	})
	return done, errors.Join(err, w.close())
}

// treeWriter writes files below root and makes the folders that they need.
type treeWriter struct {
	root *os.Root
	made map[string]bool

	// The folder of the newest file stays open: files come sorted, and opening
	// its path part by part costs as much as the file.
	open *os.Root
	dir  string
}

func (w *treeWriter) write(f File, content io.Reader) (err error) {
	if err := w.enter(path.Dir(f.Path)); err != nil {
		return fmt.Errorf("export: %w", err)
	}
	mode := os.FileMode(0o644)
	if f.Executable {
		mode = 0o755
	}
	out, err := w.open.OpenFile(path.Base(f.Path), os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return fmt.Errorf("export: %w", err)
	}
	_, err = io.Copy(out, content)
	// The process's umask is not the release's.
	if err = errors.Join(err, out.Chmod(mode), out.Close()); err != nil {
		return fmt.Errorf("export: %w", err)
	}
	return nil
}

func (w *treeWriter) enter(dir string) error {
	if w.open != nil && w.dir == dir {
		return nil
	}
	if err := errors.Join(w.close(), w.folder(dir)); err != nil {
		return err
	}
	var err error
	w.dir = dir
	w.open, err = w.root.OpenRoot(dir)
	return err
}

func (w *treeWriter) close() error {
	if w.open == nil {
		return nil
	}
	open := w.open
	w.open = nil
	return open.Close()
}

func (w *treeWriter) folder(dir string) error {
	if w.made[dir] {
		return nil
	}
	if err := w.folder(path.Dir(dir)); err != nil {
		return err
	}
	if err := w.root.Mkdir(dir, 0o755); err != nil {
		return err
	}
	w.made[dir] = true
	return w.root.Chmod(dir, 0o755)
}
