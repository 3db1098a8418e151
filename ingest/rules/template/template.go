// Package template writes messages in the form of rsyslog's templates.
//
//	"%TIMESTAMP% %HOSTNAME% …\n" → Parse → Template.Append(message) → a line
//
// The templates that rsyslog brings along are there under their names. A
// Template can also be that of a file's name: then AppendPath keeps what
// senders write from leading anywhere. Invariants: writing allocates nothing
// but what the destination needs. Start reading at Template.
package template

import (
	"bytes"
	"strings"

	"github.com/tagtail/tagtail/ingest/rules/message"
)

// Template is a text with properties in it. It is never changed after it was
// made, and may be used by several goroutines.
type Template struct {
	Name  string
	parts []Part
}

// Part is a constant text, or a property and what is done with it.
type Part struct {
	// Text is the constant; Property is 0 then.
	Text     []byte
	Property message.Property

	// Date is the form of a property that is a time.
	Date DateFormat
	// From and To are the first and the last byte that are taken, from 1; 0 is
	// the beginning and the end.
	From, To int
	// FixedWidth pads with spaces up to To.
	FixedWidth bool
	// Field is the number of the field that is taken, from 1; 0 takes all.
	// Delimiter ends a field.
	Field     int
	Delimiter byte

	// SpaceIfNone stands for one space where the value begins with none, and
	// for nothing else. That of an empty value is left out but in rsyslog's
	// own formats, where it is SpaceIfEmpty.
	SpaceIfNone   bool
	SpaceIfEmpty  bool
	Case          CaseFormat
	Controls      ControlFormat
	SecurePath    PathFormat
	DropLastLF    bool
	CompressSpace bool
	Quote         QuoteFormat
	// OutName is the name of a value in JSON.
	OutName string
}

// DateFormat is how a time is written.
type DateFormat uint8

// The formats of a time.
const (
	DateDefault DateFormat = iota // as DateRFC3164
	DateRFC3164
	DateRFC3164ZeroPadded
	DateRFC3339
	DateMySQL
	DatePgSQL
	DateUnix
	DateSubseconds
	DateYear
	DateMonth
	DateDay
	DateHour
	DateMinute
	DateSecond
)

// CaseFormat changes letters.
type CaseFormat uint8

// The ways to change letters.
const (
	CaseKept CaseFormat = iota
	CaseLower
	CaseUpper
)

// ControlFormat says what becomes of control characters.
type ControlFormat uint8

// What can become of control characters.
const (
	ControlsKept ControlFormat = iota
	ControlsEscaped
	ControlsSpace
	ControlsDropped
)

// PathFormat says what becomes of slashes.
type PathFormat uint8

// What can become of slashes.
const (
	SlashesKept PathFormat = iota
	SlashesDropped
	SlashesReplaced
)

// QuoteFormat is how a value is made safe for what reads it.
type QuoteFormat uint8

// The ways to quote.
const (
	QuoteNone QuoteFormat = iota
	QuoteCSV
	QuoteJSON
	QuoteJSONField
)

// New makes a template of parts.
func New(name string, parts []Part) *Template { return &Template{Name: name, parts: parts} }

// String is the template as one reads it: what is done with its properties is
// left out.
func (t *Template) String() string {
	var b strings.Builder
	for i := range t.parts {
		if p := &t.parts[i]; p.Property == 0 {
			b.Write(p.Text)
		} else {
			b.WriteString("%" + p.OutName + "%")
		}
	}
	return b.String()
}

// Append appends the text of a message.
func (t *Template) Append(dst []byte, m *message.Message) []byte {
	for i := range t.parts {
		if p := &t.parts[i]; p.Property == 0 {
			dst = append(dst, p.Text...)
		} else {
			dst = p.append(dst, m)
		}
	}
	return dst
}

func (p *Part) append(dst []byte, m *message.Message) []byte {
	start := len(dst)
	dst = p.appendValue(dst, m)
	dst = p.cut(dst, start)
	if p.SpaceIfNone {
		if empty := len(dst) == start; empty && !p.SpaceIfEmpty || !empty && dst[start] == ' ' {
			return dst[:start]
		}
		return append(dst[:start], ' ')
	}
	if p.CompressSpace {
		dst = compressSpace(dst, start)
	}
	switch p.Case {
	case CaseLower:
		mapASCII(dst[start:], 'A', 'Z')
	case CaseUpper:
		mapASCII(dst[start:], 'a', 'z')
	}
	if p.Controls != ControlsKept {
		dst = p.changeControls(dst, start)
	}
	if p.SecurePath != SlashesKept {
		dst = p.changeSlashes(dst, start)
	}
	if p.DropLastLF && len(dst) > start && dst[len(dst)-1] == '\n' {
		dst = dst[:len(dst)-1]
	}
	if p.Quote != QuoteNone {
		dst = p.quote(dst, start)
	}
	return dst
}

