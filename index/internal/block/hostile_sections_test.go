package block

import "testing"

// TestShapesWithoutWhichMessageHasWhichAreRefused: the index looks up
// Shapes.Of of every row, which is a panic if there is none.
func TestShapesWithoutWhichMessageHasWhichAreRefused(t *testing.T) {
	codec := newCodec(t)
	file, h := encode(codec, sample(10))
	for name, order := range map[string][]uint8{
		"left out":           {sectionSeq, sectionReceived, sectionShapes},
		"before more shapes": {sectionSeq, sectionReceived, sectionShapes, sectionShapeOf, sectionShapes},
	} {
		t.Run(name, func(t *testing.T) {
			data, known := map[uint8][]byte{}, map[uint8]section{}
			rest := file[h.bodyAt:]
			for _, s := range h.sections {
				data[s.id], known[s.id] = rest[:s.size], s
				rest = rest[s.size:]
			}
			forged := h
			forged.sections = nil
			var body []byte
			for _, id := range order {
				forged.sections = append(forged.sections, known[id])
				body = append(body, data[id]...)
			}
			c, err := decodePart(codec, append(forged.appendTo(nil), body...), PartShapes)
			if err == nil && len(c.Shapes.Of) != h.Entries {
				t.Errorf("%d entries are read with the shapes of %d", h.Entries, len(c.Shapes.Of))
			}
		})
	}
}
