package relp

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Commands and hints.
const (
	commandOpen   = "open"
	commandSyslog = "syslog"
	commandClose  = "close"
	commandRsp    = "rsp"
	// hintClose says that the server is about to close the connection.
	hintClose = "serverclose"
)

// version is the newest version of the protocol that is spoken.
const version = 1

// ErrProtocol says that a frame has no place where it came.
var ErrProtocol = errors.New("relp protocol violated")

// Event is what a frame means to the caller of Take.
type Event uint8

// The events.
const (
	// Nothing is to be done but to send the response.
	Nothing Event = iota
	// Message: the frame's data is a syslog message. It is to be made
	// durable before Release is called.
	Message
	// Closed: the client has no more to say. The connection is to be closed
	// when all responses are sent.
	Closed
	// Refused: as Closed, but the session never began, or the client is not
	// one to talk to.
	Refused
)

// Session is the state of a connection and the responses that it owes. The
// zero value is that of a new connection. It belongs to one goroutine.
//
// There is no negative response to a message, although the protocol has one
// ("500"): librelp, the library of rsyslog's omrelp, forgets a message that is
// answered so, and it is lost. A message that cannot be stored stays without
// response, and the connection is closed: what has no response is sent again.
type Session struct {
	opened bool
	last   int    // transaction number of the last command
	held   []byte // responses, in order
}

// Take deals with a frame. An error is final, and the responses held are not
// to be sent any more.
func (s *Session) Take(f Frame) (Event, error) {
	if f.Txnr == 0 { // hints are not answered, and none that a client has is of use
		return Nothing, nil
	}
	if want := s.last%maxTxnr + 1; f.Txnr != want {
		return Nothing, fmt.Errorf("%w: transaction %d follows %d", ErrProtocol, f.Txnr, s.last)
	}
	s.last = f.Txnr
	if f.Command == commandOpen {
		return s.open(f), nil
	}
	if !s.opened {
		return Nothing, fmt.Errorf("%w: %q comes before open", ErrProtocol, f.Command)
	}
	switch f.Command {
	case commandSyslog:
		s.respond(f.Txnr, "200 OK")
		return Message, nil
	case commandClose:
		s.respond(f.Txnr, "200 OK")
		return Closed, nil
	case commandRsp:
		return Nothing, fmt.Errorf("%w: a response from the client", ErrProtocol)
	}
	s.respond(f.Txnr, "500 unknown command")
	return Nothing, nil
}

// open answers the client's offers with those of them that are taken.
func (s *Session) open(f Frame) Event {
	if s.opened { // some versions of librelp do so
		s.respond(f.Txnr, "200 already open")
		return Nothing
	}
	theirs, hasSyslog, ok := readOffers(string(f.Data))
	switch {
	case !ok:
		s.respond(f.Txnr, "500 relp_version is missing")
		return Refused
	case !hasSyslog:
		s.respond(f.Txnr, "500 the command syslog is missing")
		return Refused
	}
	s.opened = true
	s.respond(f.Txnr, "200 OK\nrelp_version="+strconv.Itoa(min(theirs, version))+"\nrelp_software=tagtail\ncommands=syslog")
	return Nothing
}

// readOffers reads lines of name=value,value.
func readOffers(text string) (theirs int, hasSyslog, ok bool) {
	for line := range strings.SplitSeq(text, "\n") {
		name, values, _ := strings.Cut(line, "=")
		for value := range strings.SplitSeq(values, ",") {
			switch name {
			case "relp_version":
				n, err := strconv.ParseUint(value, 10, 31)
				theirs, ok = int(n), err == nil
			case "commands":
				hasSyslog = hasSyslog || value == commandSyslog
			}
		}
	}
	return theirs, hasSyslog, ok
}

func (s *Session) respond(txnr int, text string) {
	s.held = appendFrame(s.held, txnr, commandRsp, text)
}

// Release gives out the responses to all frames taken so far. The caller says
// by this that their messages are durable. The bytes are valid until the next
// Take.
func (s *Session) Release() []byte {
	held := s.held
	s.held = s.held[:0]
	return held
}

// Goodbye is the hint that the server is about to close the connection. It
// comes after all responses that are owed.
func Goodbye() []byte { return appendFrame(nil, 0, hintClose, "") }
