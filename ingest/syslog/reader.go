package syslog

import (
	"io"

	"github.com/tagtail/tagtail/index"
)

// minBufferBytes is what a connection's buffer starts with. It grows if the
// sender writes a larger message, or faster than it is read.
const minBufferBytes = 4 << 10

// Frame is one message as it came, without its delimiters.
type Frame struct {
	Bytes []byte // valid until the next Fill
	Flags index.Flags
}

// Reader buffers a stream and cuts it into frames. It is used by calling Next
// until it has no more, then Fill, and so on; Flush and End give out the tail.
// Its memory is bounded by the framing's MaxBytes.
type Reader struct {
	framer     *Framer
	buf        []byte
	start, end int // the bytes not consumed yet
	limit      int
	filled     bool // by the last read: there may be more to read at once
	pause      Pause
}

// NewReader returns an empty Reader.
func NewReader(framing Framing) *Reader {
	f := NewFramer(framing)
	return &Reader{framer: f, limit: f.max + 2*maxHeaderBytes}
}

// Next returns the next frame of what was read so far.
func (r *Reader) Next() (Frame, bool) {
	for {
		n, frame, flags := r.framer.Next(r.buf[r.start:r.end], r.pause)
		r.start += n
		if frame != nil {
			return Frame{Bytes: frame, Flags: flags}, true
		}
		if n == 0 {
			return Frame{}, false
		}
	}
}

// Pending tells how many bytes of an unfinished frame are buffered.
func (r *Reader) Pending() int { return r.end - r.start }

// Fill reads once from src. What it got is there even if it returns an error.
func (r *Reader) Fill(src io.Reader) error {
	r.pause = MayFollow
	r.makeRoom()
	n, err := src.Read(r.buf[r.end:])
	r.end += n
	r.filled = r.end == len(r.buf)
	return err
}

// Release lets go of a large buffer if there is nothing in it. The next Fill
// makes a small one.
func (r *Reader) Release() {
	if r.start == r.end && len(r.buf) > minBufferBytes {
		r.buf, r.start, r.end = nil, 0, 0
	}
}

// Flush makes Next give out an unfinished line, because the sender has paused.
func (r *Reader) Flush() { r.pause = Idle }

// End makes Next give out all that is left, because the stream has ended.
func (r *Reader) End() { r.pause = Ended }

func (r *Reader) makeRoom() {
	if r.start > 0 {
		r.end = copy(r.buf, r.buf[r.start:r.end])
		r.start = 0
	}
	if r.end < len(r.buf) && (!r.filled || len(r.buf) >= r.limit) {
		return
	}
	grown := make([]byte, min(max(minBufferBytes, 2*len(r.buf)), r.limit))
	copy(grown, r.buf[:r.end])
	r.buf = grown
}
