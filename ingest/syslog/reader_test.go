package syslog

import (
	"io"
	"strings"
	"testing"
)

func TestReaderTakesMoreAtOnceFromAFastSender(t *testing.T) {
	text := strings.Repeat("<13>a line\n", 100_000)
	read := func(most int) (reads, lines, buffer int) {
		r := NewReader(Framing{})
		for src := strings.NewReader(text); src.Len() > 0; reads++ {
			if err := r.Fill(io.LimitReader(src, int64(most))); err != nil {
				t.Fatal(err)
			}
			for _, ok := r.Next(); ok; _, ok = r.Next() {
				lines++
			}
		}
		return reads, lines, len(r.buf)
	}
	if reads, lines, _ := read(len(text)); reads > len(text)/(60<<10)+10 || lines != 100_000 {
		t.Errorf("%d lines in %d reads of %d bytes, want all in some 64 KiB each", lines, reads, len(text))
	}
	if _, lines, buffer := read(500); buffer > minBufferBytes || lines != 100_000 {
		t.Errorf("%d lines of a slow sender take a buffer of %d bytes, want %d", lines, buffer, minBufferBytes)
	}
}
