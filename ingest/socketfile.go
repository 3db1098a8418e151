package ingest

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// socketFile is the file of a unix socket that we have bound.
type socketFile struct {
	path string
	made fs.FileInfo // as we made it
}

// folderMode is the permissions of the folders that we make for a socket:
// everybody may reach it, and its own permissions say who may write.
const folderMode = 0o755

// prepareSocketPath makes the socket's folder if it is missing, and removes a
// socket that is left over.
func prepareSocketPath(spec *inputSpec) error {
	folder := filepath.Dir(spec.address)
	if err := makeFolder(folder); err != nil {
		return spec.wrong("needs the folder %s, which cannot be made (%w): make it, or choose another path", folder, reasonOf(err))
	}
	return removeStaleSocket(spec)
}

// makeFolder makes a folder and its parents, whatever the umask. What is there
// stays as it is.
func makeFolder(path string) error {
	info, err := os.Stat(path)
	switch {
	case err == nil && !info.IsDir():
		return unix.ENOTDIR
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	if err := makeFolder(filepath.Dir(path)); err != nil {
		return err
	}
	if err := os.Mkdir(path, folderMode); err != nil {
		if errors.Is(err, fs.ErrExist) { // somebody else was faster
			return nil
		}
		return err
	}
	return os.Chmod(path, folderMode)
}

// reasonOf is err without the call and the path that it names.
func reasonOf(err error) error {
	if wrapped := (*fs.PathError)(nil); errors.As(err, &wrapped) {
		return wrapped.Err
	}
	return err
}

// ownSocketFile sets the permissions of a socket that was just bound.
func ownSocketFile(spec *inputSpec) (*socketFile, error) {
	f := &socketFile{path: spec.address}
	var err error
	if f.made, err = os.Lstat(f.path); err != nil {
		return f, fmt.Errorf("stat socket: %w", err)
	}
	if err := os.Chmod(f.path, spec.mode); err != nil {
		return f, fmt.Errorf("set permissions of socket: %w", err)
	}
	return f, nil
}

// remove removes the file, unless somebody has put another in its place.
func (f *socketFile) remove() error {
	if info, err := os.Lstat(f.path); err != nil || f.made == nil || !os.SameFile(info, f.made) {
		return nil
	}
	return os.Remove(f.path)
}

// removeStaleSocket removes the socket file of a program that has ended: only
// a socket, and only if nobody answers there.
func removeStaleSocket(spec *inputSpec) error {
	path := spec.address
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return spec.wrong("cannot be looked at: %w", err)
	}
	if info.Mode().Type() != fs.ModeSocket {
		return spec.wrong("is a path where something else than a socket is: choose another path or remove it")
	}
	for _, network := range []string{"unixgram", "unix"} {
		conn, err := net.Dial(network, path)
		if err == nil {
			return errors.Join(spec.wrong("is in use by another program: choose another path or stop it"), conn.Close())
		}
		if !errors.Is(err, unix.ECONNREFUSED) && !errors.Is(err, unix.EPROTOTYPE) {
			return spec.wrong("is a socket that cannot be tried: %w", err)
		}
	}
	if err := os.Remove(path); err != nil {
		return spec.wrong("is left over from a program that has ended, and cannot be removed: %w", err)
	}
	return nil
}