func (p *Part) appendValue(dst []byte, m *message.Message) []byte {
	if !p.Property.IsTime() {
		return append(dst, m.Get(p.Property)...)
	}
	s := &m.Reported
	if p.Property == message.TimeGenerated {
		s = &m.Received
	}
	return p.Date.append(dst, s)
}

// cut leaves of dst[start:] the field, then the bytes, that are wanted.
func (p *Part) cut(dst []byte, start int) []byte {
	if p.Field > 0 {
		field := dst[start:]
		for n := 1; n < p.Field; n++ {
			i := bytes.IndexByte(field, p.Delimiter)
			if i < 0 {
				return append(dst[:start], "**FIELD NOT FOUND**"...)
			}
			field = field[i+1:]
		}
		if i := bytes.IndexByte(field, p.Delimiter); i >= 0 {
			field = field[:i]
		}
		dst = append(dst[:start], field...)
	}
	if p.From == 0 && p.To == 0 {
		return dst
	}
	value := dst[start:]
	empty := len(value) == 0
	from := max(p.From, 1) - 1
	to := len(value)
	if p.To > 0 {
		to = min(to, p.To)
	}
	if from >= to {
		value = nil
	} else {
		value = value[from:to]
	}
	dst = append(dst[:start], value...)
	if p.FixedWidth && !empty {
		for width := p.To - from; len(dst)-start < width; {
			dst = append(dst, ' ')
		}
	}
	return dst
}

func compressSpace(dst []byte, start int) []byte {
	kept := start
	space := false
	for _, c := range dst[start:] {
		if c == ' ' && space {
			continue
		}
		space = c == ' '
		dst[kept] = c
		kept++
	}
	return dst[:kept]
}

// mapASCII turns letters from first to last into those of the other case.
func mapASCII(text []byte, first, last byte) {
	for i, c := range text {
		if first <= c && c <= last {
			text[i] = c ^ 0x20
		}
	}
}

func isControl(c byte) bool { return c < ' ' || c == 0x7f }

func (p *Part) changeControls(dst []byte, start int) []byte {
	if bytes.IndexFunc(dst[start:], func(r rune) bool { return r < 0x80 && isControl(byte(r)) }) < 0 {
		return dst
	}
	end := len(dst)
	for i := start; i < end; i++ {
		c := dst[i]
		switch {
		case !isControl(c):
			dst = append(dst, c)
		case p.Controls == ControlsSpace:
			dst = append(dst, ' ')
		case p.Controls == ControlsEscaped:
			dst = append(dst, '#', '0'+c>>6, '0'+c>>3&7, '0'+c&7)
		}
	}
	return append(dst[:start], dst[end:]...)
}

// changeSlashes leaves nothing that could lead to another folder: no slash, and
// neither nothing nor dots alone.
func (p *Part) changeSlashes(dst []byte, start int) []byte {
	kept := start
	for _, c := range dst[start:] {
		if c == '/' {
			if p.SecurePath == SlashesDropped {
				continue
			}
			c = '_'
		}
		dst[kept] = c
		kept++
	}
	switch string(dst[start:kept]) {
	case "":
		return append(dst[:start], '_')
	case ".", "..":
		dst[start] = '_'
	}
	return dst[:kept]
}

func (p *Part) quote(dst []byte, start int) []byte {
	end := len(dst)
	if p.Quote == QuoteJSONField {
		dst = append(dst, '"')
		dst = append(dst, p.OutName...)
		dst = append(dst, `":"`...)
	}
	if p.Quote == QuoteCSV {
		dst = append(dst, '"')
	}
	for i := start; i < end; i++ {
		if p.Quote == QuoteCSV {
			if dst[i] == '"' {
				dst = append(dst, '"')
			}
			dst = append(dst, dst[i])
			continue
		}
		dst = appendJSON(dst, dst[i])
	}
	if p.Quote != QuoteJSON {
		dst = append(dst, '"')
	}
	return append(dst[:start], dst[end:]...)
}

const hexDigits = "0123456789ABCDEF"

func appendJSON(dst []byte, c byte) []byte {
	switch c {
	case '"', '\\', '/':
		return append(dst, '\\', c)
	case '\b':
		return append(dst, `\b`...)
	case '\f':
		return append(dst, `\f`...)
	case '\n':
		return append(dst, `\n`...)
	case '\r':
		return append(dst, `\r`...)
	case '\t':
		return append(dst, `\t`...)
	}
	if c < ' ' {
		return append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
	}
	return append(dst, c)
}
