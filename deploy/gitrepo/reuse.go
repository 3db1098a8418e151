package gitrepo

import (
	"crypto/sha1" // git names contents by it
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"runtime"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// reuse gives every file of list whose content like has under the same path a
// second name below dst, and tells which: making a file costs up to ten times as
// much as a name. A file that is written to in place would change in all of
// like's and dst's kind, so only those that are ours and that nobody may write
// to are taken, and what they hold is read again.
func reuse(list []File, like, dst *os.Root) (taken []bool, err error) {
	taken = make([]bool, len(list))
	if like == nil {
		return taken, nil
	}
	w := &treeWriter{root: dst, made: map[string]bool{".": true}}
	for _, f := range list { // here, since the makers of files below share no map
		if err := w.folder(path.Dir(f.Path)); err != nil {
			return taken, fmt.Errorf("export: %w", err)
		}
	}
	// Parts that are neighbours: each has its own folders, mostly.
	workers := min(runtime.GOMAXPROCS(0), 4, len(list)/64+1)
	errs := make([]error, workers)
	var all sync.WaitGroup
	for i := range workers {
		from, to := i*len(list)/workers, (i+1)*len(list)/workers
		all.Go(func() { errs[i] = reusePart(list[from:to], taken[from:to], like, dst) })
	}
	all.Wait()
	return taken, errors.Join(errs...)
}

func reusePart(list []File, taken []bool, like, dst *os.Root) error {
	from, to := &folder{root: like}, &folder{root: dst}
	defer from.close()
	defer to.close()
	var content []byte
	for i, f := range list {
		dir, name := path.Dir(f.Path), path.Base(f.Path)
		if from.enter(dir) != nil {
			continue // it is new
		}
		old, ok := openSame(from.open, name, f, &content)
		if !ok {
			continue
		}
		err := to.enter(dir)
		if err == nil {
			// By the descriptor: this very file has been read, whatever has the name now.
			err = unix.Linkat(unix.AT_FDCWD, fmt.Sprintf("/proc/self/fd/%d", old.Fd()), int(to.handle.Fd()), name, unix.AT_SYMLINK_FOLLOW)
		}
		taken[i] = err == nil // or it is written
		if err := old.Close(); err != nil {
			return fmt.Errorf("export %s: %w", f.Path, err)
		}
	}
	return nil
}

// openSame opens the file that is the same as f and will stay so; ok is false if
// there is none.
func openSame(dir *os.Root, name string, f File, buffer *[]byte) (old *os.File, ok bool) {
	old, err := dir.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return nil, false
	}
	defer func() {
		if !ok {
			_ = old.Close() // it was only read
		}
	}()
	info, err := old.Stat()
	if err != nil || info.Size() != f.Size || info.Mode() != fileMode(f) {
		return nil, false
	}
	if st, known := info.Sys().(*syscall.Stat_t); !known || int(st.Uid) != os.Geteuid() {
		return nil, false
	}
	h := sha1.New()
	fmt.Fprintf(h, "blob %d\x00", f.Size)
	if *buffer == nil {
		*buffer = make([]byte, 64<<10)
	}
	if n, err := io.CopyBuffer(h, struct{ io.Reader }{io.LimitReader(old, f.Size+1)}, *buffer); err != nil || n != f.Size {
		return nil, false
	}
	return old, hex.EncodeToString(h.Sum(nil)) == f.Blob
}

// folder keeps the folder open that was entered last: files come sorted, and
// opening a path part by part costs as much as the file.
type folder struct {
	root   *os.Root
	dir    string
	open   *os.Root
	handle *os.File // of the same
}

func (f *folder) enter(dir string) error {
	if f.open != nil && f.dir == dir {
		return nil
	}
	f.close()
	open, err := f.root.OpenRoot(dir)
	if err != nil {
		return err
	}
	handle, err := open.Open(".")
	if err != nil {
		return errors.Join(err, open.Close())
	}
	f.dir, f.open, f.handle = dir, open, handle
	return nil
}

func (f *folder) close() {
	if f.open != nil {
		_, _ = f.handle.Close(), f.open.Close() // they were only looked at
		f.open, f.handle = nil, nil
	}
}
