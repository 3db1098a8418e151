package block

import (
	"bytes"
	"encoding/binary"
	"math"
	"strconv"
	"strings"
)

// ValueTest is asked of a value, without regard to the case of its letters.
type ValueTest struct {
	// Text, in lower case, is somewhere in the value.
	Text string
	// Start and End ask for a value that begins and ends with it.
	Start, End bool
}

// Rows returns the messages of a shape, ascending.
func (m *Messages) Rows(of int) []int32 {
	if m.rows == nil {
		room := &m.file.memory
		room.begin = grown(room.begin, 2*len(m.shapes.Texts)+1)
		begin, next := room.begin[:len(m.shapes.Texts)+1], room.begin[len(m.shapes.Texts)+1:]
		begin[0] = 0
		for i, n := range m.shapes.messages {
			next[i] = begin[i]
			begin[i+1] = begin[i] + int32(n)
		}
		room.rows = grown(room.rows, len(m.shapes.Of))
		m.begin, m.rows = begin, room.rows
		for i, of := range m.shapes.Of {
			m.rows[next[of]] = int32(i)
			next[of]++
		}
	}
	return m.rows[m.begin[of]:m.begin[of+1]]
}

// Find tells of each message of a shape whether its value at a place passes the
// test; found is nil if none does. known is false if only the messages themselves
// can tell.
func (m *Messages) Find(of, place int, t ValueTest) (found []bool, known bool) {
	if m.shapes == nil {
		return nil, false
	}
	lack := m.lack(t.Text)
	if lack.always {
		return nil, true
	}
	if m.needColumns() != nil {
		return nil, false // whoever reads the messages meets the error too
	}
	if m.first[of] < 0 {
		if lack.loose {
			return nil, true
		}
		return m.findLoose(of, place, &t)
	}
	s := &m.columns[int(m.first[of])+place]
	if !s.canHold(t.Text) {
		return nil, true
	}
	if s.kind == valuesDictionary && !s.hasWord(&t) {
		return nil, true
	}
	c, err := m.open(s)
	if err != nil {
		return nil, false
	}
	f := finder{column: &c, count: m.shapes.messages[of]}
	f.find(t)
	return f.found, !c.data.bad
}

// maxLoosePlaces bounds the values that are passed over to find one that is loose.
const maxLoosePlaces = 64

// findLoose is Find for a shape whose values are in no columns.
func (m *Messages) findLoose(of, place int, t *ValueTest) (found []bool, known bool) {
	if m.shapes.values[of] > maxLoosePlaces || !m.needLoose() {
		return nil, false
	}
	raw, err := m.file.section(sectionLoose)
	if err != nil {
		return nil, false
	}
	for i, row := range m.Rows(of) {
		r := reader{data: raw[m.loose[row]:]}
		for range place {
			r.run()
		}
		value := r.run()
		if r.bad {
			return nil, false
		}
		if !t.passes(value) {
			continue
		}
		if found == nil {
			found = make([]bool, m.shapes.messages[of])
		}
		found[i] = true
	}
	return found, true
}

// needLoose finds where the loose values of each message are, once. It tells
// whether they can be read.
func (m *Messages) needLoose() bool {
	if m.loose != nil {
		return true
	}
	raw, err := m.file.section(sectionLoose)
	if err != nil || len(raw) > math.MaxInt32 {
		return false
	}
	at := grown(m.file.memory.loose, len(m.shapes.Of))
	m.file.memory.loose = at
	r := reader{data: raw}
	for i, of := range m.shapes.Of {
		if m.first[of] >= 0 {
			continue
		}
		at[i] = int32(len(raw) - r.left())
		for n := m.shapes.values[of]; n > 0 && !r.bad; n-- {
			r.run()
		}
		if r.bad {
			return false
		}
	}
	m.loose = at
	return true
}

// textLack is where a text is in no value, as far as that can be told at a glance.
type textLack struct {
	text   string
	loose  bool
	always bool
}

// lack looks for the text once. A value in a column is kept as it is written if
// it is without digits and not hexadecimal either, and a loose one always.
func (m *Messages) lack(text string) *textLack {
	for i := range m.lacks {
		if m.lacks[i].text == text {
			return &m.lacks[i]
		}
	}
	l := textLack{text: text, loose: m.sectionLacks(sectionLoose, text)}
	l.always = l.loose && isWritten(text) && m.sectionLacks(sectionValues, text)
	m.lacks = append(m.lacks, l)
	return &m.lacks[len(m.lacks)-1]
}

func (m *Messages) sectionLacks(section uint8, text string) bool {
	raw, err := m.file.section(section)
	return err == nil && text != "" && !containsFolded(raw, text)
}

// isWritten tells whether a value with the text has it in its column as it is:
// no kind of column takes it apart or turns it into a number.
func isWritten(text string) bool {
	letter := false
	for i := range len(text) {
		if '0' <= text[i] && text[i] <= '9' {
			return false
		}
		letter = letter || text[i] > 'f'
	}
	return letter
}

