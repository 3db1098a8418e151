package index

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/tagtail/tagtail/index/internal/shape"
	"github.com/tagtail/tagtail/index/internal/words"
)

// commonBytes are the bytes of log lines, the most frequent first. A needle is
// looked for by the one of its bytes that comes last here, or not at all.
const commonBytes = " e0t1aoi2nsr3lc4d5:u6m7.p8/9-=gh_,f\"yb[]wv()#kx*'@q{}zj"

// chunk is a part of a text: letters that are meant literally, or one wildcard.
type chunk struct {
	text string
	wild byte // 0, or '?' for one rune, or '*' for any number, none of them a space
}

// pattern is a text to find in a value, compiled. It follows the meaning of
// text: the folded text occurs in the folded value, and where it begins or
// ends with an ASCII alphanumeric run that holds a digit, no ASCII letter or
// digit continues that run, unless a * stands there. It is immutable, so any
// number of goroutines may search with it.
type pattern struct {
	pieces [][]chunk // what stands between stars, folded; no chunk is a star
	first  needle    // the literal that begins pieces[0], if one does
	probe  needle    // the longest literal: without it nothing is found

	firstBytes int // the most bytes that pieces[0] matches

	literals []shapeText // all of them

	// whole asks for the whole value; otherwise the text may be anywhere.
	whole                  bool
	looseStart, looseEnd   bool // a * stands at that end
	closedStart, closedEnd bool // no ASCII letter or digit may touch that end

	valid  bool // UTF-8, so that an occurrence begins and ends between runes
	cased  bool // has a letter beyond ASCII that another letter folds to
	kelvin bool // has a k or an i, which shape.KelvinSign and shape.DottedI fold to
}

// newPattern compiles chunks for a search anywhere in a value, or, if whole,
// for a comparison with all of it.
func newPattern(chunks []chunk, whole bool) *pattern {
	p := &pattern{whole: whole, valid: true}
	var piece []chunk
	flush := func() {
		if len(piece) > 0 {
			p.pieces = append(p.pieces, piece)
			piece = nil
		}
	}
	for i, c := range chunks {
		switch c.wild {
		case '*':
			p.looseStart = p.looseStart || len(p.pieces) == 0 && len(piece) == 0
			p.looseEnd = i == len(chunks)-1
			flush()
		case '?':
			piece = append(piece, c)
		default:
			if c.text != "" {
				piece = append(piece, p.fold(c))
			}
		}
	}
	flush()
	p.close()
	return p
}

// fold folds a literal and notes what searching for it has to mind.
func (p *pattern) fold(c chunk) chunk {
	c.text = string(words.Fold(nil, c.text))
	p.valid = p.valid && utf8.ValidString(c.text)
	p.kelvin = p.kelvin || strings.ContainsAny(c.text, "ki")
	for _, r := range c.text {
		p.cased = p.cased || r >= utf8.RuneSelf && hasUpper(r)
	}
	return c
}

// close sets the boundary rule and the needles.
func (p *pattern) close() {
	if len(p.pieces) == 0 {
		return
	}
	first := p.pieces[0][0]
	tail := p.pieces[len(p.pieces)-1]
	last := tail[len(tail)-1]
	if !p.whole {
		p.closedStart = !p.looseStart && startsWithID(first.text)
		p.closedEnd = !p.looseEnd && endsWithID(last.text)
	}
	for _, c := range p.pieces[0] {
		p.firstBytes += len(c.text)
		if c.wild != 0 {
			p.firstBytes += utf8.UTFMax
		}
	}
	for _, piece := range p.pieces {
		for _, c := range piece {
			if c.wild != 0 {
				continue
			}
			p.literals = append(p.literals, newShapeText(c.text))
			if len(c.text) > len(p.probe.text) {
				p.probe = newNeedle(c.text)
			}
		}
	}
	if first.wild == 0 {
		p.first = newNeedle(first.text)
		p.first.closedStart = p.closedStart
	}
	if p.plain() {
		p.first.closedEnd = p.closedEnd
	}
}

