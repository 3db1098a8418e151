package content

import "strings"

// readRedis reads "16381:M 22 Nov 2026 09:13:44.123 * text", the form of
// Redis's own log file. By syslog it sends the text alone.
func (m *Message) readRedis() bool {
	pid, rest, ok := cutNumber(m.text, ':')
	if !ok || len(pid) > 10 || len(rest) < 29 || rest[1] != ' ' || strings.IndexByte("MSCX", rest[0]) < 0 {
		return false
	}
	// "M 22 Nov 2026 09:13:44.123 * text"
	stamp := rest[2:]
	if !isDigit(stamp[0]) || stamp[2] != ' ' || stamp[6] != ' ' || stamp[11] != ' ' || stamp[14] != ':' || stamp[17] != ':' || stamp[20] != '.' {
		return false
	}
	if stamp[24] != ' ' || stamp[26:] != "" && stamp[26] != ' ' || strings.IndexByte(".-*#", stamp[25]) < 0 {
		return false
	}
	m.kind, m.pid, m.role, m.level = Redis, pid, rest[:1], stamp[25:26]
	m.text = strings.TrimPrefix(stamp[26:], " ")
	return true
}
