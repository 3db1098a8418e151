package ingest

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// unixgramListener receives on a datagram socket of the file system, such as
// /dev/log. Writers block while its queue is full (syslog(3), so Redis) or
// lose messages (nginx): the reading goroutine does nothing but read.
type unixgramListener struct {
	*input
	conn  *net.UnixConn
	queue *queue
	file  *socketFile
}

func listenUnixgram(in *input, cfg *Config) (*unixgramListener, error) {
	path := in.spec.address
	if err := prepareSocketPath(&in.spec); err != nil {
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
	var err error
	if l.file, err = ownSocketFile(&l.spec); err != nil {
		return err
	}
	err = control(l.conn, func(fd int) error {
		return os.NewSyscallError("setsockopt", unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_PASSCRED, 1))
	})
	if err != nil {
		return fmt.Errorf("ask for credentials on %s: %w", l.spec.address, err)
	}
	return nil
}

func (l *unixgramListener) addr() net.Addr { return l.conn.LocalAddr() }

func (l *unixgramListener) run(ctx context.Context) {
	l.receive(ctx, &drainer{conn: l.conn}, l.queue, l.read)
}

// read moves datagrams into the queue until d says that it is over.
func (l *unixgramListener) read(ctx context.Context, d *drainer) {
	data := make([]byte, l.maxBytes+1)
	control := make([]byte, unix.CmsgSpace(unix.SizeofUcred))
	pause := backoff{most: time.Second}
	for {
		n, cn, flags, _, err := l.conn.ReadMsgUnix(data, control)
		if err != nil {
			if d.over(err) {
				return
			}
			l.receiveFailed(ctx, err, &pause)
			continue
		}
		d.got(1)
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

func (l *unixgramListener) sample() string { return "" }

// close frees the socket and removes its file.
func (l *unixgramListener) close() error {
	if err := l.conn.Close(); err != nil {
		return ignoreClosed(err)
	}
	return l.file.remove()
}
