package block

import (
	"strings"

	"github.com/tagtail/tagtail/index/internal/shape"
)

// Messages are the messages of a block, put together when they are asked for.
// One goroutine uses them.
type Messages struct {
	shapes  *Shapes
	columns []storedColumn
	first   []int32 // of each shape's columns, -1 if its values are loose
	loose   []byte
	room    int // bytes that all messages take at most

	rows  []int32 // messages, shape by shape; nil until they are needed
	begin []int32 // of each shape in rows

	whole []string // all messages, of a block without shapes
}

// OpenMessages reads the values of a block. c was decoded of the same file, with
// PartShapes.
func (k *Codec) OpenMessages(c *Columns, file []byte) (*Messages, error) {
	if c.Shapes == nil {
		old := &Columns{}
		if err := k.decodeInto(old, file, 1<<sectionLengths|1<<sectionMessage); err != nil {
			return nil, err
		}
		return &Messages{whole: old.Message}, nil
	}
	var values [sectionLast + 1][]byte
	found := Part(0)
	h, err := k.eachSection(file, func(id uint8) bool { return id <= sectionLast && partValues.has(id) },
		func(_ *Header, id uint8, r *reader) {
			values[id] = r.data
			found |= 1 << id
		})
	if err != nil {
		return nil, err
	}
	if found != partValues {
		return nil, damaged("a section is missing")
	}
	m := &Messages{shapes: c.Shapes, loose: values[sectionLoose], room: int(min(h.TextBytes, maxRoom))}
	if !m.readColumns(values[sectionValues], values[sectionPacked]) {
		return nil, damaged("content of the values")
	}
	return m, nil
}

// readColumns finds where the columns are.
func (m *Messages) readColumns(values, packed []byte) (ok bool) {
	v, p := reader{data: values}, reader{data: packed}
	m.first = make([]int32, len(m.shapes.Texts))
	for i, messages := range m.shapes.messages {
		if messages < shape.ColumnFrom {
			m.first[i] = -1
			continue
		}
		m.first[i] = int32(len(m.columns))
		if m.shapes.values[i] > len(v.data)/2 { // a column takes two bytes and more
			return false
		}
		for range m.shapes.values[i] {
			m.columns = append(m.columns, readColumn(&v, &p, messages))
		}
	}
	return !v.bad && !p.bad && len(v.data) == 0 && len(p.data) == 0
}

// Add adds the messages of the rows that are wanted to c; nil wants all. The
// others are left as they are.
func (m *Messages) Add(c *Columns, wanted []bool) error {
	if m.shapes == nil {
		c.Message = m.whole
		return nil
	}
	w := messageWriter{m: m, columns: make([]*valueColumn, len(m.columns)), loose: reader{data: m.loose}, passed: make([]int32, len(m.first))}
	room := m.room
	if wanted != nil {
		room = 0
	}
	if c.Message == nil {
		c.Message = make([]string, len(m.shapes.Of))
	}
	w.all = make([]byte, 0, room)
	ends := make([]int, len(m.shapes.Of))
	for i, of := range m.shapes.Of {
		if wanted == nil || wanted[i] {
			w.append(of)
		} else {
			w.pass(of)
		}
		if ends[i] = len(w.all); w.bad || w.loose.bad {
			return damaged("content of the values")
		}
	}
	joined, begin := string(w.all), 0
	for i, end := range ends {
		if wanted == nil || wanted[i] {
			c.Message[i] = joined[begin:end]
		}
		begin = end
	}
	return nil
}

// messageWriter goes through the messages from the first to the last.
type messageWriter struct {
	m       *Messages
	columns []*valueColumn // nil until a message needs them
	loose   reader
	passed  []int32 // messages of each shape that its columns have still to pass over
	all     []byte
	bad     bool
}

// append appends the next message of a shape.
func (w *messageWriter) append(of int32) {
	text, column := w.m.shapes.Texts[of], w.m.first[of]
	passed := int(w.passed[of])
	w.passed[of] = 0
	for {
		i := strings.IndexByte(text, shape.Mark)
		if i < 0 {
			w.all = append(w.all, text...)
			return
		}
		w.all = append(w.all, text[:i]...)
		text = text[i+1:]
		begin := len(w.all)
		if column < 0 {
			w.all = append(w.all, w.loose.bytes(w.loose.length(len(w.loose.data)))...)
			if w.ended(begin) {
				return
			}
			continue
		}
		c := w.columns[column]
		if c == nil {
			opened := w.m.columns[column].open()
			c, w.columns[column] = &opened, &opened
		}
		if passed > 0 {
			c.pass(passed)
		}
		w.all = c.append(w.all)
		w.bad = w.bad || c.data.bad
		if w.ended(begin) {
			return
		}
		column++
	}
}

// ended tells whether the messages cannot be read behind a value: no value is
// empty, so that the bytes of all bound the work.
func (w *messageWriter) ended(begin int) bool {
	w.bad = w.bad || w.loose.bad || len(w.all) == begin || len(w.all) > maxRawBytes
	return w.bad
}

// pass passes over the next message of a shape.
func (w *messageWriter) pass(of int32) {
	if w.m.first[of] >= 0 {
		w.passed[of]++
		return
	}
	for range w.m.shapes.values[of] {
		if w.loose.bytes(w.loose.length(len(w.loose.data))); w.loose.bad {
			return
		}
	}
}