// plain tells whether the pattern is one literal to find anywhere.
func (p *pattern) plain() bool {
	return !p.whole && len(p.pieces) == 1 && len(p.pieces[0]) == 1 && p.pieces[0][0].wild == 0
}

// in tells whether the pattern finds value. It allocates only for a value
// that has to be folded, and no value of ASCII has to.
func (p *pattern) in(value string) bool {
	switch {
	case len(p.pieces) == 0 && !p.whole:
		return true
	case len(p.pieces) == 0:
		// A lone * asks for a value, an empty text for none.
		return p.looseStart == (value != "")
	case p.valid && p.search(value):
		return true
	case p.mustFold(value):
		return p.search(string(words.Fold(nil, value)))
	}
	return false
}

// mustFold tells whether the folded value can hold what value does not.
func (p *pattern) mustFold(value string) bool {
	if p.cased || !p.valid {
		return !isASCII(value)
	}
	return p.kelvin && (strings.Contains(value, shape.KelvinSign) || strings.Contains(value, shape.DottedI))
}

func (p *pattern) search(value string) bool {
	if p.plain() {
		return p.first.next(value, 0) >= 0
	}
	if p.probe.text != "" && p.probe.next(value, 0) < 0 {
		return false
	}
	// What fails from one place fails from every later place of the same run
	// of non-space, because a star reaches less from there.
	failed := -1
	for at := p.start(value, 0); at >= 0; at = p.start(value, max(at+1, failed+1-p.firstBytes)) {
		end, ok := matchPiece(p.pieces[0], value, at)
		if !ok || end <= failed && len(p.pieces) > 1 {
			continue
		}
		if p.rest(value, end) {
			return true
		}
		if len(p.pieces) > 1 {
			failed = end
			for failed < len(value) && !isSpace(value[failed]) {
				failed++
			}
		}
	}
	return false
}

// start returns the first place from which the pattern may begin, or -1.
func (p *pattern) start(value string, from int) int {
	at := from
	switch {
	case p.whole && !p.looseStart:
		if from > 0 {
			return -1
		}
	case p.first.text != "":
		at = p.first.next(value, from)
	default:
		for at < len(value) && !utf8.RuneStart(value[at]) {
			at++
		}
	}
	if at >= len(value) || at > 0 && p.whole && hasSpace(value[:at]) {
		return -1
	}
	return at
}

// rest tells whether the pieces after the first follow from end, each after a
// run of non-space. The earliest place for a piece leaves the most to the next,
// so that only the last piece has to be tried everywhere.
func (p *pattern) rest(value string, end int) bool {
	if len(p.pieces) == 1 {
		return p.ends(value, end)
	}
	for k, piece := range p.pieces[1:] {
		last := k == len(p.pieces)-2
		for {
			if after, ok := matchPiece(piece, value, end); ok && (!last || p.ends(value, after)) {
				end = after
				break
			}
			if end == len(value) || isSpace(value[end]) {
				return false
			}
			_, size := utf8.DecodeRuneInString(value[end:])
			end += size
		}
	}
	return true
}

// ends tells whether the pattern may end at end.
func (p *pattern) ends(value string, end int) bool {
	switch {
	case p.whole && p.looseEnd:
		return !hasSpace(value[end:])
	case p.whole:
		return end == len(value)
	}
	return !p.closedEnd || !startsAlphanumeric(value[end:])
}

// matchPiece matches literals and question marks at one place.
func matchPiece(piece []chunk, value string, at int) (end int, ok bool) {
	for _, c := range piece {
		if c.wild == 0 {
			if len(value)-at < len(c.text) || !equalFolded(value[at:at+len(c.text)], c.text) {
				return 0, false
			}
			at += len(c.text)
			continue
		}
		if at == len(value) || isSpace(value[at]) {
			return 0, false
		}
		_, size := utf8.DecodeRuneInString(value[at:])
		at += size
	}
	return at, true
}

// needle is a folded literal and the fastest way to find it.
type needle struct {
	text         string
	rare         int  // the offset in text of its rarest byte
	lower, upper byte // that byte in both cases; equal if it has none

	closedStart, closedEnd bool
}

