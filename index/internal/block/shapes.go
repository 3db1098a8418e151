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
	// Of has the shape of each message, as an index of Texts.
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

func readShapes(r *reader, entries int) *Shapes {
	lengths := readLengths(r, r.length(entries))
	s := &Shapes{Texts: cut(r, string(r.data), lengths)}
	s.values = make([]int, len(s.Texts))
	for i, text := range s.Texts {
		s.values[i] = strings.Count(text, shape.MarkText)
	}
	return s
}

func (s *Shapes) readOf(r *reader, entries int) {
	s.Of = make([]int32, entries)
	s.messages = make([]int, len(s.Texts))
	known := 0
	for i := range s.Of {
		at := r.length(known)
		if at == 0 {
			known++
			at = known
		}
		if at > len(s.Texts) || r.bad {
			r.fail()
			return
		}
		s.Of[i] = int32(at - 1)
		s.messages[at-1]++
	}
	r.bad = r.bad || known != len(s.Texts) || len(r.data) != 0
}
