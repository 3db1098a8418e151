package deploy

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// Folders of an instance that runs as another user: PREFIX, conf and releases
// are root's, and the user's group reads them; logs, run and what else nginx
// writes to are the user's own. So nobody but root can put a link in root's way,
// and what runs cannot change its own code and configuration.

const (
	rootsMode = 0o750 // of PREFIX; below it modes let everybody read
	ownMode   = 0o750
)

// claim makes PREFIX root's, and checks that what root writes to below it is.
func (a account) claim(in Instance) error {
	if !a.foreign() || in.Kind == Command {
		return nil
	}
	if err := makeDirs(in.Prefix); err != nil {
		return err
	}
	if err := a.isRoots(in.Prefix, in); err != nil {
		return err
	}
	if in.Kind == Nginx { // Redis's is everybody's
		if err := errors.Join(a.chgrp(in.Prefix), os.Chmod(in.Prefix, rootsMode)); err != nil {
			return fmt.Errorf("let the group of %s enter %s: %w", a.name, in.Prefix, err)
		}
	}
	conf := filepath.Dir(in.Conf)
	for _, dir := range []string{conf, filepath.Join(conf, "history"), filepath.Join(in.Prefix, "releases")} {
		if err := a.isRoots(dir, in); err != nil {
			return err
		}
	}
	return nil
}

// isRoots checks one folder, which need not be there.
func (a account) isRoots(dir string, in Instance) error {
	if _, err := os.Lstat(dir); errors.Is(err, os.ErrNotExist) || isOurs(dir) {
		return nil
	}
	return fmt.Errorf("%s has to be a folder of %s's that others cannot write to, since %s runs as %s: run chown -R %s %s && chmod -R go-w %s, or move it away", dir, ourName(), in.Name, a.name, ourName(), dir, dir)
}

// handOver makes a folder below one of root's and gives it to the account with
// all that is in it. It begins with what is in it, while only root can change
// that.
func (a account) handOver(dirs ...string) error {
	if !a.foreign() {
		return makeDirs(dirs...)
	}
	for _, dir := range dirs {
		if os.Geteuid() != 0 {
			if err := a.letIn(dir); err != nil {
				return err
			}
			continue
		}
		var st syscall.Stat_t
		err := syscall.Lstat(dir, &st)
		switch {
		case errors.Is(err, os.ErrNotExist):
			if err = os.MkdirAll(filepath.Dir(dir), 0o755); err == nil {
				err = os.Mkdir(dir, 0o700)
			}
			if err != nil {
				return fmt.Errorf("make a directory of the instance: %w", err)
			}
		case err != nil:
			return fmt.Errorf("look at %s: %w", dir, err)
		case st.Mode&syscall.S_IFMT == syscall.S_IFDIR && st.Uid == a.uid:
			continue
		case !isOurs(dir):
			return fmt.Errorf("%s is not a folder of %s or root: give it to %s (chown -R %s %s), or move it away", dir, a.name, a.name, a.name, dir)
		}
		if err := a.take(dir); err != nil {
			return fmt.Errorf("give a directory of the instance to %s: %w", a.name, err)
		}
	}
	return nil
}

// letIn is handOver of a Tagtail that is not root: the folder stays ours, and
// the account's group writes there. What it makes, we read as one of the group.
func (a account) letIn(dir string) error {
	if err := makeDirs(dir); err != nil {
		return err
	}
	if err := errors.Join(a.chgrp(dir), os.Chmod(dir, ownMode|0o020|os.ModeSetgid)); err != nil {
		return fmt.Errorf("let the group of %s write to %s: %w", a.name, dir, err)
	}
	return nil
}

// chgrp gives what is ours to the account's group.
func (a account) chgrp(path string) error {
	err := os.Lchown(path, os.Geteuid(), int(a.gid))
	if errors.Is(err, os.ErrPermission) && os.Geteuid() != 0 {
		return fmt.Errorf("%s is not in that group: run usermod -aG %d %s, and start Tagtail again", ourName(), a.gid, ourName())
	}
	return err
}

// ourName is the OS user that we are, for sentences.
func ourName() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return strconv.Itoa(os.Geteuid())
}

// take gives the account a folder of root's and what is in it: all but links,
// which lead elsewhere, and files with another name, which may be any of root's.
func (a account) take(dir string) error { return a.takeAt(unix.AT_FDCWD, dir, dir) }

