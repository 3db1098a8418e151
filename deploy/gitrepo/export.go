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
// as nginx's workers have to, and nobody write to them. After an error dst may
// hold a part of them.
func (r *Repo) Export(ctx context.Context, sha, under string, dst *os.Root) (Exported, error) {
	return r.ExportLike(ctx, sha, under, dst, nil)
}

// ExportLike is Export, and faster where like, which may be nil, has the same
// files: an older export on the same disk, which shares them from then on.
func (r *Repo) ExportLike(ctx context.Context, sha, under string, dst, like *os.Root) (Exported, error) {
	list, err := r.Files(ctx, sha, under)
	if err != nil || len(list) == 0 {
		return Exported{}, err
	}
	under = strings.Trim(under, "/")
	var done Exported
	for i := range list {
		if under != "" {
			list[i].Path = strings.TrimPrefix(list[i].Path, under+"/")
		}
		done.Files++
		done.Bytes += list[i].Size
	}
	taken, err := reuse(list, like, dst)
	if err != nil {
		return Exported{}, err
	}
	var rest []File
	var blobs []string
	for i, f := range list {
		if !taken[i] {
			rest, blobs = append(rest, f), append(blobs, f.Blob)
		}
	}
	if len(rest) == 0 {
		return done, nil
	}
	w := &treeWriter{root: dst, made: map[string]bool{".": true}}
	err = r.batch(ctx, blobs, func(i int, o object) error {
		if o.kind != "blob" || o.size != rest[i].Size {
			return fmt.Errorf("export %s: git gives a %s of %d bytes, and listed one of %d", rest[i].Path, o.kind, o.size, rest[i].Size)
		}
		return w.write(rest[i], o)
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

	content []byte // of the newest file
}

func fileMode(f File) os.FileMode {
	if f.Executable {
		return 0o555
	}
	return 0o444
}

func (w *treeWriter) write(f File, content io.Reader) (err error) {
	if err := w.enter(path.Dir(f.Path)); err != nil {
		return fmt.Errorf("export: %w", err)
	}
	if int64(cap(w.content)) < f.Size {
		w.content = make([]byte, max(f.Size, 32<<10))
	}
	w.content = w.content[:f.Size]
	if _, err := io.ReadFull(content, w.content); err != nil {
		return err
	}
	out, err := w.open.OpenFile(path.Base(f.Path), os.O_WRONLY|os.O_CREATE|os.O_EXCL, fileMode(f))
	if err != nil {
		return fmt.Errorf("export: %w", err)
	}
	_, err = out.Write(w.content)
	// The process's umask is not the release's.
	if err = errors.Join(err, out.Chmod(fileMode(f)), out.Close()); err != nil {
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
	w.made[dir] = true
	if err := w.root.Mkdir(dir, 0o755); err != nil {
		if info, statErr := w.root.Lstat(dir); statErr == nil && info.IsDir() {
			return nil // of a file that was reused
		}
		return err
	}
	return w.root.Chmod(dir, 0o755)
}
