// Package files finds files in folders of any name, where in filepath.Glob the
// name of the folder is a part of the pattern, and reads small parts of them.
package files

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
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

// ReadAt reads what there is of a file in the place of n bytes from offset on,
// and appends it to dst: less at the file's end. It takes three system calls,
// which is what os.Open alone takes.
func ReadAt(dst []byte, path string, offset int64, n int) ([]byte, error) {
	fd, err := retry(func() (int, error) { return syscall.Open(path, syscall.O_RDONLY|syscall.O_CLOEXEC, 0) })
	if err != nil {
		return dst, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	defer syscall.Close(fd) //nolint:errcheck // it is only read
	start := len(dst)
	dst = slices.Grow(dst, n)[:start+n]
	for at := start; at < len(dst); {
		got, err := retry(func() (int, error) { return syscall.Pread(fd, dst[at:], offset+int64(at-start)) })
		if err != nil {
			return dst[:start], &fs.PathError{Op: "read", Path: path, Err: err}
		}
		if got == 0 {
			return dst[:at], nil
		}
		at += got
	}
	return dst, nil
}

// retry does a system call again that a signal has ended.
func retry(call func() (int, error)) (int, error) {
	for {
		n, err := call()
		if err != syscall.EINTR { //nolint:errorlint // system calls wrap nothing
			return n, err
		}
	}
}
