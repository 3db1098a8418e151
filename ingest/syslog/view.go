package syslog

import (
	"github.com/tagtail/tagtail/index"
)

// The functions below give rsyslog's properties of an Entry, for rules and
// templates written for it.

// AppendTag appends $syslogtag: RFC 3164's TAG as it was sent, or "APP[PROCID]"
// of an RFC 5424 message.
func AppendTag(dst []byte, e *index.Entry) []byte {
	dst = append(dst, e.AppName...)
	if e.ProcID != "" {
		dst = append(dst, '[')
		dst = append(dst, e.ProcID...)
		dst = append(dst, ']')
	}
	if e.Format == index.FormatRFC3164 && e.AppName != "" && !e.Flags.Has(index.FlagBareTag) {
		dst = append(dst, ':')
	}
	return dst
}

// ProgramName is $programname: the application up to the first colon, bracket,
// slash or byte that is not printable ASCII.
func ProgramName(e *index.Entry) string {
	for i := 0; i < len(e.AppName); i++ {
		switch c := e.AppName[i]; {
		case c == ':', c == '[', c == '/', c <= ' ', c >= 0x7f:
			return e.AppName[:i]
		}
	}
	return e.AppName
}

// ProcID is $procid: "-" where there is none.
func ProcID(e *index.Entry) string {
	if e.ProcID == "" {
		return "-"
	}
	return e.ProcID
}

// AppendMsg appends %msg%: with the space that RFC 3164 puts before the text,
// and with control characters as "#" and three octal digits.
func AppendMsg(dst []byte, e *index.Entry) []byte {
	if e.Format == index.FormatRFC3164 && e.AppName != "" && !e.Flags.Has(index.FlagNoSpace) {
		dst = append(dst, ' ')
	}
	for i := 0; i < len(e.Message); i++ {
		c := e.Message[i]
		if c >= ' ' {
			dst = append(dst, c)
			continue
		}
		dst = append(dst, '#', '0'+c>>6, '0'+c>>3&7, '0'+c&7)
	}
	return dst
}
