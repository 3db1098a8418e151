package syslog

import (
	"bytes"

	"github.com/tagtail/tagtail/index"
)

// DefaultMaxBytes is the largest message that is kept whole.
const DefaultMaxBytes = 64 << 10

// MaxOctets is the largest octet count that can be believed. CVE-2022-24903 was
// about counts without a bound; a larger number is the text of a line.
const MaxOctets = 1 << 20

// maxHeaderBytes is the length of the longest octet count with its space.
const maxHeaderBytes = 8

// Framing says how a stream is cut into frames.
type Framing struct {
	// MaxBytes is where a frame is cut; what follows up to its end is
	// discarded. 0 is DefaultMaxBytes.
	MaxBytes int
	// MaxOctets is the largest octet count that is believed; 0 is the
	// constant MaxOctets, which is the most.
	MaxOctets int
	// Multiline makes a line feed end a frame only if a PRI follows it.
	Multiline bool
}

// Framer cuts a stream into frames, deciding anew for each (RFC 6587): a frame
// that starts with an octet count, a space and "<" is as long as counted, any
// other ends at a line feed or NUL. The "<" keeps a line that starts with a
// date from swallowing the lines behind it.
//
// A stream whose first message ends at a NUL comes from Python or libc, which
// end every message so and leave line feeds inside: it is read as Multiline.
// settle and nulBehind tell how that is known where the first message has line
// feeds itself.
type Framer struct {
	max        int
	maxOctets  int
	multiline  bool
	cut        bool // a frame has been cut
	settled    bool // it is known whether messages end at line feeds or NULs
	scanned    int  // bytes of the unfinished line that hold no delimiter
	looked     int  // line feed of an unfinished first message up to which nulBehind has looked
	skipOctets int  // bytes of an oversize counted frame still to discard
	skipLine   bool // the rest of an oversize line is to be discarded
}

// NewFramer returns a Framer at the start of a stream.
func NewFramer(framing Framing) *Framer {
	f := &Framer{max: framing.MaxBytes, maxOctets: framing.MaxOctets, multiline: framing.Multiline, settled: framing.Multiline}
	if f.max <= 0 {
		f.max = DefaultMaxBytes
	}
	if f.maxOctets <= 0 || f.maxOctets > MaxOctets {
		f.maxOctets = MaxOctets
	}
	return f
}

// Pause says what is known of the stream behind the bytes at hand.
type Pause uint8

// The kinds of pause.
const (
	MayFollow Pause = iota // more may be there at once
	Idle                   // nothing came for a while: an unfinished line is given out
	Ended                  // nothing will come any more
)

// Next looks for a frame at the start of data, the bytes that are not consumed
// yet. It returns how many bytes to consume and the frame, which is part of
// data and not empty. Without a frame it is to be called again with the rest
// of data, or with more if advance is 0. At MaxBytes and maxHeaderBytes of
// data it always advances.
func (f *Framer) Next(data []byte, pause Pause) (advance int, frame []byte, flags index.Flags) {
	if n := f.plainLine(data); n > 0 {
		return n + 1, data[:n], 0
	}
	switch {
	case len(data) == 0:
		return 0, nil, 0
	case f.skipOctets > 0:
		n := min(len(data), f.skipOctets)
		f.skipOctets -= n
		return n, nil, 0
	case f.skipLine:
		return f.skip(data, pause), nil, 0
	}
	if f.scanned == 0 {
		octets, header, is := octetCount(data, f.maxOctets)
		if is == yes {
			return f.counted(data, header, octets, pause)
		}
		if is == maybe && pause == MayFollow {
			return 0, nil, 0
		}
	}
	return f.line(data, pause)
}

// plainLine returns the length of the line at the start of data if it is what
// most are: one with a PRI, all there, of a stream that is known to end its
// messages with line feeds, and with nothing to cut or skip. It returns 0 for
// any other, which needs a closer look.
func (f *Framer) plainLine(data []byte) int {
	if len(data) == 0 || data[0] != '<' || f.multiline || !f.settled || !f.cut || f.scanned > 0 || f.skipLine || f.skipOctets > 0 {
		return 0
	}
	n := bytes.IndexByte(data, '\n')
	if n <= 0 || n > f.max || data[n-1] == '\r' || bytes.IndexByte(data[:n], 0) >= 0 {
		return 0
	}
	return n
}

// skip discards data up to the end of the oversize line.
func (f *Framer) skip(data []byte, pause Pause) int {
	end, tail := f.delimiter(data, 0, pause)
	if end < 0 {
		return tail
	}
	f.skipLine = false
	return end + 1
}

func (f *Framer) counted(data []byte, header, octets int, pause Pause) (advance int, frame []byte, flags index.Flags) {
	body := data[header:]
	switch {
	case len(body) >= octets && octets <= f.max:
		f.cut, f.settled = true, true
		return header + octets, body[:octets], 0
	case len(body) >= f.max:
		f.cut, f.settled = true, true
		f.skipOctets = octets - f.max
		return header + f.max, body[:f.max], index.FlagTruncated
	case pause == Ended:
		return len(data), body, index.FlagPartial
	}
	return 0, nil, 0
}

