package pyliteral

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// lines says whether a run of blanks may go on past the end of a line: inside
// brackets it may.
type lines bool

const (
	sameLine lines = false
	anyLine  lines = true
)

// parser walks src once, a character at a time.
type parser struct {
	name      string
	src       []byte
	pos       int
	line, col int
	depth     int
}

func (p *parser) errorf(format string, args ...any) *Error {
	return &Error{Name: p.name, Line: p.line, Col: p.col, Msg: fmt.Sprintf(format, args...)}
}

func (p *parser) errorAt(v Value, format string, args ...any) *Error {
	return &Error{Name: p.name, Line: v.Line, Col: v.Col, Msg: fmt.Sprintf(format, args...)}
}

// peek gives the byte n ahead, 0 past the end.
func (p *parser) peek(n int) byte {
	if p.pos+n >= len(p.src) {
		return 0
	}
	return p.src[p.pos+n]
}

// next takes one character. CRLF and CR count as one line end, as Python reads
// them.
func (p *parser) next() rune {
	r, size := utf8.DecodeRune(p.src[p.pos:])
	p.pos += size
	if r == '\r' {
		if p.peek(0) == '\n' {
			p.pos++
		}
		r = '\n'
	}
	if r == '\n' {
		p.line++
		p.col = 1
	} else {
		p.col++
	}
	return r
}

func (p *parser) skip(n int) {
	for range n {
		p.next()
	}
}

// here names what stands at the position, for an error.
func (p *parser) here() string {
	if p.pos >= len(p.src) {
		return "end of file"
	}
	if b := p.src[p.pos]; b == '\n' || b == '\r' {
		return "end of line"
	}
	if word := p.word(); word != "" {
		return "'" + word + "'"
	}
	r, _ := utf8.DecodeRune(p.src[p.pos:])
	if r < ' ' || r == 0x7f || r == 0xa0 {
		return fmt.Sprintf("character U+%04X", r)
	}
	return "'" + string(r) + "'"
}

// word gives the ASCII identifier at the position, cut for an error message.
func (p *parser) word() string {
	end := p.pos
	for end < len(p.src) && isWord(p.src[end]) && end-p.pos < 40 {
		end++
	}
	return string(p.src[p.pos:end])
}

func isWord(b byte) bool {
	return b == '_' || b >= '0' && b <= '9' || b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z'
}

// skipBlanks passes blanks, comments, joined lines and, if allowed, line ends.
func (p *parser) skipBlanks(over lines) error {
	for p.pos < len(p.src) {
		switch b := p.src[p.pos]; {
		case b == ' ' || b == '\t' || b == '\f':
			p.next()
		case (b == '\n' || b == '\r') && over == anyLine:
			p.next()
		case b == '#':
			for p.pos < len(p.src) && p.src[p.pos] != '\n' && p.src[p.pos] != '\r' {
				p.next()
			}
		case b == '\\' && (p.peek(1) == '\n' || p.peek(1) == '\r'):
			p.skip(2)
		case b == 0:
			return p.errorf("a NUL byte is not allowed")
		default:
			return nil
		}
	}
	return nil
}

// value reads one expression; the position is at its first character.
func (p *parser) value() (Value, error) {
	v := Value{Line: p.line, Col: p.col}
	switch b := p.peek(0); {
	case p.pos >= len(p.src):
		return v, p.errorf("expected a value, found the end of the file")
	case b == '{':
		return p.nested(v, p.dict)
	case b == '[':
		return p.nested(v, p.list)
	case b == '(':
		return p.nested(v, p.parens)
	case p.atString():
		return p.strings(v)
	case b == '+' || b == '-' || b >= '0' && b <= '9', b == '.' && isDigit(p.peek(1)):
		return p.number(v)
	}
	return p.keyword(v)
}

func (p *parser) keyword(v Value) (Value, error) {
	word := p.word()
	switch word {
	case "None":
		v.Kind = None
	case "True", "False":
		v.Kind, v.Bool = Bool, word == "True"
	default:
		return v, p.errorf("expected a value, found %s", p.here())
	}
	p.skip(len(word))
	return v, nil
}

