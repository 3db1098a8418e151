package block

import (
	"strings"

	"github.com/tagtail/tagtail/index/internal/shape"
)

// Messages are the messages of a block, put together when they are asked for.
// One goroutine uses them.
type Messages struct {
	file    *File
	shapes  *Shapes
	columns []storedColumn // nil, like first, until they are needed
	first   []int32        // of each shape's columns, -1 if its values are loose

	rows  []int32 // messages, shape by shape; nil until they are needed
	begin []int32 // of each shape in rows

	lacks []textLack // what was looked for; few
	loose []int32    // where the values of a message begin, if they are loose; nil until they are needed

	whole []string // all messages, of a block without shapes
}

// messagesRoom is memory for Messages.
type messagesRoom struct {
	columns                   []storedColumn
	first, rows, begin, loose []int32
}

// Messages reads what is needed to ask for messages and their values.
func (f *File) Messages() (*Messages, error) {
	if f.messages != nil {
		return f.messages, nil
	}
	shapes, err := f.ShapesOf()
	if err != nil {
		return nil, err
	}
	m := &Messages{file: f, shapes: shapes}
	if shapes == nil {
		if err = m.readWhole(); err != nil {
			return nil, err
		}
	}
	f.messages = m
	return m, nil
}

// needColumns finds where the columns are, once.
func (m *Messages) needColumns() error {
	if m.first != nil {
		return nil
	}
	err := m.file.read(sectionValues, m.readColumns)
	if err != nil {
		m.first = nil
	}
	return err
}

// readWhole reads the messages of a block of format 1.
func (m *Messages) readWhole() error {
	var lengths []int
	err := m.file.read(sectionLengths, func(r *reader) { lengths = readLengths(r, m.file.header.Entries) })
	if err != nil {
		return err
	}
	return m.file.read(sectionMessage, func(r *reader) { m.whole = cut(r, string(r.rest()), lengths) })
}

// readColumns finds where the columns are.
func (m *Messages) readColumns(values *reader) {
	room := &m.file.memory
	room.first = grown(room.first, len(m.shapes.Texts))
	m.first, m.columns = room.first, room.columns[:0]
	packed := 0
	for i, messages := range m.shapes.messages {
		if messages < shape.ColumnFrom {
			m.first[i] = -1
			continue
		}
		m.first[i] = int32(len(m.columns))
		if m.shapes.values[i] > values.left()/2 { // a column takes two bytes and more
			values.fail()
			return
		}
		for range m.shapes.values[i] {
			c := readColumn(values, packed, messages)
			packed += c.packed
			m.columns = append(m.columns, c)
		}
	}
	room.columns = m.columns
	s, _, ok := m.file.find(sectionPacked)
	values.bad = values.bad || values.left() != 0 || !ok || s.raw != packed
}

// open returns a column at its first value.
func (m *Messages) open(s *storedColumn) (valueColumn, error) {
	if s.packed == 0 {
		return s.open(nil), nil
	}
	packed, err := m.file.section(sectionPacked)
	if err != nil {
		return valueColumn{}, err
	}
	return s.open(packed[s.packedAt : s.packedAt+s.packed]), nil
}

// All returns all messages.
func (m *Messages) All() ([]string, error) {
	if m.shapes == nil {
		return m.whole, nil
	}
	if err := m.needColumns(); err != nil {
		return nil, err
	}
	w := m.writer(len(m.shapes.Of))
	w.all = make([]byte, 0, min(m.file.header.TextBytes, maxRoom))
	for _, of := range m.shapes.Of {
		if err := w.append(of); err != nil {
			return nil, err
		}
	}
	return w.texts(), nil
}

// Texts returns the messages in some rows, ascending.
func (m *Messages) Texts(rows []int) ([]string, error) {
	if m.shapes == nil {
		return pick(m.whole, rows), nil
	}
	if err := m.needColumns(); err != nil {
		return nil, err
	}
	w := m.writer(len(rows))
	at := 0
	for _, row := range rows {
		for _, of := range m.shapes.Of[at:row] {
			w.passed[of]++
			if m.first[of] < 0 {
				w.passedLoose += m.shapes.values[of]
			}
		}
		if err := w.append(m.shapes.Of[row]); err != nil {
			return nil, err
		}
		at = row + 1
	}
	return w.texts(), nil
}

func (m *Messages) writer(messages int) *messageWriter {
	return &messageWriter{
		m: m, columns: make([]*valueColumn, len(m.columns)), passed: make([]int32, len(m.first)),
		ends: make([]int, 0, messages),
	}
}

// messageWriter goes through the messages from the first to the last.
type messageWriter struct {
	m       *Messages
	columns []*valueColumn // nil until a message needs them
	loose   reader
	opened  bool // loose

	passed      []int32 // messages of each shape that were passed over since the last one
	passedLoose int     // values likewise

	all  []byte
	ends []int // of each message in all
}

// append appends the next message, which has a shape.
func (w *messageWriter) append(of int32) error {
	text, column := w.m.shapes.Texts[of], w.m.first[of]
	passed := int(w.passed[of])
	w.passed[of] = 0
	for {
		i := strings.IndexByte(text, shape.Mark)
		if i < 0 {
			break
		}
		w.all = append(w.all, text[:i]...)
		text = text[i+1:]
		begin := len(w.all)
		var err error
		if column < 0 {
			err = w.appendLoose()
		} else {
			err = w.appendOf(column, passed)
			column++
		}
		if err != nil {
			return err
		}
		// No value is empty, so that the bytes of all bound the work.
		if len(w.all) == begin || len(w.all) > maxRawBytes {
			return damaged("content of the values")
		}
	}
	w.all = append(w.all, text...)
	w.ends = append(w.ends, len(w.all))
	return nil
}

// appendOf appends a value of a column behind those that were passed over.
func (w *messageWriter) appendOf(column int32, passed int) error {
	c := w.columns[column]
	if c == nil {
		opened, err := w.m.open(&w.m.columns[column])
		if err != nil {
			return err
		}
		c, w.columns[column] = &opened, &opened
	}
	if passed > 0 {
		c.pass(passed)
	}
	if w.all = c.append(w.all); c.data.bad {
		return damaged("content of the values")
	}
	return nil
}

func (w *messageWriter) appendLoose() error {
	if !w.opened {
		raw, err := w.m.file.section(sectionLoose)
		if err != nil {
			return err
		}
		w.loose, w.opened = reader{data: raw}, true
	}
	for ; w.passedLoose > 0 && !w.loose.bad; w.passedLoose-- {
		w.loose.run()
	}
	if w.all = append(w.all, w.loose.run()...); w.loose.bad {
		return damaged("content of the values")
	}
	return nil
}

// texts are the messages that were appended.
func (w *messageWriter) texts() []string {
	texts := make([]string, len(w.ends))
	joined, begin := string(w.all), 0
	for i, end := range w.ends {
		texts[i] = joined[begin:end]
		begin = end
	}
	return texts
}
