package index

import (
	"fmt"
	"strings"
)

// An instance pattern is the name of an instance in which * stands for any run
// of characters: "socketserver/dev1", "*/dev1", "socketserver/*", "*".

// CheckInstancePattern says what is wrong with a pattern.
func CheckInstancePattern(pattern string) error {
	if pattern == "" || strings.ContainsAny(pattern, " \t\r\n,?[]") {
		return fmt.Errorf("%q is no pattern of instances: write SERVICE/OWNER with * for any name, such as */dev1 or socketserver/*", pattern)
	}
	return nil
}

// MatchInstance tells whether the pattern stands for the name.
func MatchInstance(pattern, name string) bool {
	first, rest, wild := strings.Cut(pattern, "*")
	if !wild {
		return pattern == name
	}
	name, ok := strings.CutPrefix(name, first)
	if !ok {
		return false
	}
	for {
		part, more, wild := strings.Cut(rest, "*")
		if !wild {
			return strings.HasSuffix(name, part)
		}
		i := strings.Index(name, part)
		if i < 0 {
			return false
		}
		name, rest = name[i+len(part):], more
	}
}
