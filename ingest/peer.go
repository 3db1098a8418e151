package ingest

import (
	"net"
	"net/netip"
	"strconv"
)

// sender is who a datagram came from: an address, or a process on this
// machine. It is comparable, so that its peer can be looked up.
type sender struct {
	addr  netip.Addr
	pid   int32
	uid   uint32
	local bool
}

// unknownPID is the pid of a local sender without credentials. 0 is that of
// one in another pid namespace.
const unknownPID = -1

// peer is all that the transport proves about who sent a message: nothing in
// it was read from a message. There is one for each connection, and one for
// each sender of datagrams while a feed remembers it. It is immutable, and
// shared by all entries that come from it, so that what is derived from it
// (such as an instance) can be derived once.
//
// What is filled depends on the transport:
//
//	udp, tcp, relp     addr
//	tls, relp with tls addr; names and fingerprint if the client showed a
//	                   certificate and it was verified against ca=
//	unixgram, unix     local, uid, pid (unknownPID: the kernel did not say)
type peer struct {
	sender
	// names are the DNS names, e-mail addresses, URIs and IP addresses of the
	// client certificate, in this order, or its common name if it has none.
	names []string
	// fingerprint is the SHA-256 of the client certificate (DER) in 64
	// lower-case hexadecimal digits.
	fingerprint string
	// evidence is what the peer proves to Identify. The feed that first sees
	// a message of the peer makes it, and owns it.
	evidence *Evidence
	// source is the sender as Entry.Source has it.
	source string
}

func newPeer(from sender) *peer {
	p := &peer{sender: from}
	switch {
	case from.local && from.pid == unknownPID:
		p.source = "unix"
	case from.local:
		p.source = "unix:uid=" + strconv.FormatUint(uint64(from.uid), 10) + ",pid=" + strconv.Itoa(int(from.pid))
	case from.addr.IsValid():
		p.source = from.addr.String()
	}
	return p
}

// addrSender is the sender at the other end of a TCP connection.
func addrSender(conn net.Conn) sender {
	addr, ok := conn.RemoteAddr().(*net.TCPAddr)
	if !ok {
		return sender{}
	}
	return sender{addr: addr.AddrPort().Addr().Unmap()}
}

// origin is what the number of connections is limited by: the address, or the
// user of this machine, who can have any number of processes.
func (p *peer) origin() string {
	if p.local && p.pid != unknownPID {
		return "unix:uid=" + strconv.FormatUint(uint64(p.uid), 10)
	}
	return p.source
}
