package filter

import (
	"fmt"
	"regexp"
	"strings"
)

// maxPatternBytes bounds a regular expression.
const maxPatternBytes = 1024

// compilePOSIX compiles a POSIX regular expression, basic or extended, with
// GNU's additions, as regcomp(3) understands it. References to groups are not
// possible: they could take for ever.
func compilePOSIX(pattern string, extended bool) (*regexp.Regexp, error) {
	if len(pattern) > maxPatternBytes {
		return nil, fmt.Errorf("the regular expression has %d bytes; at most %d are possible", len(pattern), maxPatternBytes)
	}
	t := posix{pattern: pattern, extended: extended}
	if err := t.translate(); err != nil {
		return nil, fmt.Errorf("the regular expression %q cannot be used: %w", pattern, err)
	}
	re, err := regexp.Compile("(?s)" + t.out.String())
	if err != nil {
		return nil, fmt.Errorf("the regular expression %q cannot be used: %w", pattern, err)
	}
	return re, nil
}

// posix translates to the syntax of package regexp.
type posix struct {
	pattern  string
	extended bool
	i        int
	out      strings.Builder
	begin    bool // nothing is there that could be repeated
}

// Signs that mean something in extended expressions, and in basic ones only
// behind a backslash.
const extendedSigns = "+?|(){}"

func (t *posix) translate() error {
	t.begin = true
	for t.i < len(t.pattern) {
		c := t.pattern[t.i]
		t.i++
		var err error
		switch {
		case c == '\\':
			err = t.escape()
		case c == '[':
			err = t.bracket()
		case c == '*' && t.begin && !t.extended:
			t.literal(c)
		case c == '^':
			t.caret()
		case c == '$':
			t.dollar()
		case strings.IndexByte(extendedSigns, c) >= 0 && !t.extended:
			t.literal(c)
		case strings.IndexByte(extendedSigns, c) >= 0:
			t.sign(c)
		default:
			t.out.WriteByte(c)
			t.begin = false
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (t *posix) literal(c byte) {
	t.out.WriteString(regexp.QuoteMeta(string(rune(c))))
	t.begin = false
}

func (t *posix) sign(c byte) {
	t.out.WriteByte(c)
	t.begin = c == '(' || c == '|'
}

// caret is an anchor at the beginning of a basic expression or group.
func (t *posix) caret() {
	if t.extended || t.begin {
		t.out.WriteByte('^')
		return // a star behind it is a star
	}
	t.literal('^')
}

// dollar is an anchor at the end of a basic expression or group.
func (t *posix) dollar() {
	rest := t.pattern[t.i:]
	if t.extended || rest == "" || strings.HasPrefix(rest, `\)`) || strings.HasPrefix(rest, `\|`) {
		t.out.WriteByte('$')
		t.begin = false
		return
	}
	t.literal('$')
}

func (t *posix) escape() error {
	if t.i == len(t.pattern) {
		return fmt.Errorf("it ends with a backslash")
	}
	c := t.pattern[t.i]
	t.i++
	switch {
	case strings.IndexByte(extendedSigns, c) >= 0 && !t.extended:
		t.sign(c)
	case c == '<' || c == '>':
		t.out.WriteString(`\b`)
	case c == '`':
		t.out.WriteString(`\A`)
	case c == '\'':
		t.out.WriteString(`\z`)
	case strings.IndexByte("wWsSbB", c) >= 0:
		t.out.WriteByte('\\')
		t.out.WriteByte(c)
		t.begin = false
	case '1' <= c && c <= '9':
		return fmt.Errorf("references such as \\%c are not supported", c)
	default:
		t.literal(c)
	}
	return nil
}

// bracket copies "[…]", in which a backslash is nothing special.
func (t *posix) bracket() error {
	t.out.WriteByte('[')
	if strings.HasPrefix(t.pattern[t.i:], "^") {
		t.out.WriteByte('^')
		t.i++
	}
	for first := true; t.i < len(t.pattern); first = false {
		rest := t.pattern[t.i:]
		switch c := rest[0]; {
		case c == ']' && !first:
			t.out.WriteByte(']')
			t.i++
			t.begin = false
			return nil
		case strings.HasPrefix(rest, "[:"):
			end := strings.Index(rest, ":]")
			if end < 0 {
				return fmt.Errorf("[: has no end")
			}
			t.out.WriteString(rest[:end+2])
			t.i += end + 2
			continue
		case strings.HasPrefix(rest, "[.") || strings.HasPrefix(rest, "[="):
			return fmt.Errorf("collating elements are not supported")
		case c == '\\' || c == '[' || c == ']' || c == '&' || c == '~':
			t.out.WriteByte('\\')
			t.out.WriteByte(c)
		default:
			t.out.WriteByte(c)
		}
		t.i++
	}
	return fmt.Errorf("a [ has no ]")
}
