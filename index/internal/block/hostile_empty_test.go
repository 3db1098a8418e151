package block

import (
	"bytes"
	"encoding/binary"
	"testing"
	"time"
)

// TestColumnsOfEmptyValuesAreRefused: no value is empty, so that the bytes of
// the messages bound the work. Here nothing does.
func TestColumnsOfEmptyValuesAreRefused(t *testing.T) {
	codec := newCodec(t)
	const marks, entries = 1 << 14, 1 << 18
	file := forge(t, codec, entries, map[uint8][]byte{
		sectionShapes:  append(binary.AppendUvarint([]byte{1}, marks), make([]byte, marks)...),
		sectionShapeOf: append([]byte{0}, bytes.Repeat([]byte{1}, entries-1)...),
		sectionValues:  bytes.Repeat([]byte{valuesDictionary, 2, 1, 0}, marks),
		sectionPacked:  {},
		sectionLoose:   {},
	})
	done := make(chan error, 1)
	go func() {
		_, err := decodePart(codec, file, PartMessage)
		done <- err
	}()
	select {
	case err := <-done:
		if err == nil {
			t.Errorf("%d bytes are read as %d columns of empty values", len(file), marks)
		}
	case <-time.After(time.Minute):
		t.Errorf("reading %d bytes takes more than a minute", len(file))
	}
}
