// Package pyliteral reads one Python literal: what ast.literal_eval would
// accept, less what a file of settings has no use for.
//
//	bytes → parser → Value, every part with its line and column
//
// Accepted are dict, list, tuple, str (with r and u prefixes and implicit
// concatenation), int, float, None, True and False, comments, and blanks before
// the first line. Nothing is evaluated, so nothing can run or grow: the input is
// at most MaxBytes long, MaxDepth deep, and the time is linear in it. Start
// reading at Parse.
package pyliteral

import (
	"bytes"
	"fmt"
	"math/big"
	"unicode/utf8"
)

// Limits of one literal. They are far above any settings file and far below
// what could hurt.
const (
	MaxBytes     = 64 << 10
	MaxDepth     = 32
	MaxIntDigits = 4300 // Python's own limit
)

// Kind is the type of a Value.
type Kind string

// The kinds, by Python's names.
const (
	None  Kind = "None"
	Bool  Kind = "bool"
	Int   Kind = "int"
	Float Kind = "float"
	Str   Kind = "str"
	List  Kind = "list"
	Tuple Kind = "tuple"
	Dict  Kind = "dict"
)

// Value is one literal and where it begins.
type Value struct {
	Kind  Kind
	Line  int // from 1
	Col   int // from 1, in characters
	Bool  bool
	Int   *big.Int
	Float float64
	Str   string
	Items []Value // of List and Tuple
	Pairs []Pair  // of Dict, in the order of the file
}

// Pair is one key of a Dict and its value.
type Pair struct{ Key, Value Value }

// Get returns the value of a string key of a Dict.
func (v Value) Get(key string) (Value, bool) {
	for _, p := range v.Pairs {
		if p.Key.Kind == Str && p.Key.Str == key {
			return p.Value, true
		}
	}
	return Value{}, false
}

// Error is what is wrong with a literal, and where.
type Error struct {
	Name      string // of the file, as given to Parse
	Line, Col int
	Msg       string
}

func (e *Error) Error() string {
	return fmt.Sprintf("%s:%d:%d: %s", e.Name, e.Line, e.Col, e.Msg)
}

// Parse reads src, which must be one literal and nothing else but blanks and
// comments. Every error is an *Error that begins with name, line and column.
func Parse(name string, src []byte) (Value, error) {
	// Editors of another system put the mark there; Python refuses it, but
	// nobody can see it, so nobody could mend it.
	src = bytes.TrimPrefix(src, []byte("\ufeff"))
	p := &parser{name: name, src: src, line: 1, col: 1}
	if len(src) > MaxBytes {
		return Value{}, p.errorf("the file has %d bytes, more than %d", len(src), MaxBytes)
	}
	if !utf8.Valid(src) {
		return Value{}, p.invalidUTF8()
	}
	if err := p.skipBlanks(anyLine); err != nil {
		return Value{}, err
	}
	v, err := p.value()
	if err != nil {
		return Value{}, err
	}
	if err := p.skipBlanks(anyLine); err != nil {
		return Value{}, err
	}
	if p.pos < len(p.src) {
		return Value{}, p.errorf("unexpected %s after the end of the value", p.here())
	}
	return v, nil
}
