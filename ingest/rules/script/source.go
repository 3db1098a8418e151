package script

import (
	"sort"
	"strings"
)

// source is a text with lines joined at backslashes, that still knows where
// each of its lines was.
type source struct {
	name  string
	text  string
	i     int
	lines []joined
}

// joined says on which line the text goes on from an offset.
type joined struct{ offset, line int }

func newSource(name, text string) *source {
	s := &source{name: name}
	text = strings.ReplaceAll(text, "\r\n", "\n")
	text = strings.TrimPrefix(text, "\ufeff")
	var out strings.Builder
	out.Grow(len(text) + 1)
	joining := false
	line := 0
	for one := range strings.SplitSeq(text, "\n") {
		line++
		if joining {
			one = strings.TrimLeft(one, " \t")
		}
		s.lines = append(s.lines, joined{out.Len(), line})
		comment := !joining && strings.HasPrefix(strings.TrimLeft(one, " \t"), "#")
		var more bool
		if one, more = strings.CutSuffix(one, `\`); more && !comment {
			out.WriteString(one)
			joining = true
			continue
		}
		if more {
			one += `\`
		}
		joining = false
		out.WriteString(one)
		out.WriteByte('\n')
	}
	s.text = out.String()
	return s
}

// at is the position of an offset.
func (s *source) at(offset int) Position {
	i := sort.Search(len(s.lines), func(i int) bool { return s.lines[i].offset > offset }) - 1
	return Position{File: s.name, Line: s.lines[max(0, i)].line}
}

func (s *source) here() Position { return s.at(s.i) }

func (s *source) rest() string { return s.text[s.i:] }

func (s *source) end() bool { return s.i >= len(s.text) }

func (s *source) peek() byte {
	if s.end() {
		return 0
	}
	return s.text[s.i]
}

// skip passes over space and comments.
func (s *source) skip() {
	for !s.end() {
		switch c := s.text[s.i]; {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			s.i++
		case c == '#':
			s.skipLine()
		case strings.HasPrefix(s.rest(), "/*"):
			end := strings.Index(s.rest()[2:], "*/")
			if end < 0 {
				s.i = len(s.text)
				return
			}
			s.i += end + 4
		default:
			return
		}
	}
}

// skipBlanks passes over space of this line.
func (s *source) skipBlanks() {
	for !s.end() && (s.text[s.i] == ' ' || s.text[s.i] == '\t') {
		s.i++
	}
}

func (s *source) skipLine() { s.line() }

// restOfLine is the rest of the line, which is not taken.
func (s *source) restOfLine() string {
	line, _, _ := strings.Cut(s.rest(), "\n")
	return line
}

// line takes the rest of the line.
func (s *source) line() string {
	start := s.i
	for !s.end() && s.text[s.i] != '\n' {
		s.i++
	}
	return s.text[start:s.i]
}

// accept takes a sign, behind space.
func (s *source) accept(sign string) bool {
	s.skip()
	if !strings.HasPrefix(s.rest(), sign) {
		return false
	}
	s.i += len(sign)
	return true
}

func isWordByte(c byte) bool {
	return c == '_' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

// word returns the letters, digits and underscores that come next.
func (s *source) word() string {
	i := s.i
	for i < len(s.text) && isWordByte(s.text[i]) {
		i++
	}
	return s.text[s.i:i]
}

// keyword takes a word in any case, behind space.
func (s *source) keyword(word string) bool {
	s.skip()
	if w := s.word(); !strings.EqualFold(w, word) {
		return false
	}
	s.i += len(word)
	return true
}

// skipBalanced passes over a group in brackets, which begins here. It returns
// false, at the end of the text, if the group has no end.
func (s *source) skipBalanced() bool {
	depth := 0
	for !s.end() {
		switch c := s.text[s.i]; c {
		case '(', '{', '[':
			depth++
		case ')', '}', ']':
			depth--
		case '"', '\'':
			if _, ok := s.quoted(); !ok {
				s.i = len(s.text)
				return false
			}
			if depth == 0 {
				return true
			}
			continue
		case '#':
			s.skipLine()
			continue
		}
		s.i++
		if depth <= 0 {
			return true
		}
	}
	return false
}

// quoted takes a text in quotes of either kind and resolves its backslashes as
// RainerScript does.
func (s *source) quoted() (string, bool) {
	quote := s.text[s.i]
	var out strings.Builder
	i := s.i + 1
	for ; i < len(s.text); i++ {
		c := s.text[i]
		if c == quote {
			s.i = i + 1
			return out.String(), true
		}
		if c != '\\' || i+1 == len(s.text) {
			out.WriteByte(c)
			continue
		}
		i++
		if n := escape(&out, s.text[i:]); n > 0 {
			i += n - 1
		}
	}
	return "", false
}

// escape writes what a backslash and text stand for, and returns how much of
// text that took.
func escape(out *strings.Builder, text string) int {
	switch c := text[0]; c {
	case 'n':
		out.WriteByte('\n')
	case 't':
		out.WriteByte('\t')
	case 'r':
		out.WriteByte('\r')
	case 'a':
		out.WriteByte('\a')
	case 'b':
		out.WriteByte('\b')
	case 'f':
		out.WriteByte('\f')
	case '0', '1', '2', '3', '4', '5', '6', '7':
		if n, ok := digits(text, 3, 8); ok {
			out.WriteByte(byte(n))
			return 3
		}
		out.WriteByte(c)
	case 'x':
		if n, ok := digits(text[1:], 2, 16); ok {
			out.WriteByte(byte(n))
			return 3
		}
		out.WriteByte(c)
	case '\\', '"', '\'', '?', '$':
		out.WriteByte(c)
	default:
		out.WriteByte('\\')
		out.WriteByte(c)
	}
	return 1
}

// digits reads exactly so many digits.
func digits(text string, count, base int) (n int, ok bool) {
	if len(text) < count {
		return 0, false
	}
	for _, c := range []byte(text[:count]) {
		d := strings.IndexByte("0123456789abcdef", c|0x20)
		if '0' <= c && c <= '9' {
			d = int(c - '0')
		}
		if d < 0 || d >= base {
			return 0, false
		}
		n = n*base + d
	}
	return n, true
}
