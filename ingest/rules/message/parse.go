package message

import "bytes"

// Limits of rsyslog's fields.
const (
	maxTagBytes      = 511
	maxHostnameBytes = 511
)

// rfc5424 reads what is behind the PRI if it begins with "1 ". Where the time
// cannot be read, nothing is.
func (m *Message) rfc5424() bool {
	s, ok := bytes.CutPrefix(m.raw[m.body:], []byte("1 "))
	if !ok {
		return false
	}
	m.structured = true
	if rest, nilTime := bytes.CutPrefix(s, []byte("- ")); nilTime {
		s = rest
	} else if s, ok = rfc3339(s, &m.Reported); !ok {
		m.text = s
		return true
	}
	m.hostname, s = cutField(s)
	m.hasHostname = true
	if m.appName, s = cutField(s); len(m.appName) == 0 {
		m.appName = nilValue
	}
	m.procID, s = cutField(s)
	m.msgID, s = cutField(s)
	if m.data, s = cutData(s); m.data == nil {
		m.data = m.msgID // what rsyslog has left in its buffer
	}
	m.text = s
	return true
}

// cutField cuts s at its first space. A field that is empty, but there, is not
// nil.
func cutField(s []byte) (field, rest []byte) {
	if i := bytes.IndexByte(s, ' '); i >= 0 {
		return s[:i:i], s[i+1:]
	}
	return s[:len(s):len(s)], s[len(s):]
}

// cutData cuts off the structured data: "-", or from a bracket to the first
// "] " without a backslash before it.
func cutData(s []byte) (data, rest []byte) {
	if len(s) == 0 || s[0] != '[' && s[0] != '-' {
		return nil, s
	}
	end := 1
	if s[0] == '[' {
		end = bracketEnd(s)
	}
	data, rest = s[:end:end], s[end:]
	if len(rest) > 0 && rest[0] == ' ' {
		rest = rest[1:]
	}
	return data, rest
}

// bracketEnd returns where the data at the start of s ends.
func bracketEnd(s []byte) int {
	for i := 0; ; i++ {
		switch left := len(s) - i; {
		case left == 0:
			return i
		case left == 1 && s[i] == ']':
			return i + 1
		case left == 1:
			return i
		case s[i] == '\\' && s[i+1] == ']':
			i++
		case s[i] == ']' && s[i+1] == ' ':
			return i + 1
		}
	}
}

// rfc3164 reads everything else.
func (m *Message) rfc3164() {
	s := m.raw[m.body:]
	if m.Facility == facilityInvalid {
		m.text = s
		return
	}
	if begin := bytes.TrimLeft(s, " "); len(begin) > 0 && (begin[0] == '{' || begin[0] == '[') {
		m.text = s
		return
	}
	var ok bool
	if s, ok = rfc3339(s, &m.Reported); !ok {
		if s, ok = bsd(s, &m.Reported); !ok && len(s) > 1 && s[0] == ' ' {
			if rest, ok := bsd(s[1:], &m.Reported); ok {
				s = rest
			}
		}
	}
	m.hostname, s = m.cutHostname(s)
	m.tag, m.text = cutTag(s)
}

// cutHostname cuts off a word of letters, digits, ".", "_" and "-" that ends
// in a letter or digit before a space, or ends the message.
func (m *Message) cutHostname(s []byte) (hostname, rest []byte) {
	if len(s) == 0 {
		return nil, s
	}
	i := 0
	for i < len(s) && i < maxHostnameBytes && (isAlnum(s[i]) || s[i] == '.' || s[i] == '_' || s[i] == '-') {
		i++
	}
	if i == len(s) {
		m.hasHostname = true
		return s[:i], s[i:]
	}
	if i == 0 || !isAlnum(s[i-1]) || s[i] != ' ' {
		return nil, s
	}
	m.hasHostname = true
	return s[:i:i], s[i+1:]
}

// cutTag cuts off what ends behind a colon, or before a space.
func cutTag(s []byte) (tag, rest []byte) {
	i := 0
	for i < len(s) && s[i] != ':' && s[i] != ' ' && i < maxTagBytes-1 {
		i++
	}
	if i < len(s) && s[i] == ':' {
		i++
	}
	return s[:i:i], s[i:]
}

// parseLocal reads a message of a local socket, as /dev/log: libc writes no
// hostname. The time that it writes is passed over; that of reception counts.
func (m *Message) parseLocal() {
	m.Facility, m.Severity, m.body = 0, 0, 0
	s := m.raw
	pri, i := 0, min(1, len(s))
	for i < len(s) && isDigit(s[i]) {
		if pri < 1<<20 {
			pri = pri*10 + int(s[i]-'0')
		}
		i++
	}
	if pri > 191 {
		m.Facility, m.Severity = facilityInvalid, 7
	} else {
		m.Facility, m.Severity = uint8(pri>>3), uint8(pri&7)
	}
	s = s[min(i+1, len(s)):]
	m.body = len(m.raw) - len(s)
	var unused Stamp
	rest, ok := rfc3339(s, &unused)
	if !ok {
		rest, _ = bsd(s, &unused)
	}
	s = rest
	end := bytes.IndexByte(s, ' ')
	if end < 0 {
		end = len(s)
	}
	end = min(end, maxTagBytes)
	m.tag, m.text = s[:end:end], s[end:]
}
