package redact

import (
	"regexp/syntax"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	// leastLiteral is how short a literal may be: shorter ones are everywhere.
	leastLiteral = 2
	// mostLiterals is how many a pattern may have.
	mostLiterals = 32
)

// requiredLiterals returns texts, in lower case, of which one is in whatever the
// pattern matches; none if there are no such texts.
func requiredLiterals(pattern string) []string {
	re, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return nil
	}
	texts := required(re.Simplify())
	if len(texts) > mostLiterals {
		return nil
	}
	return texts
}

// required returns nil if a match needs no text.
func required(re *syntax.Regexp) []string {
	switch re.Op {
	case syntax.OpLiteral:
		return literalTexts(re.Rune, re.Flags&syntax.FoldCase != 0)
	case syntax.OpCapture, syntax.OpPlus:
		return required(re.Sub[0])
	case syntax.OpRepeat:
		if re.Min > 0 {
			return required(re.Sub[0])
		}
	case syntax.OpConcat:
		var best []string
		for _, sub := range re.Sub {
			if texts := required(sub); better(texts, best) {
				best = texts
			}
		}
		return best
	case syntax.OpAlternate:
		var all []string
		for _, sub := range re.Sub {
			texts := required(sub)
			if texts == nil {
				return nil
			}
			all = append(all, texts...)
		}
		return all
	}
	return nil
}

// better tells whether texts are rarer than others: their shortest is longer.
func better(texts, others []string) bool {
	return len(texts) > 0 && len(texts) <= mostLiterals && shortest(texts) > shortest(others)
}

func shortest(texts []string) int {
	least := 0
	for i, text := range texts {
		if i == 0 || len(text) < least {
			least = len(text)
		}
	}
	return least
}

// folded are letters that regexp takes for k and s where case does not matter.
var folded = map[rune]string{'k': "\u212a", 's': "\u017f"}

// literalTexts returns the longest run of the runes that is always written with
// the same bytes, but for the case of ASCII letters. Where k or s may be another
// letter, this is a text of its own.
func literalTexts(runes []rune, fold bool) []string {
	text, run := "", ""
	for _, r := range runes {
		if !hasOneForm(r, fold) {
			run = ""
			continue
		}
		if run += string(unicode.ToLower(r)); len(run) > len(text) {
			text = run
		}
	}
	if len(text) < leastLiteral {
		return nil
	}
	texts := []string{text}
	for plain, other := range folded {
		if fold && strings.ContainsRune(text, plain) {
			texts = append(texts, other)
		}
	}
	return texts
}

func hasOneForm(r rune, fold bool) bool {
	switch {
	case r < utf8.RuneSelf:
		return true
	case r == utf8.RuneError: // also what is no UTF-8
		return false
	}
	return unicode.ToLower(r) == r && (!fold || unicode.SimpleFold(r) == r)
}
