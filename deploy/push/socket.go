package push

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// questionTimeout is how long a hook may take to ask.
	questionTimeout = 10 * time.Second
	// maxHooks is how many are answered at the same time; more wait.
	maxHooks = 100
	// maxSocketPath is what fits into the kernel's address of a socket.
	maxSocketPath = 100
)

// socket is where hooks ask. Only the server's own user may open it, unless
// people push over a path as users of their own.
type socket struct {
	path     string
	listener *net.UnixListener
	slots    chan struct{}
	close_   sync.Once
}

func listen(path string, anyUser bool) (*socket, error) {
	at, release, err := shortPath(path)
	if err != nil {
		return nil, err
	}
	defer release()
	if conn, err := net.Dial("unix", at); err == nil {
		return nil, errors.Join(fmt.Errorf("listen on %s: another tagtail answers there", path), conn.Close())
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("remove old socket: %w", err)
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: at, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", path, err)
	}
	l.SetUnlinkOnClose(false) // its name may be the short one
	mode := os.FileMode(0o600)
	if anyUser {
		mode = 0o666 // who it is shows in each connection
	}
	if err := os.Chmod(path, mode); err != nil {
		return nil, errors.Join(fmt.Errorf("protect %s: %w", path, err), l.Close())
	}
	return &socket{path: path, listener: l, slots: make(chan struct{}, maxHooks)}, nil
}

// shortPath gives a path of a socket that the kernel takes: it allows hardly a
// hundred bytes, and a longer one goes by its folder's descriptor, which release
// closes.
func shortPath(path string) (short string, release func(), err error) {
	if len(path) <= maxSocketPath {
		return path, func() {}, nil
	}
	dir, err := os.OpenFile(filepath.Dir(path), unix.O_PATH|unix.O_DIRECTORY, 0)
	if err != nil {
		return "", nil, fmt.Errorf("open folder of the socket: %w", err)
	}
	return fmt.Sprintf("/proc/self/fd/%d/%s", dir.Fd(), filepath.Base(path)), func() { _ = dir.Close() }, nil
}

// serve answers connections until ctx ends, and waits for those that are being
// answered.
func (s *socket) serve(ctx context.Context, answer func(ctx context.Context, conn net.Conn, uid uint32)) error {
	defer context.AfterFunc(ctx, func() { _ = s.close() })()
	var wg sync.WaitGroup
	defer wg.Wait()
	for {
		conn, err := s.listener.AcceptUnix()
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("accept git hook: %w", err)
		}
		s.slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-s.slots }()
			defer func(c net.Conn) { c.Close() }(conn)
			if uid, err := peer(conn); err == nil {
				answer(ctx, conn, uid)
			}
		})
	}
}

// peer is the user who has opened the connection, as the kernel knows it.
func peer(conn *net.UnixConn) (uid uint32, err error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return 0, err
	}
	var cred *unix.Ucred
	var credErr error
	err = raw.Control(func(fd uintptr) {
		cred, credErr = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	})
	if err = errors.Join(err, credErr); err != nil {
		return 0, fmt.Errorf("ask who opened the socket: %w", err)
	}
	return cred.Uid, nil
}

func (s *socket) close() error {
	var err error
	s.close_.Do(func() {
		err = s.listener.Close()
		if e := os.Remove(s.path); !errors.Is(e, os.ErrNotExist) {
			err = errors.Join(err, e)
		}
	})
	return err
}