// containsFolded tells whether a text in lower case is somewhere in data.
func containsFolded(data []byte, text string) bool {
	first := []byte{text[0], text[0] - 'a' + 'A'}
	if text[0] < 'a' || text[0] > 'z' {
		first = first[:1]
	}
	for _, c := range first {
		for rest := data; len(rest) >= len(text); {
			i := bytes.IndexByte(rest, c)
			if i < 0 || i+len(text) > len(rest) {
				break
			}
			if isFolded(rest[i:i+len(text)], text) {
				return true
			}
			rest = rest[i+1:]
		}
	}
	return false
}

// finder looks for the values of a column that pass a test.
type finder struct {
	column *valueColumn
	count  int
	found  []bool // nil until one does
}

func (f *finder) add(i int) {
	if f.found == nil {
		f.found = make([]bool, f.count)
	}
	f.found[i] = true
}

func (f *finder) find(t ValueTest) {
	c := f.column
	switch {
	case t.Start && t.End && f.findExactly(t.Text):
	case c.kind == valuesDictionary:
		f.findWords(&t)
	case c.kind == valuesText:
		for i := 0; i < f.count && !c.data.bad; i++ {
			if t.passes(c.data.run()) {
				f.add(i)
			}
		}
	default:
		var value []byte
		for i := 0; i < f.count && !c.data.bad; i++ {
			if value = c.append(value[:0]); t.passes(value) {
				f.add(i)
			}
		}
	}
}

// canHold tells whether a value of the column could have the text in it, by its
// letters and its length alone.
func (c *storedColumn) canHold(text string) bool {
	last := byte('z')
	switch c.kind {
	case valuesNumbers, valuesDeltas:
		last = '9'
	case valuesLowerHex, valuesUpperHex:
		last = 'f'
		if len(text) > c.digits {
			return false
		}
	}
	for i := range len(text) {
		if text[i] > last {
			return false
		}
	}
	return true
}

// hasWord tells whether a word of a dictionary passes, or cannot be read.
func (c *storedColumn) hasWord(t *ValueTest) bool {
	r := reader{data: c.data}
	for range r.length(maxDistinct) {
		if t.passes(r.run()) {
			return true
		}
	}
	return r.bad
}

func (t *ValueTest) passes(value []byte) bool {
	spare := len(value) - len(t.Text)
	switch {
	case spare < 0 || t.Start && t.End && spare > 0:
		return false
	case t.Start:
		return isFolded(value[:len(t.Text)], t.Text)
	case t.End:
		return isFolded(value[spare:], t.Text)
	}
	for i := 0; i <= spare; i++ {
		if isFolded(value[i:i+len(t.Text)], t.Text) {
			return true
		}
	}
	return false
}

// isFolded tells whether a value is a text of the same length, which is in lower
// case.
func isFolded(value []byte, text string) bool {
	for i, b := range value {
		if lower(b) != text[i] {
			return false
		}
	}
	return true
}

func lower(b byte) byte {
	if 'A' <= b && b <= 'Z' {
		return b + 'a' - 'A'
	}
	return b
}

// findWords looks through the words of a dictionary, and only if one passes
// through the values.
func (f *finder) findWords(t *ValueTest) {
	c := f.column
	var passes [maxDistinct]bool
	some := false
	for i, word := range c.words {
		passes[i] = t.passes(word)
		some = some || passes[i]
	}
	if !some {
		return
	}
	f.found = make([]bool, f.count)
	if len(c.words) == 1 {
		for i := range f.found {
			f.found[i] = true
		}
		return
	}
	for i, at := range c.data.bytes(f.count) {
		f.found[i] = passes[at]
	}
}

// findExactly compares numbers instead of texts, where it can.
func (f *finder) findExactly(text string) (done bool) {
	c := f.column
	switch c.kind {
	case valuesUnits, valuesUnitDeltas:
		// Whoever wrote the letters in another case is looked for one by one.
		begins, ends := strings.HasPrefix(text, c.before), strings.HasSuffix(text, c.after)
		if !begins || !ends || len(text) < len(c.before)+len(c.after) {
			return false
		}
		f.findNumber(text[len(c.before) : len(text)-len(c.after)])
	case valuesNumbers, valuesDeltas:
		f.findNumber(text)
	case valuesLowerHex, valuesUpperHex:
		f.findPacked(text)
	default:
		return false
	}
	return true
}

func (f *finder) findNumber(text string) {
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil || text[0] == '0' && len(text) > 1 {
		return
	}
	for i := range f.count {
		if f.column.nextNumber() == n {
			f.add(i)
		}
	}
}

// findPacked looks for the bytes in which the values differ.
func (f *finder) findPacked(text string) {
	c := f.column
	n, err := strconv.ParseUint(text, 16, 64)
	if err != nil || len(text) != c.digits || c.packed < 8 && n>>(8*c.packed) != c.common {
		return
	}
	var bytesOf [8]byte
	binary.BigEndian.PutUint64(bytesOf[:], n)
	varying := bytesOf[8-c.packed:]
	all := c.data.bytes(f.count * c.packed)
	if c.packed == 0 {
		for i := range f.count {
			f.add(i)
		}
		return
	}
	for at := 0; ; {
		i := bytes.Index(all[at:], varying)
		if i < 0 {
			return
		}
		if at += i; at%c.packed == 0 {
			f.add(at / c.packed)
		}
		at++
	}
}
