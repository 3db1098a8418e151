package file

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path"
	"sync"

	"golang.org/x/sys/unix"
)

// maxChanged bounds the names that wait; beyond it everything has changed.
const maxChanged = 4096

// inotify watches folders: one watch serves all files of an instance.
type inotify struct {
	file  *os.File
	ready chan struct{}
	ended chan struct{}

	mu      sync.Mutex
	dirs    map[int32]string // by watch
	changed map[string]bool
	all     bool
}

func newInotify() (*inotify, error) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, os.NewSyscallError("inotify_init1", err)
	}
	n := &inotify{
		file:  os.NewFile(uintptr(fd), "inotify"), // non-blocking: Close ends a read
		ready: make(chan struct{}, 1),
		ended: make(chan struct{}),
		dirs:  map[int32]string{}, changed: map[string]bool{},
	}
	go n.run()
	return n, nil
}

func (n *inotify) watch(dir string) error {
	const events = unix.IN_MODIFY | unix.IN_ATTRIB | unix.IN_CREATE | unix.IN_DELETE | unix.IN_MOVED_FROM | unix.IN_MOVED_TO |
		unix.IN_ONLYDIR | unix.IN_DONT_FOLLOW
	raw, err := n.file.SyscallConn()
	if err != nil {
		return fmt.Errorf("watch %s: %w", dir, err)
	}
	var wd int
	var watchErr error
	n.mu.Lock()
	defer n.mu.Unlock()
	if err := raw.Control(func(fd uintptr) { wd, watchErr = unix.InotifyAddWatch(int(fd), dir, events) }); err != nil {
		return fmt.Errorf("watch %s: %w", dir, err)
	}
	if watchErr != nil {
		return fmt.Errorf("watch %s: %w", dir, os.NewSyscallError("inotify_add_watch", watchErr))
	}
	n.dirs[int32(wd)] = dir
	return nil
}

func (n *inotify) wake() <-chan struct{} { return n.ready }

func (n *inotify) take() (map[string]bool, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	changed, all := n.changed, n.all
	n.changed, n.all = map[string]bool{}, false
	return changed, all
}

// run reads events until the file is closed.
func (n *inotify) run() {
	defer close(n.ended)
	buf := make([]byte, 64<<10)
	for {
		got, err := n.file.Read(buf)
		if err != nil {
			return // closed: the kernel has no other reason
		}
		n.mu.Lock()
		n.note(buf[:got])
		n.mu.Unlock()
		select {
		case n.ready <- struct{}{}:
		default:
		}
	}
}

// note takes the events of one read: struct inotify_event is the watch, a mask,
// a cookie, the length of the name, 4 bytes each, and the name with NULs.
func (n *inotify) note(events []byte) {
	for len(events) >= unix.SizeofInotifyEvent {
		wd := int32(binary.NativeEndian.Uint32(events))
		mask := binary.NativeEndian.Uint32(events[4:])
		size := unix.SizeofInotifyEvent + int(binary.NativeEndian.Uint32(events[12:]))
		if size > len(events) {
			return
		}
		name, _, _ := bytes.Cut(events[unix.SizeofInotifyEvent:size], []byte{0})
		events = events[size:]
		switch {
		case mask&unix.IN_Q_OVERFLOW != 0 || len(n.changed) >= maxChanged:
			n.all = true
		case mask&unix.IN_IGNORED != 0:
			delete(n.dirs, wd)
		case len(name) > 0:
			full := path.Join(n.dirs[wd], string(name))
			n.changed[full] = n.changed[full] || mask&(unix.IN_CREATE|unix.IN_MOVED_TO) != 0
		}
	}
}

func (n *inotify) close() error {
	err := n.file.Close()
	<-n.ended
	return err
}
