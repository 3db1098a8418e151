package ingest

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// setReceiveBuffer asks for a receive buffer of want bytes and returns what
// the kernel gave: SO_RCVBUFFORCE needs CAP_NET_ADMIN, SO_RCVBUF is capped by
// net.core.rmem_max. The kernel reports twice the value, for its own overhead.
func setReceiveBuffer(conn syscall.Conn, want int) (got int, err error) {
	err = control(conn, func(fd int) error {
		if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, want) != nil {
			if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, want); err != nil {
				return os.NewSyscallError("setsockopt", err)
			}
		}
		got, err = unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF)
		return os.NewSyscallError("getsockopt", err)
	})
	return got / 2, err
}

// Members of the array that SO_MEMINFO gives, from the kernel's sock_diag.h.
const (
	memInfoDrops  = 8
	memInfoLength = 9
)

// kernelDrops is how many datagrams the kernel had no room for in the socket's
// buffer since it was opened. It needs no privileges and no further datagram,
// unlike SO_RXQ_OVFL.
func kernelDrops(conn syscall.Conn) (drops uint32, err error) {
	err = control(conn, func(fd int) error {
		var info [memInfoLength]uint32
		size := uint32(unsafe.Sizeof(info))
		_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(fd), unix.SOL_SOCKET, unix.SO_MEMINFO,
			uintptr(unsafe.Pointer(&info)), uintptr(unsafe.Pointer(&size)), 0)
		if errno != 0 {
			return os.NewSyscallError("getsockopt", errno)
		}
		drops = info[memInfoDrops]
		return nil
	})
	return drops, err
}

// control calls f with the socket's descriptor.
func control(conn syscall.Conn, f func(fd int) error) error {
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	var inner error
	if err := raw.Control(func(fd uintptr) { inner = f(int(fd)) }); err != nil {
		return err
	}
	return inner
}

// bindError says in one sentence why an input cannot be bound and what to do.
func bindError(spec *inputSpec, err error) error {
	_, port, _ := net.SplitHostPort(spec.address)
	switch {
	case errors.Is(err, unix.EADDRINUSE):
		return fmt.Errorf("--syslog %q: port %s is in use by another program: choose another or stop it: %w", spec.text, port, err)
	case errors.Is(err, fs.ErrPermission) && port != "":
		return fmt.Errorf("--syslog %q: port %s is for root: choose one from 1024 on, or give the program CAP_NET_BIND_SERVICE: %w", spec.text, port, err)
	case errors.Is(err, unix.EADDRNOTAVAIL):
		return fmt.Errorf("--syslog %q: the address is not one of this machine's: choose one of its own, or 0.0.0.0 for all: %w", spec.text, err)
	}
	return fmt.Errorf("--syslog %q: listen: %w", spec.text, err)
}
