package pyliteral

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// atString tells whether a string begins here, with or without a prefix. The
// prefixes b and f count too: they are refused with a better sentence.
func (p *parser) atString() bool {
	n := 0
	for n < 2 && strings.IndexByte("rRuUbBfF", p.peek(n)) >= 0 && p.peek(n) != 0 {
		n++
	}
	return p.peek(n) == '\'' || p.peek(n) == '"'
}

// strings reads one string and those that follow it directly, which Python
// joins. Outside brackets they must be on one line.
func (p *parser) strings(v Value) (Value, error) {
	v.Kind = Str
	var b strings.Builder
	for {
		if err := p.oneString(&b); err != nil {
			return v, err
		}
		if err := p.skipBlanks(sameLineUnless(p.depth)); err != nil {
			return v, err
		}
		if !p.atString() {
			v.Str = b.String()
			return v, nil
		}
	}
}

// oneString appends one quoted string to b.
func (p *parser) oneString(b *strings.Builder) error {
	opened := p.errorf("this string is not closed")
	prefix := ""
	for p.peek(0) != '\'' && p.peek(0) != '"' {
		prefix += strings.ToLower(string(p.next()))
	}
	if prefix != "" && prefix != "r" && prefix != "u" {
		opened.Msg = "strings with the prefix " + prefix + " are not supported; write plain text"
		return opened
	}
	quote := string(p.peek(0))
	if p.peek(1) == quote[0] && p.peek(2) == quote[0] {
		quote = strings.Repeat(quote, 3)
	}
	p.skip(len(quote))
	for {
		switch {
		case p.pos >= len(p.src):
			return opened
		case strings.HasPrefix(string(p.src[p.pos:min(p.pos+len(quote), len(p.src))]), quote):
			p.skip(len(quote))
			return nil
		case p.peek(0) == 0:
			return p.errorf("a NUL byte is not allowed")
		case len(quote) == 1 && (p.peek(0) == '\n' || p.peek(0) == '\r'):
			return opened
		case p.peek(0) == '\\' && prefix == "r":
			b.WriteRune(p.next())
			if p.pos >= len(p.src) {
				return opened
			}
			b.WriteRune(p.next()) // a quote behind a backslash does not close a raw string
		case p.peek(0) == '\\':
			if err := p.escape(b); err != nil {
				return err
			}
		default:
			b.WriteRune(p.next())
		}
	}
}

// simpleEscapes are those of one letter.
var simpleEscapes = map[byte]byte{
	'\\': '\\', '\'': '\'', '"': '"',
	'a': '\a', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t', 'v': '\v',
}

// escape reads a backslash and what belongs to it. An unknown one stays as it
// is, backslash and all, as in Python.
func (p *parser) escape(b *strings.Builder) error {
	at := Value{Line: p.line, Col: p.col}
	p.next()
	if p.pos >= len(p.src) {
		return p.errorAt(at, "this string is not closed")
	}
	c := p.peek(0)
	if plain, ok := simpleEscapes[c]; ok {
		b.WriteByte(plain)
		p.next()
		return nil
	}
	switch {
	case c == '\n' || c == '\r':
		p.next()
	case c >= '0' && c <= '7':
		n := 0
		for i := 0; i < 3 && p.peek(0) >= '0' && p.peek(0) <= '7'; i++ {
			n = n*8 + int(p.next()-'0')
		}
		b.WriteRune(rune(n))
	case c == 'x':
		return p.hexEscape(b, at, 2)
	case c == 'u':
		return p.hexEscape(b, at, 4)
	case c == 'U':
		return p.hexEscape(b, at, 8)
	case c == 'N':
		return p.errorAt(at, `\N{…} is not supported; write the character itself`)
	default:
		b.WriteByte('\\')
	}
	return nil
}

func (p *parser) hexEscape(b *strings.Builder, at Value, digits int) error {
	p.next()
	text := ""
	for range digits {
		if strings.IndexByte("0123456789abcdefABCDEF", p.peek(0)) < 0 || p.peek(0) == 0 {
			return p.errorAt(at, "this escape needs %d hexadecimal digits", digits)
		}
		text += string(p.next())
	}
	n, err := strconv.ParseUint(text, 16, 32)
	if err != nil || !utf8.ValidRune(rune(n)) {
		return p.errorAt(at, "U+%s is not a character", text)
	}
	b.WriteRune(rune(n))
	return nil
}
