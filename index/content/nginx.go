package content

import "strings"

const (
	luaTrace    = "stack traceback:"
	pythonTrace = "Traceback (most recent call last)"
)

// luaTexts begin what nginx says of Lua code that failed. "lua run thread" and
// its like are nginx's own noise at level debug.
var luaTexts = []string{
	"[lua] ", "lua entry thread aborted", "lua user thread aborted", "failed to load external Lua file", "failed to load inlined Lua code",
	"failed to run ",
}

// readNginxError reads "2026/11/22 08:51:43 [error] 18331#18331: *2 text" and
// the context behind the text.
func (m *Message) readNginxError() bool {
	s := m.text
	if len(s) < 24 || s[4] != '/' || s[7] != '/' || s[10] != ' ' || s[13] != ':' || s[16] != ':' || s[19] != ' ' || s[20] != '[' {
		return false
	}
	end := strings.IndexByte(s[21:min(len(s), 30)], ']')
	if end < 0 || !strings.HasPrefix(s[21+end:], "] ") || !isLevel(s[21:21+end]) {
		return false
	}
	pid, rest, ok := cutNumber(s[23+end:], '#')
	if !ok {
		return false
	}
	tid, rest, ok := cutNumber(rest, ':')
	if !ok {
		return false
	}
	m.kind, m.level, m.pid, m.tid = NginxError, s[21:21+end], pid, tid
	rest = strings.TrimPrefix(rest, " ")
	if strings.HasPrefix(rest, "*") {
		if n := digits(rest[1:]); n > 0 && closed(rest[1+n:]) {
			m.conn = rest[1 : 1+n]
			rest = strings.TrimPrefix(rest[1+n:], " ")
		}
	}
	m.text = rest
	m.readContext()
	for _, begin := range luaTexts {
		if strings.HasPrefix(m.text, begin) {
			m.kind = Lua
		}
	}
	return true
}

// isLevel tells whether s is a word that may stand between nginx's brackets;
// ngx.STDERR writes none.
func isLevel(s string) bool {
	for i := range len(s) {
		if s[i] < 'a' || s[i] > 'z' {
			return false
		}
	}
	return true
}

// cutNumber cuts digits and the byte behind them off s.
func cutNumber(s string, behind byte) (number, rest string, ok bool) {
	n := digits(s)
	if n == 0 || n == len(s) || s[n] != behind {
		return "", s, false
	}
	return s[:n], s[n+1:], true
}

const (
	clientMark = ", client: "
	phaseMark  = ", context: "

	// maxContexts bounds the time that a text full of false contexts takes.
	maxContexts = 8
)

// readContext cuts what nginx has appended off the text: ", client: …, server:
// …, request: "…"". Both the text before it and the Referer at its end may hold
// the same words, put there by whoever wanted to be taken for somebody else: of
// several places, only one that alone can be read as nginx writes it counts.
// Otherwise nothing is said of the client.
func (m *Message) readContext() {
	found := strings.Index(m.text, clientMark)
	switch {
	case found < 0:
		m.readNginxClient()
	case !strings.Contains(m.text[found+1:], clientMark):
		m.readClient(m.text[found+len(clientMark):])
		m.text = m.text[:found]
	default:
		if found = m.onlyContext(found); found < 0 {
			m.clearContext()
			break
		}
		m.readClient(m.text[found+len(clientMark):])
		m.text = m.text[:found]
	}
	last := strings.LastIndexByte(m.text, ' ') + 1
	if before, ok := strings.CutSuffix(m.text[:last], phaseMark); ok {
		m.phase, m.text = m.text[last:], before
	}
}

// onlyContext returns the one place of clientMark in the text, of those from
// first on, behind which a whole context stands, or -1 if there are more or
// none.
func (m *Message) onlyContext(first int) int {
	only := -1
	at := first
	for range maxContexts {
		if m.readClient(m.text[at+len(clientMark):]) && m.plainContext() {
			if only >= 0 {
				return -1
			}
			only = at
		}
		next := strings.Index(m.text[at+1:], clientMark)
		if next < 0 {
			return only
		}
		at += 1 + next
	}
	return -1
}

// plainContext tells whether no value of the context has a quote or space that
// nginx would not have written; browsers escape them, and the Referer may have
// all.
func (m *Message) plainContext() bool {
	return !strings.ContainsAny(m.client, `" `) && !strings.ContainsAny(m.server, `" `) &&
		strings.IndexByte(m.request, '"') < 0 && strings.IndexByte(m.upstream, '"') < 0 && strings.IndexByte(m.host, '"') < 0
}

func (m *Message) clearContext() {
	m.client = ""
	for i := range contextMarks {
		m.setContext(i, "")
	}
}

// readNginxClient reads "client 127.0.0.1 closed keepalive connection".
func (m *Message) readNginxClient() {
	rest, ok := strings.CutPrefix(m.text, "client ")
	if !ok {
		return
	}
	if address, _, _ := strings.Cut(rest, " "); len(address) > 2 && strings.ContainsAny(address, ".:") && !strings.HasSuffix(address, ":") {
		m.client = address
	}
}

// contextMarks begin what nginx writes behind the client, in its order.
var contextMarks = [...]string{
	", server: ", ", request: \"", ", subrequest: \"", ", upstream: \"", ", host: \"", ", referrer: \"",
}

// setContext sets the field that a mark of contextMarks begins. A function in
// that table would move every Message to the heap.
func (m *Message) setContext(mark int, value string) {
	switch mark {
	case 0:
		m.server = value
	case 1:
		m.request = value
	case 3:
		m.upstream = value
	case 4:
		m.host = value
	case 5:
		m.referrer = value
	}
}

// readClient reads a context from the client's address on, and tells whether
// nothing was left over.
func (m *Message) readClient(s string) bool {
	m.clearContext()
	end := endOfBare(s)
	m.client = s[:end]
	s = s[end:]
	for i, mark := range contextMarks {
		if !strings.HasPrefix(s, mark) {
			continue
		}
		s = s[len(mark):]
		if mark[len(mark)-1] != '"' {
			end = endOfBare(s)
			m.setContext(i, s[:end])
			s = s[end:]
			continue
		}
		end = endOfQuoted(s, i)
		m.setContext(i, s[:end])
		s = s[min(end+1, len(s)):]
	}
	return s == ""
}

// endOfBare is where an address or a server's name ends.
func endOfBare(s string) int {
	if end := strings.Index(s, ", "); end >= 0 {
		return end
	}
	return len(s)
}

// endOfQuoted is where the quoted value of contextMarks[key] ends: at a quote
// with nothing behind it, or another value. nginx escapes no quotes here.
func endOfQuoted(s string, key int) int {
	for at := 0; ; at++ {
		next := strings.IndexByte(s[at:], '"')
		if next < 0 {
			return len(s)
		}
		at += next
		if at+1 == len(s) {
			return at
		}
		for _, mark := range contextMarks[key+1:] {
			if strings.HasPrefix(s[at+1:], mark) {
				return at
			}
		}
	}
}
