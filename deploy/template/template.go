// Package template fills a configuration template with values: Python's
// string.Template, with a rule that suits nginx.
//
//	text + values → Expand → text
//
// A name with an upper-case letter is ours and must have a value, which finds
// $LISTNE and $USER_NAME_socketserver; an all-lower-case name without a value is
// nginx's own variable and stays, as do $1, \.php$ and every other lone dollar
// sign. $$ gives $. Values are put in once and never expanded again, and a value
// that could end a directive is refused (see CheckValue).
package template

import (
	"fmt"
	"sort"
	"strings"
	"unicode/utf8"
)

// Error is what is wrong with a template, and where.
type Error struct {
	Name      string // of the file, as given to Expand
	Line, Col int    // from 1, Col in characters
	Msg       string
}

func (e *Error) Error() string {
	return fmt.Sprintf("%s:%d:%d: %s", e.Name, e.Line, e.Col, e.Msg)
}

// placeholder is a $NAME or ${NAME} in a text.
type placeholder struct {
	name       string
	start, end int // of the whole, in bytes
}

// Expand replaces the placeholders of text. Every error is an *Error that
// begins with name, line and column.
func Expand(name string, text []byte, values map[string]string) ([]byte, error) {
	out := make([]byte, 0, len(text)+len(text)/4)
	for i := 0; i < len(text); {
		if text[i] != '$' {
			out = append(out, text[i])
			i++
			continue
		}
		if i+1 < len(text) && text[i+1] == '$' {
			out = append(out, '$')
			i += 2
			continue
		}
		p, ok := placeholderAt(text, i)
		if !ok {
			out = append(out, '$')
			i++
			continue
		}
		value, defined := values[p.name]
		if !defined && IsOurs(p.name) {
			return nil, errorAt(name, text, i, missing(p.name, values))
		}
		if !defined {
			out = append(out, text[p.start:p.end]...)
		} else if err := CheckValue(p.name, value); err != nil {
			return nil, errorAt(name, text, i, err.Error())
		}
		out = append(out, value...)
		i = p.end
	}
	return out, nil
}

// Names gives the names that text uses, sorted, each once: those of values that
// no template names are worth a warning.
func Names(text []byte) []string {
	seen := map[string]bool{}
	for i := 0; i < len(text); i++ {
		if text[i] != '$' {
			continue
		}
		if i+1 < len(text) && text[i+1] == '$' {
			i++
			continue
		}
		if p, ok := placeholderAt(text, i); ok {
			seen[p.name] = true
			i = p.end - 1
		}
	}
	names := make([]string, 0, len(seen))
	for name := range seen {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

// IsOurs tells whether a name must have a value: nginx's own variables have no
// upper-case letter.
func IsOurs(name string) bool {
	return strings.ContainsFunc(name, func(r rune) bool { return r >= 'A' && r <= 'Z' })
}

// placeholderAt reads the placeholder whose dollar sign is at i.
func placeholderAt(text []byte, i int) (placeholder, bool) {
	start := i + 1
	braced := start < len(text) && text[start] == '{'
	if braced {
		start++
	}
	end := start
	for end < len(text) && isNameByte(text[end], end > start) {
		end++
	}
	if end == start {
		return placeholder{}, false
	}
	p := placeholder{name: string(text[start:end]), start: i, end: end}
	if braced {
		if end >= len(text) || text[end] != '}' {
			return placeholder{}, false
		}
		p.end++
	}
	return p, true
}

func isNameByte(b byte, digitToo bool) bool {
	return b == '_' || b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || digitToo && b >= '0' && b <= '9'
}

// missing is the sentence about a name without a value, with a guess at what
// was meant.
func missing(name string, values map[string]string) string {
	best := ""
	for known := range values {
		if strings.HasPrefix(name, known) && len(known) > len(best) {
			best = known
		}
	}
	if best != "" {
		return fmt.Sprintf("$%s has no value; if $%s is meant, write ${%s}%s", name, best, best, name[len(best):])
	}
	return fmt.Sprintf("$%s has no value; write $$ for a dollar sign that stays", name)
}

func errorAt(name string, text []byte, pos int, msg string) *Error {
	before := string(text[:pos])
	line := strings.Count(before, "\n") + 1
	col := utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:]) + 1
	return &Error{Name: name, Line: line, Col: col, Msg: msg}
}
