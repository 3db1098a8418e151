package index

import (
	"slices"
	"strings"
)

// Term is how one part of a search text was read, for the chips below the
// search box.
type Term struct {
	// Text is the part as typed, without the - that excludes it.
	Text string `json:"text"`
	// From and To are the bytes of the search text that the part takes, with
	// the - or NOT before it: without these bytes, the part is not asked for.
	// Both are the same for the end of a group that is not closed.
	From int `json:"from"`
	To   int `json:"to"`
	// Kind is "text", "phrase", "regex", "field", "time", "option",
	// "operator" (OR, AND), or "group" (a parenthesis).
	Kind string `json:"kind"`
	// Field is the canonical name of a field, such as "severity"; else empty.
	Field string `json:"field,omitempty"`
	// Not tells that the part excludes what it matches.
	Not bool `json:"not,omitempty"`
	// Hint is a suggestion in words, such as "did you mean severity:error?".
	Hint string `json:"hint,omitempty"`
}

// operandKinds are the Kind of a Term that is a text.
var operandKinds = [...]string{wordOperand: "text", phraseOperand: "phrase", regexOperand: "regex"}

// termKind is the Kind of a Term that asks for the field.
func (f *field) termKind() string {
	switch f.kind {
	case timeKind:
		return "time"
	case optionKind:
		return "option"
	}
	return "field"
}

// hint suggests what a word that was read as text may have been meant as:
// level=error is severity:error elsewhere.
func hint(word string) string {
	end := strings.IndexAny(word, ":=")
	if end <= 0 || end == len(word)-1 {
		return ""
	}
	typed := strings.ToLower(word[:end])
	f, ok := findField(typed)
	if !ok || word[end] == ':' && typed == word[:end] {
		return ""
	}
	name := f.name
	if slices.Contains([]string{"datelastx", "datelastxx"}, typed) {
		name = typed
	}
	return "did you mean " + name + ":" + strings.Trim(word[end+1:], "=") + "?"
}
