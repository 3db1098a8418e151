// Package syslog reads syslog messages as rsyslog does, and more tolerantly.
//
//	stream → Reader → frame → Decoder (one copy) → index.Entry → Refine
//
// Invariants: no input makes it panic or fail, every frame that is not empty
// becomes exactly one Entry, and no byte of a frame's text is lost: what
// cannot be read as a header stays in Message. Parsing allocates nothing: the
// strings of an Entry are substrings of the frame. The package opens no
// sockets and knows no instances. Start reading at Parse, then Decoder and Framer; the
// differences from rsyslog are listed in docs/compatibility.md.
package syslog

import (
	"strings"
	"time"

	"github.com/tagtail/tagtail/index"
)

// Options say how the messages of one listener are to be read. The zero value
// reads a network listener in the local time zone.
type Options struct {
	// Location is the zone of timestamps that name none; nil is time.Local.
	Location *time.Location
	// Local marks a local socket, whose senders (libc, logger) write no
	// hostname. One is still recognised if a word with a colon follows it,
	// as nginx writes it.
	Local bool
	// Hostname stands in where a message names no host. Empty means the
	// sender's address, Entry.Source.
	Hostname string
	// LuaFixups repairs the messages of the Lua handler that writes one field
	// too many: the literal HOSTNAME and APP-NAME, "- " before the text and a
	// space after it.
	LuaFixups bool
}

// byteOrderMark is what old Python versions put after the PRI, and syslog-ng
// before the text.
const byteOrderMark = "\ufeff"

// Parse reads one frame into e and tells whether there was anything to read:
// a frame of nothing but line ends and NULs is no message. The caller has set
// Received, which also decides the year of timestamps that have none, Source,
// Input and the Flags of the framing; Parse sets every other field but Seq,
// Instance and InstanceBy. The strings of e are substrings of frame.
func Parse(frame string, opts *Options, e *index.Entry) bool {
	frame = frame[:trimmed(frame)]
	if frame == "" {
		return false
	}
	parseFrame(frame, opts, e)
	fillHostname(e, opts)
	return true
}

// trimmed is the length of a frame without the line ends and NULs behind it.
func trimmed[T string | []byte](frame T) int {
	n := len(frame)
	for n > 0 && (frame[n-1] == '\n' || frame[n-1] == '\r' || frame[n-1] == 0) {
		n--
	}
	return n
}

// parseFrame reads a frame that is not empty.
func parseFrame(frame string, opts *Options, e *index.Entry) {
	p := parser{opts: opts, e: e}
	p.parse(frame)
	if opts.LuaFixups {
		fixLua(e)
	}
}

// fillHostname names a host where the message does not.
func fillHostname(e *index.Entry, opts *Options) {
	if e.Hostname == "" {
		e.Hostname = opts.Hostname
	}
	if e.Hostname == "" {
		e.Hostname = e.Source
	}
}

type parser struct {
	opts *Options
	e    *index.Entry
}

func (p *parser) parse(frame string) {
	rest, pri := cutPRI(frame)
	switch pri {
	case priBad:
		p.e.Flags |= index.FlagBadPRI
		p.reject(frame)
		return
	case priNone:
		p.setPRI(priDefault)
	default:
		p.setPRI(pri)
	}
	rest = strings.TrimPrefix(rest, byteOrderMark)
	if p.rfc5424(rest, pri != priNone) || p.rfc3164(rest, pri != priNone) {
		return
	}
	p.reject(frame)
}

// reject keeps a frame without any header whole.
func (p *parser) reject(frame string) {
	p.setPRI(priDefault)
	p.e.Flags |= index.FlagRejected
	p.e.Format = index.FormatNone
	p.e.Message = frame
}

func (p *parser) setPRI(pri int) {
	p.e.Facility, p.e.Severity = index.Facility(pri/8), index.Severity(pri%8)
}

func (p *parser) location() *time.Location {
	if p.opts.Location == nil {
		return time.Local
	}
	return p.opts.Location
}

// Results of cutPRI that are no PRI.
const (
	priNone = -1
	priBad  = -2
)

const (
	priDefault = 13 // user.notice, RFC 3164, section 4.3.3
	priMax     = 191
)

// cutPRI reads "<" 1 to 3 digits ">" (RFC 5424, section 6.2.1), also behind
// spaces. Without a "<" there is no PRI; a "<" with anything else is a bad one.
func cutPRI(frame string) (rest string, pri int) {
	s := strings.TrimLeft(frame, " ")
	if s == "" || s[0] != '<' {
		return frame, priNone
	}
	pri = 0
	for i := 1; i < len(s) && i <= 4; i++ {
		switch c := s[i]; {
		case isDigit(c):
			pri = pri*10 + int(c-'0')
		case c == '>' && i > 1 && pri <= priMax:
			return s[i+1:], pri
		default:
			return frame, priBad
		}
	}
	return frame, priBad
}

// fixLua undoes the slips of the Lua handler, see Options.LuaFixups.
func fixLua(e *index.Entry) {
	if e.Format != index.FormatRFC5424 || e.ProcID != "APP-NAME" {
		return
	}
	e.ProcID = ""
	if e.Hostname == "HOSTNAME" {
		e.Hostname = ""
	}
	e.Message = strings.TrimSuffix(strings.TrimPrefix(e.Message, "- "), " ")
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isAlnum(c byte) bool {
	return isDigit(c) || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}