// takeAt goes from folder to folder by their descriptors: below the first one
// nginx's workers may have been the user nobody, who could put links there.
func (a account) takeAt(at int, name, path string) (err error) {
	failed := func(err error) error { return &os.PathError{Op: "take", Path: path, Err: err} }
	fd, err := unix.Openat(at, name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return failed(err)
	}
	defer unix.Close(fd) //nolint:errcheck // it is only looked at
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return failed(err)
	}
	switch kind := st.Mode & unix.S_IFMT; {
	case kind == unix.S_IFREG && st.Nlink == 1:
	case kind == unix.S_IFDIR:
		if err := a.takeAll(fd, path); err != nil {
			return err
		}
	default:
		return nil
	}
	if err := unix.Fchownat(fd, "", int(a.uid), int(a.gid), unix.AT_EMPTY_PATH); err != nil {
		return failed(err)
	}
	return nil
}

// takeAll takes what is in the folder that fd names.
func (a account) takeAll(fd int, path string) error {
	failed := func(err error) error { return &os.PathError{Op: "take", Path: path, Err: err} }
	in, err := unix.Openat(fd, ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return failed(err)
	}
	dir := os.NewFile(uintptr(in), path)
	defer dir.Close() //nolint:errcheck // it is only read
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := a.takeAt(in, name, filepath.Join(path, name)); err != nil {
			return err
		}
	}
	if err := dir.Chmod(ownMode); err != nil {
		return failed(err)
	}
	return nil
}

// takeFile gives the account a file that is root's, in a folder in which others
// have theirs too.
func (a account) takeFile(path string) error {
	fd, err := unix.Open(path, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return &os.PathError{Op: "open", Path: path, Err: err}
	}
	defer unix.Close(fd) //nolint:errcheck // it is only looked at
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return &os.PathError{Op: "stat", Path: path, Err: err}
	}
	switch {
	case st.Uid == a.uid && st.Mode&unix.S_IFMT != unix.S_IFLNK:
		return nil
	case st.Mode&unix.S_IFMT != unix.S_IFREG || st.Uid != 0 || st.Nlink != 1:
		return fmt.Errorf("%s is not a file of %s: remove it", path, a.name)
	}
	if err := unix.Fchownat(fd, "", int(a.uid), int(a.gid), unix.AT_EMPTY_PATH); err != nil {
		return &os.PathError{Op: "chown", Path: path, Err: err}
	}
	return nil
}

// share makes a folder in which every account has its own files, as in /tmp.
func (a account) share(dir string) error {
	if err := makeDirs(dir); err != nil || !a.foreign() {
		return err
	}
	var st syscall.Stat_t
	if err := syscall.Lstat(dir, &st); err != nil || st.Mode&syscall.S_IFMT != syscall.S_IFDIR || int(st.Uid) != os.Geteuid() {
		return errors.Join(fmt.Errorf("%s has to be a folder of %s's: run chown %s %s", dir, ourName(), ourName(), dir), err)
	}
	return os.Chmod(dir, 0o777|os.ModeSticky)
}

// own gives the account those of the files that are there. Another's would be
// read or kept from being written.
func (a account) own(paths ...string) error {
	if !a.foreign() || os.Geteuid() != 0 {
		return nil // whose they are shows when they are opened
	}
	for _, path := range paths {
		if err := a.takeFile(path); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("use the files of %s: %w", a.name, err)
		}
	}
	return nil
}

// mayEnter tells whether the account gets as far as dir.
func (a account) mayEnter(dir string) error {
	if os.Geteuid() != 0 {
		return nil // nobody but root can try
	}
	err := a.do(func() error {
		_, err := os.Stat(filepath.Join(dir, "."))
		return err
	})
	if err != nil && a.foreign() {
		return fmt.Errorf("%s, as which it is to run, cannot enter %s: let others pass through the folders above it (chmod o+x): %w", a.name, dir, err)
	}
	return err
}

// writtenFolders are the folders directly below PREFIX to which a configuration
// has nginx write.
func writtenFolders(in Instance, conf []byte) []string {
	list := []string{"logs", "run"}
	for _, d := range scanNginx(conf) {
		if len(d.args) == 0 || filepath.IsAbs(d.args[0]) && !strings.HasPrefix(d.args[0], in.Prefix+"/") {
			continue
		}
		path := filepath.Clean(strings.TrimPrefix(d.args[0], in.Prefix+"/"))
		switch {
		case d.name == "pid" || d.name == "error_log" || d.name == "access_log":
			if path = filepath.Dir(path); path == "." {
				continue
			}
		case strings.HasSuffix(d.name, "_temp_path") || strings.HasSuffix(d.name, "_cache_path"):
		default:
			continue
		}
		first, _, _ := strings.Cut(path, "/")
		switch {
		case strings.ContainsAny(first, ":$") || !filepath.IsLocal(first):
		case first == "conf" || first == "releases" || first == codeFolder:
		default:
			list = append(list, first)
		}
	}
	folders := unique(list...)
	for i := range folders {
		folders[i] = filepath.Join(in.Prefix, folders[i])
	}
	return folders
}
