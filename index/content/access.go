package content

import "strings"

// readAccess reads a line of an access log: the common and the combined
// format, with or without a virtual host before and times behind, and what
// looks like them.
func (m *Message) readAccess() bool {
	s := m.text
	at := strings.Index(s[:min(len(s), 512)], " [")
	if at <= 0 || !isAccessTime(s[at+2:]) {
		return false
	}
	head, rest := s[:at], s[at+2:]
	_, rest, ok := strings.Cut(rest, "] \"")
	if !ok {
		return false
	}
	client, ok := accessClient(head)
	if !ok {
		return false
	}
	m.kind = Access
	m.client = noDash(client)
	m.request, rest = cutQuoted(rest)
	m.status, rest = cutField(rest, 3)
	m.bytes, rest = cutField(rest, 20)
	if m.bytes != "" {
		m.referrer, rest = cutQuotedField(rest)
		m.agent, rest = cutQuotedField(rest)
	}
	m.bytes = noDash(m.bytes)
	m.readTimes(rest)
	m.text = rest
	return true
}

// isAccessTime tells whether s begins like "22/Nov/2026:08:53:08 +0000]".
func isAccessTime(s string) bool {
	return len(s) > 20 && isDigit(s[0]) && s[2] == '/' && s[6] == '/' && s[11] == ':' && s[14] == ':' && s[17] == ':'
}

// accessClient finds the client among the words before the time: it is the
// first, unless a virtual host makes them four.
func accessClient(head string) (client string, ok bool) {
	first, rest, _ := strings.Cut(head, " ")
	if first == "" || len(first) > 255 {
		return "", false
	}
	if second, rest, _ := strings.Cut(rest, " "); strings.Count(rest, " ") == 1 && second != "-" && strings.ContainsAny(second, ".:") {
		return second, true
	}
	return first, true
}

// cutQuoted cuts a quoted text, whose opening quote is cut already, and the
// quote behind it. Apache escapes a quote with a backslash; nginx's \x22 has
// none.
func cutQuoted(s string) (value, rest string) {
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return s[:i], s[i+1:]
		}
	}
	return s, ""
}

// cutQuotedField cuts a space and a quoted text.
func cutQuotedField(s string) (value, rest string) {
	quoted, ok := strings.CutPrefix(s, " \"")
	if !ok {
		return "", s
	}
	value, rest = cutQuoted(quoted)
	return noDash(value), rest
}

// cutField cuts a space and a number of up to longest digits, or a dash.
func cutField(s string, longest int) (value, rest string) {
	field, ok := strings.CutPrefix(s, " ")
	if !ok {
		return "", s
	}
	n := digits(field)
	if n == 0 && strings.HasPrefix(field, "-") {
		n = 1
	}
	if n == 0 || n > longest || len(field) > n && !isSpace(field[n]) {
		return "", s
	}
	return field[:n], field[n:]
}

// readTimes reads $request_time and $upstream_response_time where they stand
// alone behind the known fields: numbers with a point.
func (m *Message) readTimes(rest string) {
	for rest = strings.TrimLeft(rest, " "); rest != ""; rest = strings.TrimLeft(rest, " ") {
		var word string
		if rest[0] == '"' {
			word, rest = cutQuoted(rest[1:])
		} else {
			word, rest, _ = strings.Cut(rest, " ")
		}
		word = strings.TrimSuffix(word, ",")
		n := digits(word)
		if n == 0 || n > 9 || n == len(word) || word[n] != '.' || digits(word[n+1:]) != len(word)-n-1 {
			continue
		}
		if m.took != "" {
			m.upstreamTook = word
			return
		}
		m.took = word
	}
}

// noDash returns a value, which access logs write as a dash if there is none.
func noDash(value string) string {
	if value == "-" {
		return ""
	}
	return value
}
