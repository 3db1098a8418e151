package block

import (
	"bytes"
	"strconv"
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
		m.begin = make([]int32, len(m.shapes.Texts)+1)
		for i, n := range m.shapes.messages {
			m.begin[i+1] = m.begin[i] + int32(n)
		}
		next := append([]int32(nil), m.begin...)
		m.rows = make([]int32, len(m.shapes.Of))
		for i, of := range m.shapes.Of {
			m.rows[next[of]] = int32(i)
			next[of]++
		}
	}
	return m.rows[m.begin[of]:m.begin[of+1]]
}

// Find tells of each message of a shape whether its value at a place passes the
// test. known is false if only the messages themselves can tell.
func (m *Messages) Find(of, place int, t ValueTest) (found []bool, known bool) {
	if m.shapes == nil || m.first[of] < 0 {
		return nil, false
	}
	c := m.columns[int(m.first[of])+place].open()
	found = make([]bool, m.shapes.messages[of])
	if !c.canHold(t.Text) || t.Start && t.End && c.findExactly(t.Text, found) {
		return found, !c.data.bad
	}
	if c.kind == valuesDictionary {
		c.findWords(t, found)
		return found, !c.data.bad
	}
	var value []byte
	for i := range found {
		value = c.append(value[:0])
		found[i] = t.passes(value)
	}
	return found, !c.data.bad
}

// canHold tells whether a value of the column could have the text in it, by its
// letters alone.
func (c *valueColumn) canHold(text string) bool {
	last := byte('z')
	switch c.kind {
	case valuesNumbers, valuesDeltas:
		last = '9'
	case valuesLowerHex, valuesUpperHex:
		last = 'f'
	}
	for i := range len(text) {
		if text[i] > last {
			return false
		}
	}
	return true
}

func (t *ValueTest) passes(value []byte) bool {
	for i, b := range value {
		value[i] = lower(b)
	}
	switch {
	case t.Start && t.End:
		return string(value) == t.Text
	case t.Start:
		return bytes.HasPrefix(value, []byte(t.Text))
	case t.End:
		return bytes.HasSuffix(value, []byte(t.Text))
	}
	return bytes.Contains(value, []byte(t.Text))
}

func lower(b byte) byte {
	if 'A' <= b && b <= 'Z' {
		return b + 'a' - 'A'
	}
	return b
}

func (c *valueColumn) findWords(t ValueTest, found []bool) {
	var passes [maxDistinct]bool
	for i, word := range c.words {
		passes[i] = t.passes([]byte(word))
	}
	for i := range found {
		at := byte(0)
		if len(c.words) > 1 {
			at = c.data.byte()
		}
		found[i] = passes[at]
	}
}

// findExactly compares numbers instead of texts, where it can.
func (c *valueColumn) findExactly(text string, found []bool) (done bool) {
	switch c.kind {
	case valuesNumbers, valuesDeltas:
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil || text[0] == '0' && len(text) > 1 {
			return true
		}
		for i := range found {
			found[i] = c.nextNumber() == n
		}
		return true
	case valuesLowerHex, valuesUpperHex:
		n, err := strconv.ParseUint(text, 16, 64)
		if err != nil || len(text) != c.digits || c.packed < 8 && n>>(8*c.packed) != c.common {
			return true
		}
		for i := range found {
			found[i] = c.nextPacked() == n
		}
		return true
	}
	return false
}
