package syslog

import (
	"net/netip"
	"strings"

	"github.com/tagtail/tagtail/index"
)

// maxTagBytes is rsyslog's limit. A longer word is text, not a TAG.
const maxTagBytes = 510

// rfc3164 reads s, the text after the PRI, as BSD syslog with all of its
// variants. It refuses text that has neither PRI nor timestamp nor TAG.
func (p *parser) rfc3164(s string, hasPRI bool) bool {
	e := p.e
	if isHeaderless(s) {
		e.Format = index.FormatRFC3164
		e.Message = s
		return true
	}
	t, n := parseStamp(strings.TrimPrefix(s, " "), e.Received, p.location())
	if n == 0 {
		return p.undated(s, hasPRI)
	}
	e.Format = index.FormatRFC3164
	e.Time = t
	rest := strings.TrimPrefix(s, " ")[n:]
	// nginx writes its first lines before it knows its hostname: the field is
	// there but empty.
	rest = strings.TrimLeft(rest, " ")
	e.Hostname, rest = p.cutHostname(rest)
	p.tagAndMessage(rest)
	return true
}

// undated reads text without a timestamp. Guessing a hostname from the first
// word, as rsyslog does, would be wrong for every sender we know that writes
// no timestamp: only a word with a colon is taken, as the TAG.
func (p *parser) undated(s string, hasPRI bool) bool {
	e := p.e
	text := strings.TrimPrefix(s, " ")
	if end := colonWord(text); end > 0 && (end == len(text) || text[end] == ' ') {
		e.Format = index.FormatRFC3164
		p.tagAndMessage(text)
		return true
	}
	if !hasPRI {
		return false
	}
	e.Format = index.FormatRFC3164
	e.Message = s
	return true
}

// isHeaderless tells whether the first thing in s is a JSON value or a
// bracket, which rsyslog takes as a message without any header.
func isHeaderless(s string) bool {
	s = strings.TrimLeft(s, " ")
	return s != "" && (s[0] == '{' || s[0] == '[')
}

// cutHostname cuts the hostname and the space after it off s, if there is one.
func (p *parser) cutHostname(s string) (hostname, rest string) {
	word, rest := cutField(s)
	switch {
	case word == "-" && len(s) > 1:
		return "", rest
	case !isHostname(word):
		return "", s
	case p.opts.Local && !startsWithTag(rest):
		return "", s
	}
	return word, rest
}

// startsWithTag tells whether a word with a colon begins s. On a local socket
// only that shows that the word before it was a hostname.
func startsWithTag(s string) bool {
	end := colonWord(s)
	return end > 0 && (end == len(s) || s[end] == ' ')
}

// isHostname tells whether word is a name of letters, digits, ".", "_" and "-"
// that ends in a letter or digit, or an address.
func isHostname(word string) bool {
	if word == "" {
		return false
	}
	colons := 0
	for i := 0; i < len(word); i++ {
		switch c := word[i]; {
		case isAlnum(c) || c == '.' || c == '_' || c == '-':
		case c == ':':
			colons++
		default:
			return false
		}
	}
	if colons == 0 {
		return isAlnum(word[len(word)-1])
	}
	if colons < 2 || word[len(word)-1] == ':' {
		return false // a TAG; ParseAddr's error would cost an allocation
	}
	_, err := netip.ParseAddr(word)
	return err == nil
}

// colonWord returns the length of the "word:" or "word[pid]:" at the start of
// s with its colon, or 0.
func colonWord(s string) int {
	i := 0
	for i < len(s) && isTagByte(s[i]) {
		i++
	}
	if i == 0 {
		return 0
	}
	if i < len(s) && s[i] == '[' {
		for i < len(s) && s[i] != ']' && s[i] > ' ' {
			i++
		}
		if i == len(s) || s[i] != ']' {
			return 0
		}
		i++
	}
	if i == len(s) || s[i] != ':' || i > maxTagBytes {
		return 0
	}
	return i + 1
}

func isTagByte(c byte) bool {
	return isAlnum(c) || c >= 0x80 || strings.IndexByte("._-/()%#@+", c) >= 0
}

// tagAndMessage reads s, what follows the hostname, as TAG and MSG
// (RFC 3164, section 4.1.3). The TAG ends behind a colon or before a space.
func (p *parser) tagAndMessage(s string) {
	e := p.e
	end := tagEnd(s)
	if end == 0 {
		e.Message = s
		return
	}
	tag, rest := s[:end], s[end:]
	if bare, ok := strings.CutSuffix(tag, ":"); ok {
		tag = bare
	} else {
		e.Flags |= index.FlagBareTag
	}
	e.AppName, e.ProcID = splitTag(tag)
	message, ok := strings.CutPrefix(rest, " ")
	if !ok {
		e.Flags |= index.FlagNoSpace
	}
	e.Message = message
}

// tagEnd returns the length of the TAG at the start of s, its colon included,
// 0 if there is none: brackets, quotes and control characters begin or belong
// to text.
func tagEnd(s string) int {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case i > maxTagBytes:
			return 0
		case c == ' ':
			return i
		case c == ':':
			if i == 0 {
				return 0
			}
			return i + 1
		case c < ' ':
			return 0
		case i == 0 && strings.IndexByte(`[{("`, c) >= 0:
			return 0
		}
	}
	return len(s)
}

// splitTag splits "su[77]" into its two parts.
func splitTag(tag string) (app, proc string) {
	open := strings.IndexByte(tag, '[')
	if open <= 0 || tag[len(tag)-1] != ']' {
		return tag, ""
	}
	return tag[:open], tag[open+1 : len(tag)-1]
}
