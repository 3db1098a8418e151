// Package words cuts text into the tokens that the store indexes.
//
//	text → Fold → Each → word | id
//
// A token is a run of ASCII letters and digits, or a run of other letters. A
// run of Chinese, Japanese or Korean letters gives its overlapping pairs. A
// token with an ASCII digit is an ID, every other one a Word. An ID also gives
// its letter runs of MinInner and more bytes, as Words, unless all of its
// letters are a to f: those of random hexadecimal ids would be more than all
// true words. Who looks for letters that may be inside of an ID asks Hex first.
//
// The package guarantees what pruning rests on: if the folded text t, valid
// UTF-8, occurs in the folded text m, then every token of t that touches neither end of t is a
// token of m, and one that touches an end is a part of a token of m that
// touches the same place.
package words

import (
	"unicode"
	"unicode/utf8"
)

// MinInner is the length in bytes from which a run of letters inside an ID is
// a Word too.
const MinInner = 3

// Kind tells what a token is.
type Kind uint8

// The kinds of tokens.
const (
	Word Kind = iota
	ID
)

// Fold appends s with every letter in lower case. Bytes that are not UTF-8
// stay as they are.
func Fold(dst []byte, s string) []byte {
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			if 'A' <= c && c <= 'Z' {
				c += 'a' - 'A'
			}
			dst = append(dst, c)
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && size == 1 {
			dst = append(dst, c)
			i++
			continue
		}
		dst = utf8.AppendRune(dst, unicode.ToLower(r))
		i += size
	}
	return dst
}

// Each calls yield for every token of folded, with its bytes and the offset
// of its first byte. The bytes are a part of folded. A token may come several
// times.
func Each(folded []byte, yield func(token []byte, at int, kind Kind)) {
	for i := 0; i < len(folded); {
		c := folded[i]
		if isAlphanumeric(c) {
			i = eachASCII(folded, i, yield)
			continue
		}
		if c < utf8.RuneSelf {
			i++
			continue
		}
		r, size := utf8.DecodeRune(folded[i:])
		switch {
		case IsCJK(r):
			i = eachCJK(folded, i, yield)
		case unicode.IsLetter(r):
			i = eachLetters(folded, i, yield)
		default:
			i += size
		}
	}
}

// Hex tells whether text could be a part of an ID that gives no Words: all of
// it is digits and the letters a to f.
func Hex(text string) bool {
	for i := range len(text) {
		if c := text[i]; !isDigit(c) && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// eachASCII yields the run that begins at start and returns its end.
func eachASCII(folded []byte, start int, yield func([]byte, int, Kind)) int {
	end, digits, hex := start, false, true
	for end < len(folded) && isAlphanumeric(folded[end]) {
		digits = digits || isDigit(folded[end])
		hex = hex && folded[end] <= 'f'
		end++
	}
	if !digits {
		yield(folded[start:end], start, Word)
		return end
	}
	yield(folded[start:end], start, ID)
	for i := start; !hex && i < end; {
		inner := i
		for i < end && !isDigit(folded[i]) {
			i++
		}
		if i-inner >= MinInner {
			yield(folded[inner:i], inner, Word)
		}
		for i < end && isDigit(folded[i]) {
			i++
		}
	}
	return end
}

func eachCJK(folded []byte, start int, yield func([]byte, int, Kind)) int {
	previous, end := -1, start
	for end < len(folded) {
		r, size := utf8.DecodeRune(folded[end:])
		if !IsCJK(r) {
			break
		}
		if previous >= 0 {
			yield(folded[previous:end+size], previous, Word)
		}
		previous = end
		end += size
	}
	if previous == start {
		yield(folded[start:end], start, Word)
	}
	return end
}

func eachLetters(folded []byte, start int, yield func([]byte, int, Kind)) int {
	end := start
	for end < len(folded) {
		r, size := utf8.DecodeRune(folded[end:])
		if r < utf8.RuneSelf || IsCJK(r) || !unicode.IsLetter(r) {
			break
		}
		end += size
	}
	yield(folded[start:end], start, Word)
	return end
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isAlphanumeric(c byte) bool { return 'a' <= c && c <= 'z' || isDigit(c) }

// IsCJK tells whether r is written without spaces between words. A run of
// such letters gives pairs; one alone gives itself.
func IsCJK(r rune) bool {
	return r >= 0x0E00 && unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul, unicode.Thai)
}
