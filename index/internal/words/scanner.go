package words

import (
	"unicode/utf8"
	"unsafe"
)

// What folds has for a byte that is in no ASCII token.
const (
	separator byte = iota
	beyond         // not ASCII
)

// folds has the ASCII letters and digits in lower case.
var folds = makeFolds()

func makeFolds() (table [256]byte) {
	for i := range table {
		switch c := byte(i); {
		case c >= utf8.RuneSelf:
			table[i] = beyond
		case 'A' <= c && c <= 'Z':
			table[i] = c + 'a' - 'A'
		case isAlphanumeric(c):
			table[i] = c
		}
	}
	return table
}

// letterBit is in every letter, and in no digit.
const letterBit = 0x40

// Token is one that a Scanner has found.
type Token struct {
	Text string // valid until the next call
	Kind Kind
}

// Other is the kind of a Token that is none yet: a part of the text, as it was
// written, that has letters beyond ASCII. Fold and Each give its tokens.
const Other Kind = 2

// Scanner gives the tokens of a text as Fold and Each do, but those of ASCII
// faster. It belongs to one goroutine.
type Scanner struct {
	text   string
	at     int
	folded []byte // of a token with capitals

	id    string // whose letter runs are given
	inner int    // where in id
}

// Reset begins with a text.
func (s *Scanner) Reset(text string) { s.text, s.at, s.id = text, 0, "" }

// Next gives the next token, if there is one more.
func (s *Scanner) Next() (t Token, more bool) {
	if s.id != "" {
		if t, ok := s.nextInner(); ok {
			return t, true
		}
	}
	text, i := s.text, s.at
	for i < len(text) && folds[text[i]] == separator {
		i++
	}
	start, common, changed := i, byte(letterBit), byte(0)
	for ; i < len(text); i++ {
		c := text[i]
		folded := folds[c]
		if folded <= beyond {
			break
		}
		common &= folded
		changed |= folded ^ c
	}
	s.at = i
	if i < len(text) && folds[text[i]] == beyond {
		return s.other(start), true
	}
	if i == start {
		return Token{}, false
	}
	return s.token(start, common == 0, changed != 0), true
}

// other gives what stands up to the next separator: folding can make a letter
// beyond ASCII one of ASCII, but nothing makes a separator another byte.
func (s *Scanner) other(start int) Token {
	for s.at < len(s.text) && folds[s.text[s.at]] != separator {
		s.at++
	}
	return Token{Text: s.text[start:s.at], Kind: Other}
}

func (s *Scanner) token(start int, digits, capitals bool) Token {
	t := Token{Text: s.text[start:s.at]}
	if capitals {
		s.folded = s.folded[:0]
		for i := start; i < s.at; i++ {
			s.folded = append(s.folded, folds[s.text[i]])
		}
		t.Text = unsafe.String(unsafe.SliceData(s.folded), len(s.folded))
	}
	if digits {
		t.Kind = ID
		if !Hex(t.Text) {
			s.id, s.inner = t.Text, 0
		}
	}
	return t
}

// nextInner gives the next run of letters in an ID that is a Word.
func (s *Scanner) nextInner() (t Token, ok bool) {
	for i := s.inner; i < len(s.id); {
		start := i
		for i < len(s.id) && !isDigit(s.id[i]) {
			i++
		}
		if i-start >= MinInner {
			s.inner = i
			return Token{Text: s.id[start:i]}, true
		}
		for i < len(s.id) && isDigit(s.id[i]) {
			i++
		}
	}
	s.id = ""
	return Token{}, false
}
