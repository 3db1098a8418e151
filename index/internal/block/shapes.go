package block

import (
	"encoding/binary"
	"strings"

	"github.com/tagtail/tagtail/index/internal/shape"
)

// Shapes are what the messages of a block have in common. FORMAT.md has what a
// shape is, and package shape.
type Shapes struct {
	// Texts has a shape.Mark in the place of each value.
	Texts []string
	// Of has the shape of each message, as an index of Texts. It is nil, and
	// Messages not known, until ShapesOf has read it.
	Of []int32

	messages []int // of each shape
	values   []int // of each message of the shape
}

// Messages is how many messages have the shape.
func (s *Shapes) Messages(shape int) int { return s.messages[shape] }

// appendShapes writes the lengths of the texts, and then the texts.
func appendShapes(dst []byte, set *shape.Set) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(set.Shapes)))
	for i := range set.Shapes {
		dst = binary.AppendUvarint(dst, uint64(len(set.Text(i))))
	}
	for i := range set.Shapes {
		dst = append(dst, set.Text(i)...)
	}
	return dst
}

// appendShapeOf writes 0 where a shape is new, and else which one it is,
// counted from 1.
func appendShapeOf(dst []byte, set *shape.Set) []byte {
	known := int32(0)
	for _, of := range set.Of {
		if of == known {
			dst = append(dst, 0)
			known++
			continue
		}
		dst = binary.AppendUvarint(dst, uint64(of)+1)
	}
	return dst
}

// Shapes returns the shapes, nil of a block of format 1. Of is for ShapesOf.
func (f *File) Shapes() (*Shapes, error) {
	if f.shapes != nil || !f.has(sectionShapes) {
		return f.shapes, nil
	}
	var s *Shapes
	err := f.read(sectionShapes, func(r *reader) { s = readShapes(r, f.header.Entries) })
	if err == nil {
		f.shapes = s
	}
	return f.shapes, err
}

// ShapesOf is Shapes with which message has which.
func (f *File) ShapesOf() (*Shapes, error) {
	s, err := f.Shapes()
	if s == nil || err != nil || s.Of != nil {
		return s, err
	}
	f.of = grown(f.of, f.header.Entries)
	if err = f.read(sectionShapeOf, func(r *reader) { s.readOf(r, f.of) }); err != nil {
		return nil, err
	}
	s.Of = f.of
	return s, nil
}

func readShapes(r *reader, entries int) *Shapes {
	lengths := readLengths(r, r.length(entries))
	s := &Shapes{Texts: cut(r, string(r.rest()), lengths)}
	s.values = make([]int, len(s.Texts))
	for i, text := range s.Texts {
		s.values[i] = strings.Count(text, shape.MarkText)
	}
	return s
}

// readOf reads which message has which shape into of.
func (s *Shapes) readOf(r *reader, of []int32) {
	s.messages = make([]int, len(s.Texts))
	known := 0
	for i := range of {
		at := r.length(known)
		if at == 0 {
			known++
			at = known
		}
		if at > len(s.Texts) || r.bad {
			r.fail()
			return
		}
		of[i] = int32(at - 1)
		s.messages[at-1]++
	}
	r.bad = r.bad || known != len(s.Texts) || r.left() != 0
}
