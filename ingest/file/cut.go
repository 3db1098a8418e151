package file

import (
	"bytes"

	"github.com/tagtail/tagtail/index"
)

// cutter finds messages in the bytes of a file.
type cutter struct {
	source *source
	max    int
	mixed  bool // syslog messages may be among a program's own lines
}

// piece is the result of a cut: data[:end] is done with, text is the message,
// which may be empty.
type piece struct {
	end   int
	text  []byte
	flags index.Flags
	skip  bool // what follows up to the line feed belongs to a line that was cut
}

// next cuts the first message off data. Its end is 0 if it is not known yet
// where the message ends; all says that nothing else will come: no more lines
// (whole lines are given out), and last that not even the rest of a line.
func (c *cutter) next(data []byte, skip, all, last bool) piece {
	if skip {
		return skipLine(data, last)
	}
	end := 0 // of the lines that belong to the message
	var style style
	for {
		n := bytes.IndexByte(data[end:], '\n')
		if n < 0 {
			return c.unfinished(data, end, all, last)
		}
		line := data[end : end+n]
		if end == 0 {
			style = c.style(line)
		} else if c.starts(line, style) {
			return piece{end: end, text: trimLine(data[:end])}
		}
		switch {
		case end == 0 && n > c.max:
			return piece{end: n + 1, text: line[:c.max], flags: index.FlagTruncated}
		case end+n > c.max: // a message of many lines goes on in another
			return piece{end: end, text: trimLine(data[:end]), flags: index.FlagTruncated}
		}
		end += n + 1
	}
}

// unfinished decides about data whose lines up to end are whole and may be one
// message. What follows is the beginning of a line.
func (c *cutter) unfinished(data []byte, end int, all, last bool) piece {
	tail := data[end:]
	switch {
	case end > 0 && (all || len(data) > c.max):
		return piece{end: end, text: trimLine(data[:end])}
	case end == 0 && len(tail) > c.max:
		return piece{end: len(tail), text: tail[:c.max], flags: index.FlagTruncated, skip: true}
	case end == 0 && last && len(tail) > 0:
		return piece{end: len(tail), text: trimLine(tail), flags: index.FlagPartial}
	}
	return piece{}
}

func skipLine(data []byte, last bool) piece {
	if n := bytes.IndexByte(data, '\n'); n >= 0 {
		return piece{end: n + 1}
	}
	return piece{end: len(data), skip: !last}
}

// trimLine takes the line end off, and the NULs that a writer leaves before
// its next line when its file was truncated.
func trimLine(text []byte) []byte {
	return bytes.TrimRight(bytes.TrimLeft(text, "\x00"), "\x00\r\n")
}

// style is how a message's first line looks, which decides what ends it.
type style uint8

const (
	stylePlain style = iota
	styleNginx       // 2026/11/22 08:51:43 [error]
	styleISO         // 2026-11-22 08:51:43,123
)

func (c *cutter) style(line []byte) style {
	line = bytes.TrimLeft(line, "\x00")
	switch {
	case hasShape(line, "dddd/dd/dd dd:dd:dd ["):
		return styleNginx
	case hasShape(line, "dddd-dd-dd dd:dd:dd"), hasShape(line, "dddd-dd-ddTdd:dd:dd"):
		return styleISO
	}
	return stylePlain
}

// starts tells whether line is the first of a message, behind a line of one
// that has the given style.
func (c *cutter) starts(line []byte, before style) bool {
	if c.source.start != nil {
		return c.source.start.Match(bytes.TrimSuffix(line, []byte{'\r'}))
	}
	if c.mixed && beginsSyslog(line) {
		return true
	}
	if before != stylePlain {
		return c.style(line) != stylePlain
	}
	indented := len(line) > 0 && (line[0] == ' ' || line[0] == '\t')
	return !indented && !bytes.HasPrefix(line, []byte("stack traceback:"))
}

// beginsSyslog tells whether line begins with a PRI or a date of RFC 3164.
func beginsSyslog(line []byte) bool {
	if len(line) < 15 {
		return false
	}
	start := string(line[:15])
	_, dated := dateOf(start)
	return dated || hasPRI(start)
}

// hasShape tells whether line begins with the shape, in which "d" is a digit.
func hasShape[T string | []byte](line T, shape string) bool {
	if len(line) < len(shape) {
		return false
	}
	for i := 0; i < len(shape); i++ {
		digit := '0' <= line[i] && line[i] <= '9'
		if shape[i] == 'd' && !digit || shape[i] != 'd' && line[i] != shape[i] {
			return false
		}
	}
	return true
}