func newNeedle(text string) needle {
	n := needle{text: text}
	best := -1
	for i := range len(text) {
		rank := strings.IndexByte(commonBytes, text[i])
		if rank < 0 {
			rank = len(commonBytes)
		}
		if rank >= best {
			best, n.rare = rank, i
		}
	}
	n.lower = text[n.rare]
	n.upper = n.lower
	if 'a' <= n.lower && n.lower <= 'z' {
		n.upper -= 'a' - 'A'
	}
	return n
}

// next returns where the needle first occurs in value from on, or -1.
func (n *needle) next(value string, from int) int {
	lower := indexByteFrom(value, n.lower, from+n.rare)
	upper := len(value)
	if n.upper != n.lower {
		upper = indexByteFrom(value, n.upper, from+n.rare)
	}
	for {
		at := min(lower, upper)
		start := at - n.rare
		if start+len(n.text) > len(value) {
			return -1
		}
		if equalFolded(value[start:start+len(n.text)], n.text) && n.free(value, start) {
			return start
		}
		if at == lower {
			lower = indexByteFrom(value, n.lower, at+1)
		} else {
			upper = indexByteFrom(value, n.upper, at+1)
		}
	}
}

// free tells whether the ends of an occurrence may stand where they do.
func (n *needle) free(value string, start int) bool {
	return (!n.closedStart || !endsAlphanumeric(value[:start])) &&
		(!n.closedEnd || !startsAlphanumeric(value[start+len(n.text):]))
}

// indexByteFrom is the offset of c in s from on, len(s) if there is none.
func indexByteFrom(s string, c byte, from int) int {
	if from >= len(s) {
		return len(s)
	}
	if i := strings.IndexByte(s[from:], c); i >= 0 {
		return from + i
	}
	return len(s)
}

// equalFolded compares s, in any case, with folded of the same length. Only
// ASCII letters are folded.
func equalFolded(s, folded string) bool {
	for i := range len(folded) {
		c := s[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != folded[i] {
			return false
		}
	}
	return true
}

// startsAlphanumeric tells whether s, when folded, starts with an ASCII letter
// or digit.
func startsAlphanumeric(s string) bool {
	if s == "" {
		return false
	}
	if s[0] < utf8.RuneSelf {
		return isAlphanumeric(s[0])
	}
	return strings.HasPrefix(s, shape.KelvinSign) || strings.HasPrefix(s, shape.DottedI)
}

// endsAlphanumeric is startsAlphanumeric for the other end.
func endsAlphanumeric(s string) bool {
	if s == "" {
		return false
	}
	if c := s[len(s)-1]; c < utf8.RuneSelf {
		return isAlphanumeric(c)
	}
	return strings.HasSuffix(s, shape.KelvinSign) || strings.HasSuffix(s, shape.DottedI)
}

// startsWithID tells whether s starts with an ASCII alphanumeric run that
// holds a digit.
func startsWithID(s string) bool {
	for i := 0; i < len(s) && isAlphanumeric(s[i]); i++ {
		if isDigit(s[i]) {
			return true
		}
	}
	return false
}

// endsWithID is startsWithID for the other end.
func endsWithID(s string) bool {
	for i := len(s) - 1; i >= 0 && isAlphanumeric(s[i]); i-- {
		if isDigit(s[i]) {
			return true
		}
	}
	return false
}

// hasUpper tells whether another letter folds to r, which is beyond ASCII.
func hasUpper(r rune) bool {
	for other := unicode.SimpleFold(r); other != r; other = unicode.SimpleFold(other) {
		if unicode.ToLower(other) == r {
			return true
		}
	}
	return false
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

func hasSpace(s string) bool {
	for i := range len(s) {
		if isSpace(s[i]) {
			return true
		}
	}
	return false
}

func isSpace(c byte) bool { return c == ' ' || '\t' <= c && c <= '\r' }

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isAlphanumeric(c byte) bool {
	return 'a' <= c|0x20 && c|0x20 <= 'z' || isDigit(c)
}
