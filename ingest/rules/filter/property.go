package filter

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"

	"github.com/tagtail/tagtail/ingest/rules/message"
)

// Property is ":property,operation,value": it compares one property.
type Property struct {
	property message.Property
	name     string
	op       operation
	negated  bool
	value    []byte
	pattern  *regexp.Regexp
}

// operation is how values are compared.
type operation uint8

const (
	opEqual operation = iota + 1
	opContains
	opContainsFolded
	opStartsWith
	opStartsWithFolded
	opEmpty
	opRegexp
)

// propertyOperations are those of property filters.
var propertyOperations = map[string]operation{
	"isequal": opEqual, "contains": opContains, "startswith": opStartsWith, "isempty": opEmpty, "regex": opRegexp, "ereregex": opRegexp,
}

var operationWords = map[operation][2]string{
	opEqual:            {"is", "is not"},
	opContains:         {"contains", "does not contain"},
	opContainsFolded:   {"contains, in any case,", "does not contain, in any case,"},
	opStartsWith:       {"starts with", "does not start with"},
	opStartsWithFolded: {"starts, in any case, with", "does not start, in any case, with"},
	opEmpty:            {"is empty", "is not empty"},
	opRegexp:           {"matches", "does not match"},
}

// NewProperty makes a property filter. The operation may begin with "!".
func NewProperty(name, op, value string) (*Property, error) {
	f := &Property{name: strings.ToLower(strings.TrimPrefix(name, "$")), value: []byte(value)}
	var ok bool
	if f.property, ok = message.PropertyNamed(name); !ok {
		if f.property, ok = message.PropertyNamed(strings.TrimPrefix(name, "$")); !ok {
			return nil, fmt.Errorf("there is no property %q", name)
		}
	}
	op, f.negated = strings.CutPrefix(op, "!")
	op = strings.ToLower(op)
	if f.op, ok = propertyOperations[op]; !ok {
		return nil, fmt.Errorf("there is no comparison %q; rsyslog 8.2302 has contains, isequal, startswith, regex, ereregex and isempty", op)
	}
	if f.op == opRegexp {
		var err error
		if f.pattern, err = compilePOSIX(value, op == "ereregex"); err != nil {
			return nil, err
		}
	}
	return f, nil
}

// Match compares.
func (f *Property) Match(m *message.Message) bool {
	return f.op.compare(m.Get(f.property), f.value, f.pattern) != f.negated
}

func (f *Property) String() string {
	words := operationWords[f.op][0]
	if f.negated {
		words = operationWords[f.op][1]
	}
	if f.op == opEmpty {
		return f.name + " " + words
	}
	return f.name + " " + words + " " + quoted(string(f.value))
}

func (op operation) compare(value, with []byte, pattern *regexp.Regexp) bool {
	switch op {
	case opEqual:
		return bytes.Equal(value, with)
	case opContains:
		return bytes.Contains(value, with)
	case opContainsFolded:
		return containsFolded(value, with)
	case opStartsWith:
		return bytes.HasPrefix(value, with)
	case opStartsWithFolded:
		return len(value) >= len(with) && equalFolded(value[:len(with)], with)
	case opEmpty:
		return len(value) == 0
	case opRegexp:
		return pattern.Match(value)
	}
	return false
}

// containsFolded does not care for the case of ASCII letters.
func containsFolded(text, part []byte) bool {
	for ; len(text) >= len(part); text = text[1:] {
		if equalFolded(text[:len(part)], part) {
			return true
		}
		if len(text) == 0 {
			break
		}
	}
	return false
}

func equalFolded(a, b []byte) bool {
	for i := range a {
		if fold(a[i]) != fold(b[i]) {
			return false
		}
	}
	return true
}

func fold(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}
