package syslog

import (
	"strings"

	"github.com/tagtail/tagtail/index"
)

// rfc5424 reads s, the text after the PRI, if it is a version 1 message with a
// timestamp (RFC 5424, section 6.2). The NILVALUE is a timestamp only behind a
// PRI: "1 - first item" is somebody's plain text. Lengths and characters of
// the fields are not checked, as rsyslog does not either.
func (p *parser) rfc5424(s string, hasPRI bool) bool {
	s, ok := strings.CutPrefix(s, "1 ")
	if !ok {
		return false
	}
	stamp, rest := cutField(s)
	if stamp == "-" {
		if !hasPRI {
			return false
		}
	} else {
		t, n := parseRFC3339(stamp, p.location())
		if n == 0 || n != len(stamp) {
			return false
		}
		p.e.Time = t
	}
	e := p.e
	e.Format = index.FormatRFC5424
	e.Hostname, rest = cutNilField(rest)
	e.AppName, rest = cutNilField(rest)
	e.ProcID, rest = cutNilField(rest)
	e.MsgID, rest = cutNilField(rest)
	e.StructuredData, rest = cutStructuredData(rest)
	e.Message = strings.TrimPrefix(rest, byteOrderMark)
	return true
}

// cutField cuts s at its first space.
func cutField(s string) (field, rest string) {
	if i := strings.IndexByte(s, ' '); i >= 0 {
		return s[:i], s[i+1:]
	}
	return s, ""
}

// cutNilField is cutField with NILVALUE as the empty string.
func cutNilField(s string) (field, rest string) {
	field, rest = cutField(s)
	if field == "-" {
		field = ""
	}
	return field, rest
}

// cutStructuredData cuts the SD-ELEMENTs (RFC 5424, section 6.3) and the one
// space after them off s. Text where they should be is left as the message.
func cutStructuredData(s string) (data, rest string) {
	if s == "-" {
		return "", ""
	}
	if rest, ok := strings.CutPrefix(s, "- "); ok {
		return "", rest
	}
	end := structuredDataEnd(s)
	if end == len(s) {
		return s, ""
	}
	if end == 0 || s[end] != ' ' {
		return "", s
	}
	return s[:end], s[end+1:]
}

// structuredDataEnd returns the length of the SD-ELEMENTs at the start of s.
// A bracket inside quotes ends nothing. Where the quotes do not pair, the
// first unescaped "] " is the end, which is rsyslog's rule.
func structuredDataEnd(s string) int {
	end := 0
	for end < len(s) && s[end] == '[' {
		n := elementEnd(s[end:])
		if n == 0 {
			return unquotedDataEnd(s)
		}
		end += n
	}
	return end
}

// elementEnd returns the length of the SD-ELEMENT at the start of s, 0 if it
// does not end. A backslash escapes any byte inside quotes (section 6.3.3).
func elementEnd(s string) int {
	quoted := false
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '"':
			quoted = !quoted
		case '\\':
			if quoted {
				i++
			}
		case ']':
			if !quoted {
				return i + 1
			}
		}
	}
	return 0
}

func unquotedDataEnd(s string) int {
	for i := 1; i < len(s); i++ {
		if s[i] == ']' && s[i-1] != '\\' && (i+1 == len(s) || s[i+1] == ' ') {
			return i + 1
		}
	}
	return 0
}
