package ingest

import (
	"errors"
	"net"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// listenUnix binds a stream socket of the file system, to which
// lua-resty-logger-socket connects by its option path.
func listenUnix(in *input, cfg *Config) (*streamListener, error) {
	if err := prepareSocketPath(&in.spec); err != nil {
		return nil, err
	}
	socket, err := net.ListenUnix("unix", &net.UnixAddr{Name: in.spec.address, Net: "unix"})
	if err != nil {
		return nil, in.spec.wrong("cannot be made: %w", err)
	}
	socket.SetUnlinkOnClose(false) // by then it may be another's file
	l := newStreamListener(in, cfg, socket, processSender, in.lines(cfg))
	file, err := ownSocketFile(&in.spec)
	l.release = file.remove
	if err != nil {
		return nil, errors.Join(err, l.close())
	}
	return l, nil
}

// processSender is the process that connected, as the kernel noted it then
// (SO_PEERCRED).
func processSender(conn net.Conn) sender {
	from := sender{local: true, pid: unknownPID}
	raw, ok := conn.(syscall.Conn)
	if !ok {
		return from
	}
	err := control(raw, func(fd int) error {
		ucred, err := unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED)
		if err != nil {
			return os.NewSyscallError("getsockopt", err)
		}
		from.pid, from.uid = ucred.Pid, ucred.Uid
		return nil
	})
	if err != nil {
		return sender{local: true, pid: unknownPID}
	}
	return from
}
