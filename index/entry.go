package index

import (
	"strings"
	"time"
)

// Unassigned is the Instance of entries that belong to no known instance.
const Unassigned = "unassigned"

// Entry is one stored log message. Its strings may share one backing array
// with their neighbours; they are never written to after the Entry is built,
// so they may be kept, at the price of keeping the whole array.
type Entry struct {
	// Seq is the order of arrival, from 1, without reuse. Store.Append sets it.
	Seq uint64
	// Received is our own clock, in UTC, when the frame was complete.
	Received time.Time
	// Time is when the sender claims the message was written, in the offset
	// it was written with. Zero if the message says nothing.
	Time time.Time

	Facility   Facility
	Severity   Severity
	Format     Format
	InstanceBy InstanceBy
	Flags      Flags

	// Hostname is whom the message claims to come from, Source the address
	// or socket it really came from: "192.0.2.7", "unix:uid=1001,pid=311".
	Hostname, Source string
	// AppName and ProcID are RFC 5424's fields, or RFC 3164's TAG split at
	// its bracket. NILVALUE is the empty string.
	AppName, ProcID, MsgID string
	// StructuredData is the SD-ELEMENTs as sent, brackets included.
	StructuredData string
	// Message is the free text as received, without the one space that
	// RFC 3164 puts before it. It may hold line feeds, control characters
	// and invalid UTF-8: escape on output.
	Message string

	// Instance is "service/owner", or Unassigned.
	Instance string
	// Input is the listener's URL, such as "udp://127.0.0.1:5514".
	Input string
}

// Service is the part of Instance before the slash, empty for Unassigned.
func (e *Entry) Service() string {
	service, _ := SplitInstance(e.Instance)
	return service
}

// Owner is the part of Instance after the slash, empty for Unassigned.
func (e *Entry) Owner() string {
	_, owner := SplitInstance(e.Instance)
	return owner
}

// SplitInstance splits "socketserver/dev1" into "socketserver" and "dev1".
// A name without a slash has neither.
func SplitInstance(name string) (service, owner string) {
	i := strings.LastIndexByte(name, '/')
	if i < 0 {
		return "", ""
	}
	return name[:i], name[i+1:]
}

// Format says how a message was read.
type Format uint8

// The formats of a message.
const (
	FormatNone    Format = iota // no header was found: Message is the whole text
	FormatRFC3164               // BSD syslog, with all of its variants
	FormatRFC5424
	FormatJSON // POST /api/v1/ingest
	FormatOwn  // written by Tagtail itself
)

var formatNames = [...]string{"none", "rfc3164", "rfc5424", "json", "own"}

// String returns the keyword that JSON uses.
func (f Format) String() string { return keyword(formatNames[:], int(f)) }

// ParseFormat is the inverse of Format.String.
func ParseFormat(s string) (Format, bool) {
	i, ok := keywordIndex(formatNames[:], s)
	return Format(i), ok
}

// InstanceBy says by which evidence an entry was given its Instance, from the
// weakest to the strongest but for the last. The numbers are stored: never
// change one.
type InstanceBy uint8

// The kinds of evidence.
const (
	ByNothing InstanceBy = iota // Unassigned
	ByContent                   // the message's own words: a claim, no proof
	ByToken
	ByAddress
	ByPort
	ByCert
	ByCreds
	BySocket
	ByItself // Tagtail's own entries
	ByFile   // the path of the log file, as strong as BySocket; last, because numbers are on disk
)

var instanceByNames = [...]string{"", "content", "token", "address", "port", "cert", "creds", "socket", "own", "file"}

// String returns the keyword that JSON uses.
func (b InstanceBy) String() string { return keyword(instanceByNames[:], int(b)) }

// ParseInstanceBy is the inverse of InstanceBy.String.
func ParseInstanceBy(s string) (InstanceBy, bool) {
	i, ok := keywordIndex(instanceByNames[:], s)
	return InstanceBy(i), ok
}

// Flags are facts about how an entry was received.
type Flags uint16

// The flags.
const (
	FlagRejected    Flags = 1 << iota // no header could be read; Message is the whole text
	FlagBadPRI                        // the PRI is malformed or above 191; 13 was assumed
	FlagTruncated                     // cut at the largest message size
	FlagPartial                       // the sender stopped in the middle of the frame
	FlagContradicts                   // the content, or weaker evidence, names another instance than the strongest evidence shows or allows
	FlagBareTag                       // RFC 3164's TAG had no colon after it
	FlagLost                          // announces messages that were lost; the text says how many
	FlagNoSpace                       // no space followed RFC 3164's TAG
	FlagRedacted                      // a rule has taken something out before it was stored
)

var flagNames = [...]string{"rejected", "bad_pri", "truncated", "partial", "contradicts", "bare_tag", "lost", "no_space", "redacted"}

// Has tells whether all of want are set.
func (f Flags) Has(want Flags) bool { return f&want == want }

// Names lists the keywords of the flags that are set, as JSON shows them.
func (f Flags) Names() []string {
	var names []string
	for i, name := range flagNames {
		if f&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return names
}

// ParseFlag returns the flag with that keyword.
func ParseFlag(s string) (Flags, bool) {
	i, ok := keywordIndex(flagNames[:], s)
	return 1 << i, ok
}

func keyword(names []string, i int) string {
	if i < len(names) {
		return names[i]
	}
	return "unknown"
}

func keywordIndex(names []string, s string) (int, bool) {
	for i, name := range names {
		if name == s {
			return i, true
		}
	}
	return 0, false
}
