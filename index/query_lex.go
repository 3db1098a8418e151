package index

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// escapable are the characters that a backslash makes literal. Before any
// other character a backslash is itself, so that pasted paths stay whole.
const escapable = `\*?"'()/:,-!%+ `

// operandKind says in which form a text was typed.
type operandKind uint8

const (
	wordOperand operandKind = iota
	phraseOperand
	regexOperand
)

// operand is a text or the value of a field, as it was read.
type operand struct {
	kind  operandKind
	typed string
	// plain is the text without quotes; for a regex its source.
	plain string
	// readings are the texts that it may mean, none for a regex. There is a
	// second one where a backslash may be an escape or a part of a pasted line.
	readings [][]chunk
	regex    *regex
	hint     string
}

// scanner cuts a query into operands. Every method advances i by what it read.
type scanner struct {
	s     string
	i     int
	depth int // groups that are open
}

func (s *scanner) skipSpace() {
	for s.i < len(s.s) {
		r, size := utf8.DecodeRuneInString(s.s[s.i:])
		if !unicode.IsSpace(r) {
			return
		}
		s.i += size
	}
}

// atEnd tells whether the query or the group ends at offset i or a space is
// there: nothing can be read from there.
func (s *scanner) atEnd(i int) bool {
	if i >= len(s.s) {
		return true
	}
	r, _ := utf8.DecodeRuneInString(s.s[i:])
	return unicode.IsSpace(r) || r == ')' && s.depth > 0
}

// keyword reads the operator word if it stands alone here.
func (s *scanner) keyword(word string) bool {
	end := s.i + len(word)
	if !strings.HasPrefix(s.s[s.i:], word) || !s.atEnd(end) && s.s[end] != '(' {
		return false
	}
	s.i = end
	return true
}

// sign reads a - or ! that means NOT: what follows must look like a text, so
// that --config, -> and != stay text.
func (s *scanner) sign() bool {
	c := s.s[s.i]
	if c != '-' && c != '!' || s.atEnd(s.i+1) || strings.IndexByte("-!=><|+,;:.)&", s.s[s.i+1]) >= 0 {
		return false
	}
	s.i++
	return true
}

// text reads a phrase, a regex or a word.
func (s *scanner) text() operand {
	switch s.s[s.i] {
	case '"', '\'':
		return s.phrase()
	case '/':
		if o, ok := s.regex(); ok {
			return o
		}
	}
	return s.word("")
}

// phrase reads a quoted text. Without a closing quote it goes to the end.
func (s *scanner) phrase() operand {
	start, quote := s.i, s.s[s.i]
	end := start + 1
	var escaped bool
	for end < len(s.s) && s.s[end] != quote {
		if s.s[end] == '\\' && end+1 < len(s.s) && strings.IndexByte(escapable, s.s[end+1]) >= 0 {
			end++
			escaped = true
		}
		end++
	}
	end = min(end, len(s.s))
	s.i = min(end+1, len(s.s))
	raw := s.s[start+1 : end]
	o := operand{kind: phraseOperand, typed: s.s[start:s.i], plain: raw, readings: [][]chunk{{{text: raw}}}}
	if escaped {
		var text []byte
		for i := 0; i < len(raw); i++ {
			if raw[i] == '\\' && i+1 < len(raw) && strings.IndexByte(escapable, raw[i+1]) >= 0 {
				i++
			}
			text = append(text, raw[i])
		}
		o.plain = string(text)
		o.readings = [][]chunk{{{text: o.plain}}, {{text: raw}}}
	}
	return o
}

// regex reads /…/ or /…/i. The closing slash is the next one that is not
// escaped, and must end the term: /usr/local/ is text.
func (s *scanner) regex() (operand, bool) {
	start, end := s.i, s.i+1
	for end < len(s.s) && s.s[end] != '/' {
		if s.s[end] == '\\' {
			end++
		}
		end++
	}
	if end >= len(s.s) || end == start+1 {
		return operand{}, false
	}
	after := end + 1
	if after < len(s.s) && s.s[after] == 'i' {
		after++
	}
	if !s.atEnd(after) && s.s[after] != ')' {
		return operand{}, false
	}
	s.i = after
	return regexOrText(s.s[start:after], strings.ReplaceAll(s.s[start+1:end], `\/`, "/")), true
}

