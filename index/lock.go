package index

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// ErrLocked tells that another process has the folder open.
var ErrLocked = errors.New("folder is locked")

const lockName = "LOCK"

// dirLock holds a folder for one Store. Its file says who has it and, after a
// Close, that all that was written is on the disk.
type dirLock struct {
	file *os.File
	boot string
	// powerCut tells that the last owner did not close and the machine has
	// started since: what was not synced is gone.
	powerCut bool
}

// lockDir makes the folder and takes its lock. The file is as the last owner
// left it until own.
func lockDir(dir, boot string) (*dirLock, error) {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, fmt.Errorf("data folder %s cannot be made: %w; choose another or make it for this user", dir, err)
	}
	path := filepath.Join(dir, lockName)
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o640)
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, unix.EROFS) {
		return nil, fmt.Errorf("data folder %s is not writable by this user: %w; change its owner or choose another", dir, err)
	}
	if err != nil {
		return nil, fmt.Errorf("lock data folder %s: %w", dir, err)
	}
	if err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		_ = file.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, &inUseError{dir: dir, pid: ownerOf(path, boot)}
		}
		return nil, fmt.Errorf("lock data folder %s: %w", dir, err)
	}
	l := &dirLock{file: file, boot: boot}
	before, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("lock data folder %s: %w", dir, errors.Join(err, file.Close()))
	}
	l.powerCut = powerCut(string(before), boot)
	return l, nil
}

// lockToRead keeps others from opening the folder until unlock, and changes
// nothing in it.
func lockToRead(dir, boot string) (unlock func(), err error) {
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return nil, fmt.Errorf("there is no store in %s: name the data folder of one with --data", dir)
	}
	path := filepath.Join(dir, lockName)
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return func() {}, nil // nobody ever had it open
	}
	if err != nil {
		return nil, fmt.Errorf("lock data folder %s: %w", dir, err)
	}
	if err := unix.Flock(int(file.Fd()), unix.LOCK_SH|unix.LOCK_NB); err != nil {
		_ = file.Close() // it was only read
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, &inUseError{dir: dir, pid: ownerOf(path, boot)}
		}
		return nil, fmt.Errorf("lock data folder %s: %w", dir, err)
	}
	return func() { _ = file.Close() }, nil
}

// inUseError is ErrLocked as one sentence for the person who meets it.
type inUseError struct {
	dir string
	pid int // 0 if it is not known
}

func (e *inUseError) Error() string {
	owner := ""
	if e.pid > 0 {
		owner = fmt.Sprintf(" (pid %d)", e.pid)
	}
	return fmt.Sprintf("the folder %s is in use by another tagtail process%s: stop it, or name another with --data", e.dir, owner)
}

func (e *inUseError) Is(target error) bool { return target == ErrLocked }

// ownerOf reads who has the folder. The text may be that of an owner that was
// killed, until the present one is open: only a process that lives counts.
func ownerOf(path, boot string) int {
	text, err := os.ReadFile(path)
	fields := strings.Fields(string(text))
	if err != nil || len(fields) != 3 || fields[1] != boot || fields[2] != "open" {
		return 0
	}
	pid, err := strconv.Atoi(fields[0])
	if err != nil || pid <= 0 || errors.Is(unix.Kill(pid, 0), unix.ESRCH) {
		return 0
	}
	return pid
}

// own says that the folder is open from now on. It comes at the end of Open:
// what the last owner left must be readable until what follows from it, the
// numbers that are left out, is durable.
func (l *dirLock) own() error { return l.write("open") }

// powerCut reads what the last owner has left: "pid boot state".
func powerCut(text, boot string) bool {
	fields := strings.Fields(text)
	return len(fields) == 3 && fields[2] != "closed" && (fields[1] != boot || boot == unknownBoot)
}

func (l *dirLock) write(state string) error {
	text := fmt.Sprintf("%d %s %s\n", os.Getpid(), l.boot, state)
	if err := l.file.Truncate(0); err != nil {
		return err
	}
	if _, err := l.file.WriteAt([]byte(text), 0); err != nil {
		return err
	}
	return l.file.Sync()
}

// release gives the folder up. clean tells that all is synced.
func (l *dirLock) release(clean bool) error {
	var err error
	if clean {
		err = l.write("closed")
	}
	return errors.Join(err, l.file.Close())
}

const unknownBoot = "unknown"

// bootID is different after each start of the machine.
func bootID() string {
	data, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if id := strings.TrimSpace(string(data)); err == nil && id != "" {
		return id
	}
	return unknownBoot
}
