package index

import (
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/tagtail/tagtail/index/internal/words"
)

const (
	// maxRegexBytes bounds the text of a regular expression.
	maxRegexBytes = 512
	// maxRegexProgram bounds what it compiles to: (\pL{900}){1000} is short, but
	// matching takes time in proportion to the program.
	maxRegexProgram = 5000
)

var errRegexTooLong = errors.New("the regular expression is too long")

// regex is a compiled regular expression, without regard to case unless it
// says (?-i).
type regex struct {
	re     *regexp.Regexp
	parsed *syntax.Regexp
	// probe is a text that every match has, nil if none is known. Looking for
	// it first is what makes a regex without regard to case bearable.
	probe    *pattern
	required []*pattern // all such texts, for shapes

	// Every match of ASCII begins with prefix, if there is one, and rest is the
	// expression for a text that begins with it.
	prefix *needle
	rest   *regexp.Regexp
}

func newRegex(source string) (*regex, error) {
	if len(source) > maxRegexBytes {
		return nil, errRegexTooLong
	}
	parsed, err := syntax.Parse(source, syntax.Perl|syntax.FoldCase)
	if err != nil {
		return nil, fmt.Errorf("parse regular expression: %w", err)
	}
	parsed = parsed.Simplify()
	program, err := syntax.Compile(parsed)
	if err != nil {
		return nil, fmt.Errorf("compile regular expression: %w", err)
	}
	if len(program.Inst) > maxRegexProgram {
		return nil, errRegexTooLong
	}
	re, err := regexp.Compile("(?i)" + source)
	if err != nil {
		return nil, fmt.Errorf("compile regular expression: %w", err)
	}
	x := &regex{re: re, parsed: parsed}
	if text := prefix(parsed); len(text) >= minPrefix {
		n := newNeedle(text)
		x.prefix = &n
		if x.rest, err = regexp.Compile(`\A(?i:` + closed(source) + `)`); err != nil {
			return nil, fmt.Errorf("compile regular expression: %w", err)
		}
	}
	longest := 0
	for _, text := range required(nil, parsed) {
		if text == "" {
			continue
		}
		p := newPattern([]chunk{{wild: '*'}, {text: text}, {wild: '*'}}, false)
		x.required = append(x.required, p)
		if len(text) > longest {
			x.probe, longest = p, len(text)
		}
	}
	return x, nil
}

// closed ends a quotation, \Q…\E, that the end of the expression would: something
// follows it.
func closed(source string) string {
	quoted := false
	for i := 0; i+1 < len(source); i++ {
		if source[i] != '\\' {
			continue
		}
		next := source[i+1]
		if quoted && next != 'E' {
			continue
		}
		quoted = next == 'Q' || quoted && next != 'E'
		i++
	}
	if quoted {
		return source + `\E`
	}
	return source
}

func (x *regex) in(value string) bool {
	if x.prefix == nil || !isASCII(value) {
		return (x.probe == nil || x.probe.in(value)) && x.re.MatchString(value)
	}
	at := x.prefix.next(value, 0)
	for tries := 0; at >= 0; tries++ {
		if tries == maxPrefixes {
			return x.re.MatchString(value)
		}
		if x.rest.MatchString(value[at:]) {
			return true
		}
		at = x.prefix.next(value, at+1)
	}
	return false
}

// maxPrefixes is at how many places of a message the rest is tried: each may
// take as long as the whole expression.
const maxPrefixes = 8

// minPrefix is the length from which a prefix is worth looking for.
const minPrefix = 2

// prefix is the folded text that every match of re within ASCII begins with.
// What re asks of the place before a match, it asks behind the prefix only.
func prefix(re *syntax.Regexp) string {
	switch re.Op {
	case syntax.OpCapture, syntax.OpConcat:
		return prefix(re.Sub[0])
	case syntax.OpLiteral:
		text := string(words.Fold(nil, string(re.Rune)))
		if isASCII(text) {
			return text
		}
	}
	return ""
}

// required appends texts whose folded form is in the folded form of whatever
// re matches.
func required(dst []string, re *syntax.Regexp) []string {
	switch re.Op {
	case syntax.OpCapture, syntax.OpPlus, syntax.OpConcat:
		for _, sub := range re.Sub {
			dst = required(dst, sub)
		}
	case syntax.OpLiteral:
		start := 0
		for i, r := range re.Rune {
			if r == utf8.RuneError || re.Flags&syntax.FoldCase != 0 && len(furtherCases(r)) > 0 {
				dst = append(dst, string(re.Rune[start:i]))
				start = i + 1
			}
		}
		dst = append(dst, string(re.Rune[start:]))
	}
	return dst
}

// furtherCases are the letters that a regular expression without regard to
// case takes for r, but that fold to another letter: ſ for s.
func furtherCases(r rune) []rune {
	var out []rune
	for other := unicode.SimpleFold(r); other != r; other = unicode.SimpleFold(other) {
		if unicode.ToLower(other) != unicode.ToLower(r) {
			out = append(out, other)
		}
	}
	return out
}

// regexExpr matches a regular expression in Message.
type regexExpr struct {
	unplanned
	*regex
	source string
}

func (x regexExpr) match(e *Entry) bool { return x.in(e.Message) }
func (x regexExpr) plan() plan          { return planRegex(x.parsed) }
func (x regexExpr) String() string      { return x.source }

// planRegex plans for messages that have a match of re, from the literals
// that every match must have.
func planRegex(re *syntax.Regexp) plan {
	switch re.Op {
	case syntax.OpNoMatch:
		return plan{op: planNone}
	case syntax.OpLiteral:
		return planLiteral(re)
	case syntax.OpCapture, syntax.OpPlus:
		return planRegex(re.Sub[0])
	case syntax.OpRepeat:
		if re.Min > 0 {
			return planRegex(re.Sub[0])
		}
	case syntax.OpConcat, syntax.OpAlternate:
		plans := make([]plan, len(re.Sub))
		for i, sub := range re.Sub {
			plans[i] = planRegex(sub)
		}
		if re.Op == syntax.OpConcat {
			return planAllOf(plans)
		}
		return planAnyOf(plans)
	}
	return plan{op: planAll}
}

// planLiteral plans for a literal of a regular expression. Such a literal
// matches more than its folded text where Unicode has further cases of a
// letter: s matches ſ, which words.Fold leaves alone. A block that has such a
// letter is kept too. U+FFFD matches any byte that is not UTF-8, so that the
// literal ends there.
func planLiteral(re *syntax.Regexp) plan {
	var kids []plan
	others := map[string]bool{}
	var text []byte
	flush := func() {
		kids = append(kids, planText(string(words.Fold(nil, string(text))), false, false))
		text = text[:0]
	}
	for _, r := range re.Rune {
		if r == utf8.RuneError {
			flush()
			continue
		}
		text = utf8.AppendRune(text, r)
		if re.Flags&syntax.FoldCase != 0 {
			for _, other := range furtherCases(r) {
				others[strings.ToLower(string(other))] = true
			}
		}
	}
	flush()
	options := []plan{planAllOf(kids)}
	for other := range others {
		options = append(options, planText(other, false, false))
	}
	return planAnyOf(options)
}
