package ingest

import (
	"encoding/binary"
	"net"
	"net/netip"
	"os"
	"strconv"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	// datagramBatch is how many datagrams one recvmmsg takes.
	datagramBatch = 64
	// datagramBytes is more than a UDP datagram can have.
	datagramBytes = 64 << 10
)

// datagramReader takes many datagrams from a socket with one system call, and
// allocates nothing. It belongs to one goroutine.
type datagramReader struct {
	conn    syscall.RawConn
	headers [datagramBatch]mmsghdr
	vectors [datagramBatch]unix.Iovec
	names   [datagramBatch]unix.RawSockaddrAny
	buffers []byte // datagramBatch times datagramBytes
	n       int
	errno   syscall.Errno
	take    func(fd uintptr) bool // receive, as a value that is made once
	zones   map[uint32]string     // of IPv6 addresses
}

// mmsghdr is the kernel's struct of that name.
type mmsghdr struct {
	header unix.Msghdr
	length uint32
}

func newDatagramReader(conn syscall.Conn) (*datagramReader, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, err
	}
	r := &datagramReader{conn: raw, buffers: make([]byte, datagramBatch*datagramBytes), zones: map[uint32]string{}}
	r.take = r.receive
	for i := range r.headers {
		r.vectors[i].Base = &r.buffers[i*datagramBytes]
		r.vectors[i].SetLen(datagramBytes)
		h := &r.headers[i].header
		h.Iov = &r.vectors[i]
		h.SetIovlen(1)
		h.Name = (*byte)(unsafe.Pointer(&r.names[i]))
	}
	return r, nil
}

// read waits for datagrams and returns how many it has got. They are valid
// until the next call.
func (r *datagramReader) read() (int, error) {
	for i := range r.headers {
		r.headers[i].header.Namelen = unix.SizeofSockaddrAny
	}
	if err := r.conn.Read(r.take); err != nil {
		return 0, err
	}
	if r.errno != 0 {
		return 0, os.NewSyscallError("recvmmsg", r.errno)
	}
	return r.n, nil
}

// receive tells whether it is done; otherwise the socket is empty.
func (r *datagramReader) receive(fd uintptr) bool {
	for {
		n, _, errno := unix.Syscall6(unix.SYS_RECVMMSG, fd, uintptr(unsafe.Pointer(&r.headers)), datagramBatch, unix.MSG_DONTWAIT, 0, 0)
		switch errno {
		case syscall.EINTR:
			continue
		case syscall.EAGAIN:
			return false
		}
		r.n, r.errno = int(n), errno
		return true
	}
}

// data returns the i-th datagram.
func (r *datagramReader) data(i int) []byte {
	start := i * datagramBytes
	return r.buffers[start : start+int(r.headers[i].length)]
}

// sender returns who has sent the i-th datagram.
func (r *datagramReader) sender(i int) (from sender, port uint16) {
	name := &r.names[i]
	switch name.Addr.Family {
	case unix.AF_INET:
		in := (*unix.RawSockaddrInet4)(unsafe.Pointer(name))
		return sender{addr: netip.AddrFrom4(in.Addr)}, networkOrder(in.Port)
	case unix.AF_INET6:
		in := (*unix.RawSockaddrInet6)(unsafe.Pointer(name))
		addr := netip.AddrFrom16(in.Addr).Unmap()
		if in.Scope_id != 0 && addr.Is6() {
			addr = addr.WithZone(r.zone(in.Scope_id))
		}
		return sender{addr: addr}, networkOrder(in.Port)
	}
	return sender{}, 0
}

func (r *datagramReader) zone(scope uint32) string {
	name, ok := r.zones[scope]
	if !ok {
		name = strconv.FormatUint(uint64(scope), 10)
		if i, err := net.InterfaceByIndex(int(scope)); err == nil {
			name = i.Name
		}
		r.zones[scope] = name
	}
	return name
}

// networkOrder reads a port as the kernel has it in memory.
func networkOrder(port uint16) uint16 {
	var b [2]byte
	binary.NativeEndian.PutUint16(b[:], port)
	return binary.BigEndian.Uint16(b[:])
}
