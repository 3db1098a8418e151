package ingest

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// unixgramListener receives on a datagram socket of the file system, such as
// /dev/log. Writers block while its queue is full (syslog(3), so Redis) or
// lose messages (nginx): the reading goroutine does nothing but read.
type unixgramListener struct {
	*input
	conn  *net.UnixConn
	queue *queue
	file  fs.FileInfo // of the socket as we made it
}

func listenUnixgram(in *input, cfg *Config) (*unixgramListener, error) {
	path := in.spec.address
	if err := removeStaleSocket(&in.spec); err != nil {
		return nil, err
	}
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		return nil, in.spec.wrong("cannot be made: %w", err)
	}
	l := &unixgramListener{input: in, conn: conn, queue: newQueue(cfg.QueueBytes)}
	if err := l.prepare(); err != nil {
		return nil, errors.Join(err, l.close())
	}
	return l, nil
}

// prepare sets the socket's permissions, and asks the kernel to say who sends.
func (l *unixgramListener) prepare() error {
	path := l.spec.address
	var err error
	if l.file, err = os.Lstat(path); err != nil {
		return fmt.Errorf("stat socket: %w", err)
	}
	if err := os.Chmod(path, l.spec.mode); err != nil {
		return fmt.Errorf("set permissions of socket: %w", err)
	}
	err = control(l.conn, func(fd int) error {
		return os.NewSyscallError("setsockopt", unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_PASSCRED, 1))
	})
	if err != nil {
		return fmt.Errorf("ask for credentials on %s: %w", path, err)
	}
	return nil
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

func (l *unixgramListener) addr() net.Addr { return l.conn.LocalAddr() }

func (l *unixgramListener) run(ctx context.Context) {
	l.receive(ctx, l.conn, l.queue, l.read)
}

// read moves datagrams into the queue until d says that it is over.
func (l *unixgramListener) read(ctx context.Context, d *drainer) {
	data := make([]byte, l.maxBytes+1)
	control := make([]byte, unix.CmsgSpace(unix.SizeofUcred))
	var pause backoff
	for {
		n, cn, flags, _, err := l.conn.ReadMsgUnix(data, control)
		if err != nil {
			if d.over(err) {
				return
			}
			l.receiveFailed(ctx, err, &pause)
			continue
		}
		d.got()
		pause.reset()
		list := [1]datagram{{
			data:      data[:n],
			from:      unixSender(control[:cn]),
			received:  l.clock(),
			truncated: flags&unix.MSG_TRUNC != 0,
		}}
		l.dropped.Add(uint64(l.queue.put(list[:])))
	}
}

// unixSender reads SCM_CREDENTIALS, a struct ucred: pid, uid, gid.
func unixSender(control []byte) sender {
	header, data, _, err := unix.ParseOneSocketControlMessage(control)
	if err != nil || header.Level != unix.SOL_SOCKET || header.Type != unix.SCM_CREDENTIALS || len(data) < unix.SizeofUcred {
		return sender{local: true, pid: unknownPID}
	}
	return sender{
		local: true,
		pid:   int32(binary.NativeEndian.Uint32(data)),
		uid:   binary.NativeEndian.Uint32(data[4:]),
	}
}

// sample says how long the kernel's queue is: a short one makes senders wait
// or lose messages while the machine is busy. Losing is theirs and counted
// nowhere.
func (l *unixgramListener) sample() string { return "" }

// close frees the socket and removes its file, unless somebody has put
// another in its place.
func (l *unixgramListener) close() error {
	if err := l.conn.Close(); err != nil {
		return ignoreClosed(err)
	}
	if info, err := os.Lstat(l.spec.address); err != nil || l.file == nil || !os.SameFile(info, l.file) {
		return nil
	}
	return os.Remove(l.spec.address)
}
