package syslog

import (
	"strings"
	"time"

	"github.com/tagtail/tagtail/index"
)

// Decoder parses the frames of one goroutine, all with the same Options, into
// entries whose strings it copies into an Arena. It gives what Parse gives,
// faster: the neighbours in a stream of RFC 3164 messages have the same header
// for a second, byte for byte, and it is read once.
type Decoder struct {
	arena  Arena
	header header
}

// Parse is the function Parse for bytes, which it does not keep.
func (d *Decoder) Parse(frame []byte, opts *Options, e *index.Entry) bool {
	frame = frame[:trimmed(frame)]
	if len(frame) == 0 {
		return false
	}
	if d.header.begins(frame, e.Received) {
		d.header.fill(e)
		e.Message = d.arena.String(frame[d.header.n:])
		fillHostname(e, opts)
		return true
	}
	text := d.arena.String(frame)
	flags := e.Flags
	parseFrame(text, opts, e)
	if e.Flags == flags {
		d.header.remember(text, e)
	}
	fillHostname(e, opts)
	return true
}

// header is what stood before the text of an RFC 3164 message, and what it
// said. Nothing behind its end has a say in how it is read.
type header struct {
	text [128]byte
	n    int // of text; 0 remembers nothing
	// hour is that of Received, in hours since 1970: it settles the year of a
	// time that is near.
	hour  int64
	entry index.Entry
}

const secondsPerHour = 60 * 60

// maxAway is how far from Received a time may be, so that its year is the same
// all through the hour: it changes half a year away.
const maxAway = 24 * time.Hour

// begins tells whether a frame that was received then has the header.
func (h *header) begins(frame []byte, received time.Time) bool {
	return h.n > 0 && len(frame) >= h.n && string(frame[:h.n]) == string(h.text[:h.n]) && received.Unix()/secondsPerHour == h.hour
}

// remember takes the header of a message that was parsed without any flag, if
// it is one that ends in a tag, a colon and a space: where something else ends
// in a colon, what follows may belong to the header. Its strings keep the chunk
// of the Arena that they are in for as long as its second lasts.
func (h *header) remember(text string, e *index.Entry) {
	n := len(text) - len(e.Message)
	if e.Format != index.FormatRFC3164 || e.Time.IsZero() || e.AppName == "" || n > len(h.text) || n < 2 || text[n-2:n] != ": " || startsVersion(text) {
		return
	}
	if e.Received.Sub(e.Time).Abs() > maxAway {
		return
	}
	h.n = copy(h.text[:], text[:n])
	h.hour = e.Received.Unix() / secondsPerHour
	h.entry = index.Entry{
		Time: e.Time, Facility: e.Facility, Severity: e.Severity, Format: e.Format,
		Hostname: e.Hostname, AppName: e.AppName, ProcID: e.ProcID,
	}
}

// startsVersion tells whether text could be a message of RFC 5424 as far as the
// byte behind the PRI tells: whether it is one depends on all of its fields.
func startsVersion(text string) bool {
	rest, _ := cutPRI(text)
	rest = strings.TrimPrefix(rest, byteOrderMark)
	return rest == "" || rest[0] == '1'
}

func (h *header) fill(e *index.Entry) {
	from := &h.entry
	e.Time, e.Facility, e.Severity, e.Format = from.Time, from.Facility, from.Severity, from.Format
	e.Hostname, e.AppName, e.ProcID = from.Hostname, from.AppName, from.ProcID
}
