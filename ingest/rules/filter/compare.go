package filter

import (
	"bytes"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/tagtail/tagtail/ingest/rules/message"
)

// Operand is one side of a comparison of RainerScript: a property, texts of
// which one has to do, or a number.
type Operand struct {
	Property message.Property // 0 if it is a constant
	Name     string           // of the property
	Texts    []string
	Number   int64 // if there are no Texts
}

func (o *Operand) isNumber() bool { return o.Property == 0 && o.Texts == nil }

func (o *Operand) String() string {
	switch {
	case o.Property != 0:
		return o.Name
	case o.isNumber():
		return strconv.FormatInt(o.Number, 10)
	}
	texts := make([]string, len(o.Texts))
	for i, t := range o.Texts {
		texts[i] = quoted(t)
	}
	return strings.Join(texts, " or ")
}

// Compare is a comparison of RainerScript with a property on its left.
type Compare struct {
	left     message.Property
	name     string
	op       string
	order    func(int) bool // of == != < <= > >=, else nil
	text     operation
	values   [][]byte
	numbers  []int64 // the values, where they are numbers
	isNumber []bool
}

var orders = map[string]func(int) bool{
	"==": func(n int) bool { return n == 0 },
	"!=": func(n int) bool { return n != 0 },
	"<":  func(n int) bool { return n < 0 },
	"<=": func(n int) bool { return n <= 0 },
	">":  func(n int) bool { return n > 0 },
	">=": func(n int) bool { return n >= 0 },
}

var textOperations = map[string]operation{
	"contains": opContains, "contains_i": opContainsFolded, "startswith": opStartsWith, "startswith_i": opStartsWithFolded,
}

// mirrored is the comparison with its sides changed.
var mirrored = map[string]string{"==": "==", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}

// NewCompare makes a comparison. One of the sides has to be a property, the
// other a constant.
func NewCompare(left Operand, op string, right Operand) (*Compare, error) {
	if op == "<>" {
		op = "!="
	}
	if left.Property == 0 && right.Property != 0 && mirrored[op] != "" {
		left, right, op = right, left, mirrored[op]
	}
	if left.Property == 0 || right.Property != 0 {
		return nil, fmt.Errorf("a comparison of %s with %s is not supported; compare a property with a text or a number", left.String(), right.String())
	}
	f := &Compare{left: left.Property, name: left.Name, op: op, order: orders[op], text: textOperations[op]}
	if f.order == nil && f.text == 0 {
		return nil, fmt.Errorf("there is no comparison %q", op)
	}
	if len(right.Texts) > 1 && f.order != nil && op != "==" && op != "!=" {
		return nil, fmt.Errorf("%s cannot compare with a list", op)
	}
	if right.isNumber() {
		f.add(strconv.FormatInt(right.Number, 10), right.Number, true)
		return f, nil
	}
	for _, text := range right.Texts {
		f.add(text, 0, false)
	}
	return f, nil
}

func (f *Compare) add(text string, number int64, isNumber bool) {
	f.values = append(f.values, []byte(text))
	f.numbers = append(f.numbers, number)
	f.isNumber = append(f.isNumber, isNumber)
}

// Match compares with each value; one is enough, but != holds for all.
func (f *Compare) Match(m *message.Message) bool {
	value := m.Get(f.left)
	all := f.op == "!="
	for i := range f.values {
		if f.matches(value, i) != all {
			return !all
		}
	}
	return all
}

func (f *Compare) matches(value []byte, i int) bool {
	if f.order == nil {
		return f.text.compare(value, f.values[i], nil)
	}
	if f.isNumber[i] {
		if n, ok := number(value); ok {
			switch {
			case n < f.numbers[i]:
				return f.order(-1)
			case n > f.numbers[i]:
				return f.order(1)
			}
			return f.order(0)
		}
	}
	return f.order(bytes.Compare(value, f.values[i]))
}

// number reads a value that is a decimal number from its first to its last
// byte.
func number(value []byte) (n int64, ok bool) {
	digits := value
	negative := len(digits) > 0 && digits[0] == '-'
	if negative {
		digits = digits[1:]
	}
	if len(digits) == 0 || len(digits) > 18 {
		return 0, false
	}
	for _, c := range digits {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	if negative {
		n = -n
	}
	return n, true
}

var compareWords = map[string]string{
	"==": "is", "!=": "is not", "<": "is below", "<=": "is at most", ">": "is above", ">=": "is at least",
	"contains": "contains", "contains_i": "contains, in any case,", "startswith": "starts with", "startswith_i": "starts, in any case, with",
}

func (f *Compare) String() string {
	values := make([]string, len(f.values))
	for i, v := range f.values {
		if values[i] = quoted(string(v)); f.isNumber[i] {
			values[i] = string(v)
		}
	}
	return f.name + " " + compareWords[f.op] + " " + strings.Join(values, " or ")
}

// Regexp is re_match(property, 'extended regular expression').
type Regexp struct {
	property message.Property
	name     string
	text     string
	pattern  *regexp.Regexp
}

// NewRegexp makes a filter of re_match.
func NewRegexp(property Operand, pattern string) (*Regexp, error) {
	if property.Property == 0 {
		return nil, fmt.Errorf("re_match looks at a property: write re_match($msg, 'pattern')")
	}
	re, err := compilePOSIX(pattern, true)
	if err != nil {
		return nil, err
	}
	return &Regexp{property: property.Property, name: property.Name, text: pattern, pattern: re}, nil
}

// Match looks for the pattern.
func (f *Regexp) Match(m *message.Message) bool { return f.pattern.Match(m.Get(f.property)) }

func (f *Regexp) String() string { return f.name + " matches " + quoted(f.text) }
