// Package content reads what the text of a message says: client, request, status, file and line.
//
//	message → Read → Message → accessors
//
// It knows the error and access logs of nginx and Apache, tracebacks of Lua
// and Python, Redis's own log lines, key=value pairs and JSON objects. All of
// it is the sender's claim, and nothing here says whose a message is.
//
// Invariants: every message can be read, also one that is cut anywhere; every
// string that is returned is a part of the message as it was sent, escapes
// included, and stands between ASCII bytes that are neither letters nor
// digits, or at an end of the message. Searching rests on the second: a token
// of a value is a token of the message. Nothing is computed before it is
// asked for but where a message's parts are. Start reading at Message.
package content

import "strings"

// Kind is the form of a message.
type Kind uint8

// The kinds.
const (
	Other Kind = iota
	NginxError
	// Lua is an nginx error log's line that Lua code wrote or caused.
	Lua
	// Access is a line of an access log, of nginx or Apache.
	Access
	Redis
	Python
	JSON
)

// Message is what was found in a message. Its accessors return "" for what the
// message does not say. They take it by value, so that a caller who chooses one
// of them at run time keeps it on the stack.
type Message struct {
	kind Kind
	text string // what no other field holds

	level, pid, tid, conn, role       string
	client, server, request, phase    string
	upstream, host, referrer, agent   string
	status, bytes, took, upstreamTook string
}

// Read finds the parts of a message. Later trouble is the accessors': it takes
// time for what begins like a log line only.
func Read(message string) Message {
	m := Message{text: message}
	switch {
	case m.readNginxError(), m.readAccess(), m.readRedis():
	case strings.HasPrefix(message, "{"):
		m.kind = JSON
	case strings.Contains(message, pythonTrace):
		m.kind = Python
	}
	return m
}

// Kind is the form of the message.
func (m Message) Kind() Kind { return m.kind }

// Text is what the program says, without what surrounds it: of an nginx error,
// the part between the header and the client's context.
func (m Message) Text() string { return m.text }

// Level is nginx's word, such as "error", or Redis's sign, such as "#".
func (m Message) Level() string { return m.level }

// PID and TID are the process and the thread, in digits.
func (m Message) PID() string { return m.pid }

// TID is nginx's thread, which mostly is its process.
func (m Message) TID() string { return m.tid }

// Role is Redis's letter: M for a master, S for a replica, C for a child.
func (m Message) Role() string { return m.role }

// Conn is the number of the connection, in digits: nginx's *4139.
func (m Message) Conn() string { return either(m.conn, m.text, connKeys) }

// Client is the address of the client, or its name in Apache's access log.
func (m Message) Client() string { return either(m.client, m.text, clientKeys) }

// Server is nginx's server_name.
func (m Message) Server() string { return either(m.server, m.text, serverKeys) }

// Request is the request line: method, path and protocol.
func (m Message) Request() string { return m.request }

// Upstream is the address or URL that the request was passed to.
func (m Message) Upstream() string { return either(m.upstream, m.text, upstreamKeys) }

// Host is the Host header of the request.
func (m Message) Host() string { return either(m.host, m.text, hostKeys) }

// Referrer is the Referer header of the request.
func (m Message) Referrer() string { return either(m.referrer, m.text, referrerKeys) }

// UserAgent is the header of that name.
func (m Message) UserAgent() string { return either(m.agent, m.text, agentKeys) }

// RequestID is what ties the lines of one request together.
func (m Message) RequestID() string { return either("", m.text, requestIDKeys) }

// Phase is where Lua code ran without a request: nginx's "context: ngx.timer".
func (m Message) Phase() string { return m.phase }

// Method is the method of the request.
func (m Message) Method() string {
	method, _, _ := cutRequest(m.request)
	return either(method, m.text, methodKeys)
}

// Path is the path and the query string of the request.
func (m Message) Path() string {
	_, path, _ := cutRequest(m.request)
	return either(path, m.text, pathKeys)
}

// Protocol is the request's, such as "HTTP/1.1".
func (m Message) Protocol() string {
	_, _, protocol := cutRequest(m.request)
	return protocol
}

// HasTrace tells whether the message has a traceback of Lua or Python.
func (m Message) HasTrace() bool {
	return strings.Contains(m.text, luaTrace) || strings.Contains(m.text, pythonTrace)
}

// either returns a value that was read, or that of the first pair of text with
// such a key.
func either(read, text string, keys []string) string {
	if read != "" {
		return read
	}
	_, value := pair(text, keys)
	return value
}

// cutRequest splits a request line. What does not begin with a method and a
// space is a client's garbage and has none of the three.
func cutRequest(line string) (method, path, protocol string) {
	method, rest, _ := strings.Cut(line, " ")
	if method == "" || len(method) > 20 {
		return "", "", ""
	}
	for i := range len(method) {
		if c := method[i]; (c < 'A' || c > 'Z') && c != '-' {
			return "", "", ""
		}
	}
	if at := strings.LastIndexByte(rest, ' '); at >= 0 && strings.HasPrefix(rest[at+1:], "HTTP/") {
		return method, rest[:at], rest[at+1:]
	}
	return method, rest, ""
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isAlphanumeric(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' || isDigit(c) }

func isSpace(c byte) bool { return c == ' ' || '\t' <= c && c <= '\r' }

// digits counts the digits at the start of s.
func digits(s string) int {
	n := 0
	for n < len(s) && isDigit(s[n]) {
		n++
	}
	return n
}

// closed tells whether nothing continues a word at the start of s.
func closed(s string) bool { return s == "" || s[0] < 0x80 && !isAlphanumeric(s[0]) }