func (f *Framer) line(data []byte, pause Pause) (advance int, frame []byte, flags index.Flags) {
	end, scanned := f.delimiter(data, f.scanned, pause)
	if end >= 0 && data[end] == '\n' && !f.cut && !f.settled {
		nul, is := f.nulBehind(data, max(end, f.looked))
		switch {
		case is == yes, is == maybe && nul > 0 && pause != MayFollow:
			end = nul
		case is == maybe && pause == MayFollow && len(data) < f.max:
			f.scanned = end
			return 0, nil, 0
		}
	}
	switch {
	case end >= 0:
		f.scanned = 0
		return f.finish(data, end)
	case len(data) >= f.max+len("\r\n"), len(data) > f.max && pause != MayFollow:
		f.scanned, f.cut, f.settled, f.skipLine = 0, true, true, true
		return f.max, data[:f.max], index.FlagTruncated
	case pause == MayFollow:
		f.scanned = scanned
		return 0, nil, 0
	}
	f.scanned, f.cut, f.settled = 0, true, true
	if f.multiline && data[len(data)-1] == '\n' {
		return f.finish(data, len(data)-1)
	}
	return len(data), data, index.FlagPartial
}

// finish cuts the line that ends at the delimiter data[end].
func (f *Framer) finish(data []byte, end int) (advance int, frame []byte, flags index.Flags) {
	frame = data[:end]
	if data[end] == '\n' {
		frame = bytes.TrimSuffix(frame, []byte{'\r'})
	}
	if len(frame) == 0 {
		return end + 1, nil, 0
	}
	f.settle(data, end)
	if len(frame) > f.max {
		return end + 1, frame[:f.max], index.FlagTruncated
	}
	return end + 1, frame, 0
}

// nulBehind tells whether the first message of a stream, which has a line feed
// at data[lf], goes on up to a NUL, and where that is. Python writes a message
// with its NUL at once, so that it is known if all of it is here: behind the
// line feed come lines without a PRI or an octet count, then a NUL, then a PRI.
// Lines that are whole and nothing else are never waited behind: maybe is the
// answer only where the data ends inside of a line, whose rest is under way
// whoever sends it, or of what follows the NUL. Then nul is where that is, and
// it counts once nothing has followed for a while.
func (f *Framer) nulBehind(data []byte, lf int) (nul int, is verdict) {
	if startsWithPRI(data) != yes {
		return 0, no
	}
	for {
		rest := data[lf+1:]
		if startsWithPRI(rest) != no { // also if nothing follows
			return 0, no
		}
		if _, _, is := octetCount(rest, f.maxOctets); is == yes {
			return 0, no
		}
		n := bytes.IndexByte(rest, '\n')
		line := rest
		if n >= 0 {
			line = rest[:n]
		}
		if end := bytes.IndexByte(line, 0); end >= 0 {
			return lf + 1 + end, startsWithPRI(rest[end+1:])
		}
		if n < 0 {
			f.looked = lf
			return 0, maybe
		}
		lf += 1 + n
	}
}

// settle learns from the frame at the start of data, which ends at data[end],
// how this sender ends its messages. A line feed says nothing yet if the first
// message alone began with a PRI: it may have been a line of a longer message,
// of which no more was here. A NUL says so if it is the first end, or follows
// such lines.
func (f *Framer) settle(data []byte, end int) {
	first := !f.cut
	f.cut = true
	if f.settled {
		return
	}
	hasPRI := startsWithPRI(data) == yes
	if data[end] == 0 {
		f.settled = true
		f.multiline = first || !hasPRI && startsWithPRI(data[end+1:]) != no
		return
	}
	f.settled = first != hasPRI
}

// delimiter returns where the first delimiter of data is, which is known not
// to be before from, or -1 and up to where there is none.
func (f *Framer) delimiter(data []byte, from int, pause Pause) (end, scanned int) {
	lf := -1
	scanned = len(data)
	for i := from; i < len(data); {
		n := bytes.IndexByte(data[i:], '\n')
		if n < 0 {
			break
		}
		i += n
		is := yes
		if f.multiline {
			is = startsWithPRI(data[i+1:])
		}
		if is == yes {
			lf = i
			break
		}
		if is == maybe && pause == MayFollow {
			scanned = i
			break
		}
		i++
	}
	limit := scanned
	if lf >= 0 {
		limit = lf
	}
	if n := bytes.IndexByte(data[from:limit], 0); n >= 0 {
		return from + n, 0
	}
	return lf, scanned
}

// verdict is an answer that may depend on bytes that are not here yet.
type verdict uint8

const (
	no verdict = iota
	yes
	maybe
)

// octetCount reads "nnn " before a "<" (RFC 6587, section 3.4.1), nnn being at
// most most.
func octetCount(data []byte, most int) (octets, header int, is verdict) {
	for i, c := range data {
		switch {
		case isDigit(c) && i < maxHeaderBytes-1 && (i > 0 || c != '0'):
			octets = octets*10 + int(c-'0')
		case c == ' ' && i > 0:
			if octets > most {
				return 0, 0, no
			}
			if i+1 == len(data) {
				return 0, 0, maybe
			}
			if data[i+1] != '<' {
				return 0, 0, no
			}
			return octets, i + 1, yes
		default:
			return 0, 0, no
		}
	}
	return 0, 0, maybe
}

// startsWithPRI tells whether data starts with "<", 1 to 3 digits and ">".
func startsWithPRI(data []byte) verdict {
	for i, c := range data {
		switch {
		case i == 0 && c == '<':
		case 1 <= i && i <= 3 && isDigit(c):
		case i > 1 && c == '>':
			return yes
		default:
			return no
		}
	}
	return maybe
}

// CutLinePRI cuts the first message off a datagram that holds several, each
// followed by a line feed: the next starts at the first line that starts with
// a PRI. Only for listeners whose senders are known to write such datagrams:
// for all others a line feed is part of the text, and splitting there would
// let any web client forge messages.
func CutLinePRI(datagram []byte) (message, rest []byte) {
	for i := 0; ; {
		n := bytes.IndexByte(datagram[i:], '\n')
		if n < 0 {
			return datagram, nil
		}
		i += n + 1
		if startsWithPRI(datagram[i:]) == yes {
			return datagram[:i-1], datagram[i:]
		}
	}
}
