package block

import (
	"encoding/binary"
	"hash/crc32"
	"runtime"
	"testing"
)

// forge replaces the raw bytes of sections of a block of so many empty messages,
// with right checksums.
func forge(t *testing.T, codec *Codec, entries int, raw map[uint8][]byte) []byte {
	t.Helper()
	c := sample(1)
	for c.Message[0] = ""; len(c.Seq) < entries; {
		other := *c
		c.Append(&other)
	}
	file, h := encode(codec, c)
	rest := file[h.bodyAt:]
	var body []byte
	for i := range h.sections {
		s := &h.sections[i]
		data := rest[:s.size]
		rest = rest[s.size:]
		if forged, ok := raw[s.id]; ok {
			data = codec.encoder.EncodeAll(forged, nil)
			s.codec, s.raw, s.size, s.sum = codecZstd, len(forged), len(data), crc32.Checksum(data, castagnoli)
		}
		body = append(body, data...)
	}
	return append(h.appendTo(nil), body...)
}

// TestAShapeWithoutItsColumnsIsRefusedCheaply: a section of marks compresses to
// nothing, and readColumns makes a column for each although the values have ended.
func TestAShapeWithoutItsColumnsIsRefusedCheaply(t *testing.T) {
	codec := newCodec(t)
	const marks = 1 << 21
	file := forge(t, codec, 4, map[uint8][]byte{
		sectionShapes:  append(binary.AppendUvarint([]byte{1}, marks), make([]byte, marks)...),
		sectionShapeOf: {0, 1, 1, 1},
		sectionValues:  {},
	})
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := decodePart(codec, file, PartMessage)
	runtime.ReadMemStats(&after)
	if err == nil {
		t.Error("the block is read")
	}
	if got := (after.TotalAlloc - before.TotalAlloc) >> 20; got > 64 {
		t.Errorf("reading %d bytes allocates %d MiB", len(file), got)
	}
}