// nested reads a bracketed value, whose opening bracket is at the position.
func (p *parser) nested(v Value, read func(Value) (Value, error)) (Value, error) {
	if p.depth == MaxDepth {
		return v, p.errorf("more than %d brackets inside each other", MaxDepth)
	}
	p.depth++
	defer func() { p.depth-- }()
	p.next()
	if err := p.skipBlanks(anyLine); err != nil {
		return v, err
	}
	return read(v)
}

func (p *parser) dict(v Value) (Value, error) {
	v.Kind = Dict
	lineOf := map[string]int{}
	for p.peek(0) != '}' {
		key, err := p.value()
		if err != nil {
			return v, err
		}
		id, ok := identity(key)
		if !ok {
			return v, p.errorAt(key, "a %s cannot be a key", key.Kind)
		}
		if first, twice := lineOf[id]; twice {
			return v, p.errorAt(key, "the key %s is there twice: in line %d and in line %d", describe(key), first, key.Line)
		}
		lineOf[id] = key.Line
		if err := p.punctuation(':', "expected ':' after the key"); err != nil {
			return v, err
		}
		val, err := p.value()
		if err != nil {
			return v, err
		}
		v.Pairs = append(v.Pairs, Pair{key, val})
		if err := p.separator('}'); err != nil {
			return v, err
		}
	}
	p.next()
	return v, nil
}

func (p *parser) list(v Value) (Value, error) {
	v.Kind = List
	for p.peek(0) != ']' {
		item, err := p.value()
		if err != nil {
			return v, err
		}
		v.Items = append(v.Items, item)
		if err := p.separator(']'); err != nil {
			return v, err
		}
	}
	p.next()
	return v, nil
}

// parens reads a tuple, or one value that is only wrapped.
func (p *parser) parens(v Value) (Value, error) {
	v.Kind = Tuple
	comma := false
	for p.peek(0) != ')' {
		item, err := p.value()
		if err != nil {
			return v, err
		}
		v.Items = append(v.Items, item)
		if err := p.skipBlanks(anyLine); err != nil {
			return v, err
		}
		comma = comma || p.peek(0) == ','
		if err := p.separator(')'); err != nil {
			return v, err
		}
	}
	p.next()
	if len(v.Items) == 1 && !comma {
		return v.Items[0], nil
	}
	return v, nil
}

// punctuation takes one required character and the blanks on both its sides.
func (p *parser) punctuation(want byte, missing string) error {
	if err := p.skipBlanks(anyLine); err != nil {
		return err
	}
	if p.peek(0) != want {
		return p.errorf("%s", missing)
	}
	p.next()
	return p.skipBlanks(anyLine)
}

// separator takes a comma, or stops before the closing bracket.
func (p *parser) separator(closing byte) error {
	if err := p.skipBlanks(anyLine); err != nil {
		return err
	}
	if p.peek(0) == closing {
		return nil
	}
	return p.punctuation(',', fmt.Sprintf("expected ',' or '%c'", closing))
}

// identity is the same for keys that Python holds for equal (1, 1.0 and True);
// false for what cannot be a key.
func identity(v Value) (string, bool) {
	switch v.Kind {
	case Str:
		return "s" + v.Str, true
	case Int:
		return "n" + v.Int.String(), true
	case Bool:
		if v.Bool {
			return "n1", true
		}
		return "n0", true
	case Float:
		return "n" + floatIdentity(v.Float), true
	case None:
		return "None", true
	case Tuple:
		var b strings.Builder
		b.WriteByte('(')
		for _, item := range v.Items {
			id, ok := identity(item)
			if !ok {
				return "", false
			}
			fmt.Fprintf(&b, "%d:%s,", len(id), id)
		}
		return b.String(), true
	}
	return "", false
}

func describe(v Value) string {
	switch v.Kind {
	case Str:
		return fmt.Sprintf("'%s'", v.Str)
	case Int:
		return v.Int.String()
	case Bool:
		if v.Bool {
			return "True"
		}
		return "False"
	}
	return "of kind " + string(v.Kind)
}

func (p *parser) invalidUTF8() error {
	for p.pos < len(p.src) {
		if r, size := utf8.DecodeRune(p.src[p.pos:]); r == utf8.RuneError && size == 1 {
			break
		}
		p.next()
	}
	return p.errorf("byte 0x%02X is not UTF-8", p.peek(0))
}