// regexOrText compiles source. What does not compile is the typed text.
func regexOrText(typed, source string) operand {
	re, err := newRegex(source)
	if err != nil {
		return operand{kind: phraseOperand, typed: typed, plain: typed,
			readings: [][]chunk{{{text: typed}}}, hint: "read as text: " + err.Error()}
	}
	return operand{kind: regexOperand, typed: typed, plain: source, regex: re}
}

// word reads a run of non-space, up to one of stops. A closing parenthesis
// belongs to it if it closes one of the word's own or no group is open.
func (s *scanner) word(stops string) operand {
	start := s.i
	var clean, raw chunkWriter
	escaped := false
	own := 0
	for s.i < len(s.s) {
		c := s.s[s.i]
		if c == ')' && own == 0 && s.depth > 0 || strings.IndexByte(stops, c) >= 0 {
			break
		}
		r, size := utf8.DecodeRuneInString(s.s[s.i:])
		if unicode.IsSpace(r) {
			break
		}
		part := s.s[s.i : s.i+size]
		s.i += size
		switch {
		case c == '\\' && s.i < len(s.s) && strings.IndexByte(escapable, s.s[s.i]) >= 0:
			escaped = true
			clean.text = append(clean.text, s.s[s.i])
			raw.text = append(raw.text, c, s.s[s.i])
			s.i++
			continue
		case c == '*' || c == '?' || c == '%' && stops != "":
			clean.wildcard(c)
			raw.wildcard(c)
			continue
		case c == '(':
			own++
		case c == ')':
			own = max(own-1, 0)
		}
		clean.text = append(clean.text, part...)
		raw.text = append(raw.text, part...)
	}
	o := operand{typed: s.s[start:s.i], plain: s.s[start:s.i], readings: [][]chunk{clean.done()}}
	if escaped {
		o.readings = append(o.readings, raw.done())
	}
	return o
}

// chunkWriter collects the chunks of one reading.
type chunkWriter struct {
	list []chunk
	text []byte
}

// wildcard adds a wildcard. LogAnalyzer's % is a star.
func (w *chunkWriter) wildcard(c byte) {
	w.done()
	if c == '%' {
		c = '*'
	}
	w.list = append(w.list, chunk{wild: c})
}

func (w *chunkWriter) done() []chunk {
	if len(w.text) > 0 {
		w.list = append(w.list, chunk{text: string(w.text)})
		w.text = w.text[:0]
	}
	return w.list
}

// plus adds the reading in which LogAnalyzer's + is a space and ++ a plus.
func (o operand) plus() operand {
	if o.kind != wordOperand || !strings.Contains(o.plain, "+") {
		return o
	}
	spaces := strings.NewReplacer("++", "+", "+", " ")
	list := make([]chunk, len(o.readings[0]))
	for i, c := range o.readings[0] {
		list[i] = chunk{text: spaces.Replace(c.text), wild: c.wild}
	}
	o.readings = append(o.readings[:len(o.readings):len(o.readings)], list)
	return o
}

// patterns compiles every reading.
func (o operand) patterns(whole bool) []*pattern {
	out := make([]*pattern, len(o.readings))
	for i, chunks := range o.readings {
		out[i] = newPattern(chunks, whole)
	}
	return out
}

// literals lists the literal texts of the first reading.
func (o operand) literals() []string {
	var out []string
	for _, readings := range o.readings[:min(1, len(o.readings))] {
		for _, c := range readings {
			if strings.TrimSpace(c.text) != "" {
				out = append(out, c.text)
			}
		}
	}
	return out
}
