// Package message reads a syslog message exactly as rsyslogd 8.2302 does, for
// rules and templates that were written for it.
//
//	frame → Message.Parse → properties, for filters and templates
//
// It is a second look at a message beside that of ingest/syslog, which reads
// more tolerantly: files that go on where rsyslog stopped must not change, and
// a filter that never matched must not begin to. Invariants: no input makes it
// panic or fail; in the steady state it allocates nothing; what a Message holds
// is valid until the next Parse. Start reading at Message.
package message

import (
	"time"
	"unsafe"

	"github.com/tagtail/tagtail/index"
	"github.com/tagtail/tagtail/ingest/syslog"
)

// Options say how the messages of a program's inputs are read. The zero value
// is what rsyslog does if it is told nothing, but cuts no message.
type Options struct {
	// MaxBytes is where a message is cut; 0 is never.
	MaxBytes int
	// KeepControls and KeepTabs leave control characters, or only tabs, as
	// they are; otherwise they are written as #ooo. EscapeHigh writes bytes
	// above 127 so, too.
	KeepControls, KeepTabs, EscapeHigh bool
	// KeepLF keeps a line feed at the end of a message.
	KeepLF bool
	// SlashInProgramName lets a slash be part of the program's name.
	SlashInProgramName bool
	// Hostname is this machine's.
	Hostname string
	// Location is the zone of times of ours; nil is time.Local.
	Location *time.Location
}

// Origin is where a message came from.
type Origin struct {
	// Local tells that it came by a local socket, which rsyslog reads by other
	// rules: no hostname is looked for, and the time is that of reception.
	Local bool
	// Address is the sender's, as text; a local one's is 127.0.0.1.
	Address string
	// InputName is imudp, imtcp, imuxsock, imrelp, imfile or a name that was
	// given.
	InputName string
}

// facilityInvalid is the facility of messages without a valid PRI.
const facilityInvalid = 24

// Message is a message as rsyslog sees it. The zero value is ready for Parse.
// It belongs to one goroutine.
type Message struct {
	Facility, Severity uint8
	Reported, Received Stamp

	opts   *Options
	origin *Origin
	raw    []byte // sanitised, as $rawmsg shows it
	body   int    // where the text behind the PRI begins in raw
	text   []byte // $msg

	hostname, tag           []byte
	appName, procID, msgID  []byte
	data                    []byte
	hasHostname, structured bool // structured: by RFC 5424
	program                 []byte
	named                   bool // program is known

	clean   []byte // holds raw if it had to be changed
	emulate []byte // holds tag if the message has APP-NAME and PROCID instead
	scratch [64]byte

	// lastSecond saves working out the zone of each time of reception.
	lastSecond int64
	lastStamp  Stamp
}

// Parse reads a frame. It returns false if there is nothing in it, which
// rsyslog discards. The Message refers to frame until the next Parse.
func (m *Message) Parse(frame []byte, opts *Options, from *Origin, received time.Time) bool {
	if len(frame) == 0 {
		return false
	}
	m.reset(opts, from, received)
	m.raw = m.sanitise(frame)
	if from.Local {
		m.parseLocal()
		return true
	}
	m.parsePRI()
	if !m.rfc5424() {
		m.rfc3164()
	}
	return true
}

// Set makes the Message one of an entry that came by no syslog: from a file
// or by HTTP.
func (m *Message) Set(e *index.Entry, opts *Options, from *Origin) {
	m.reset(opts, from, e.Received)
	if !e.Time.IsZero() {
		m.Reported = stampOf(e.Time)
	}
	m.Facility, m.Severity = uint8(e.Facility), uint8(e.Severity)
	m.hostname, m.hasHostname = bytesOf(e.Hostname), e.Hostname != ""
	m.emulate = append(syslog.AppendTag(m.emulate[:0], e), ':')
	m.tag = m.emulate
	if e.StructuredData != "" {
		m.data = bytesOf(e.StructuredData)
	}
	if e.MsgID != "" {
		m.msgID = bytesOf(e.MsgID)
	}
	m.clean = append(m.clean[:0], ' ')
	m.clean = m.appendEscaped(m.clean, bytesOf(e.Message))
	m.raw, m.text = m.clean[1:], m.clean
}

func (m *Message) reset(opts *Options, from *Origin, received time.Time) {
	m.opts, m.origin = opts, from
	m.Received = m.stampOfReceived(received)
	m.Reported = m.Received
	m.Facility, m.Severity = 1, 5
	m.raw, m.text, m.body = nil, nil, 0
	m.hostname, m.tag, m.appName, m.procID, m.msgID, m.data = nil, nil, nil, nil, nil, nil
	m.hasHostname, m.structured, m.named = false, false, false
}

// sanitise takes off one NUL, then one line feed, and escapes what is left of
// control characters.
func (m *Message) sanitise(frame []byte) []byte {
	if limit := m.opts.MaxBytes; limit > 0 && len(frame) > limit {
		frame = frame[:limit]
	}
	if n := len(frame); frame[n-1] == 0 {
		frame = frame[:n-1]
	}
	if n := len(frame); n > 0 && frame[n-1] == '\n' && !m.opts.KeepLF {
		frame = frame[:n-1]
	}
	for i := 0; i < len(frame); i++ {
		if m.escapes(frame[i]) {
			m.clean = append(m.clean[:0], frame[:i]...)
			m.clean = m.appendEscaped(m.clean, frame[i:])
			return m.clean
		}
	}
	return frame
}

func (m *Message) escapes(c byte) bool {
	switch {
	case c >= ' ' && c < 0x80:
		return false
	case c >= 0x80:
		return m.opts.EscapeHigh
	case c == '\t':
		return !m.opts.KeepTabs && !m.opts.KeepControls
	}
	return !m.opts.KeepControls
}

func (m *Message) appendEscaped(dst, src []byte) []byte {
	for _, c := range src {
		if m.escapes(c) {
			dst = append(dst, '#', '0'+c>>6, '0'+c>>3&7, '0'+c&7)
			continue
		}
		dst = append(dst, c)
	}
	return dst
}

// parsePRI reads "<" digits ">". A PRI that is none spoils the message: all of
// it is text.
func (m *Message) parsePRI() {
	if len(m.raw) == 0 || m.raw[0] != '<' {
		return
	}
	pri, i := 0, 1
	for i < len(m.raw) && isDigit(m.raw[i]) && pri <= 191 {
		pri = pri*10 + int(m.raw[i]-'0')
		i++
	}
	if i == len(m.raw) || m.raw[i] != '>' || pri > 191 {
		m.Facility, m.Severity = facilityInvalid, 7
		return
	}
	m.Facility, m.Severity, m.body = uint8(pri>>3), uint8(pri&7), i+1
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isAlnum(c byte) bool {
	return isDigit(c) || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

// bytesOf is s without a copy. The result must not be written to.
func bytesOf(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }
