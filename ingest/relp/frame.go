package relp

import (
	"errors"
	"fmt"
	"io"
	"strconv"
)

// maxTxnr is the last transaction number; 1 follows it.
const maxTxnr = 999_999_999

// Limits of a frame's header.
const (
	maxDigits       = 9
	maxCommandBytes = 32
	// maxHeaderBytes is that of the longest header with its three spaces.
	maxHeaderBytes = maxDigits + 1 + maxCommandBytes + 1 + maxDigits + 1
)

// minBufferBytes is what a connection's buffer starts with.
const minBufferBytes = 4 << 10

// ErrFraming says that the bytes are no RELP, or not any more: the rest of
// the stream cannot be understood.
var ErrFraming = errors.New("no relp frame")

// Frame is a command, a response or a hint (Txnr 0).
type Frame struct {
	Txnr    int
	Command string
	Data    []byte // valid until the next Fill
	// Cut tells that Data is only the beginning of what was sent.
	Cut bool
}

// appendFrame appends a frame as it is sent.
func appendFrame(dst []byte, txnr int, command, data string) []byte {
	dst = strconv.AppendInt(dst, int64(txnr), 10)
	dst = append(dst, ' ')
	dst = append(dst, command...)
	dst = append(dst, ' ')
	dst = strconv.AppendInt(dst, int64(len(data)), 10)
	if data != "" {
		dst = append(dst, ' ')
		dst = append(dst, data...)
	}
	return append(dst, '\n')
}

// Reader buffers a stream and cuts it into frames. It is used by calling Next
// until it has no more, then Fill, and so on. A frame whose data is longer
// than the limit is cut, not refused: its sender would send it for ever.
type Reader struct {
	limit      int // of a frame's data
	buf        []byte
	start, end int // the bytes not consumed yet
	skip       int // bytes of a cut frame's data still to discard
	trailer    bool
	full       bool // the last Fill left no room
}

// NewReader returns an empty Reader that keeps up to limit bytes of data a
// frame.
func NewReader(limit int) *Reader { return &Reader{limit: limit} }

// Pending tells whether a frame is unfinished.
func (r *Reader) Pending() bool { return r.end > r.start || r.trailer }

// Release lets go of a large buffer if there is nothing in it.
func (r *Reader) Release() {
	if r.start == r.end && len(r.buf) > minBufferBytes {
		r.buf, r.start, r.end, r.full = nil, 0, 0, false
	}
}

// Fill reads once from src and returns how much it got, which is there even
// if it returns an error.
func (r *Reader) Fill(src io.Reader) (int, error) {
	r.makeRoom()
	n, err := src.Read(r.buf[r.end:])
	r.end += n
	r.full = r.end == len(r.buf)
	return n, err
}

// makeRoom grows the buffer for a frame that does not fit, and also for a
// sender who fills it, so that many frames are read, and made durable, at once.
func (r *Reader) makeRoom() {
	if r.start > 0 {
		r.end = copy(r.buf, r.buf[r.start:r.end])
		r.start = 0
	}
	most := max(minBufferBytes, maxHeaderBytes+r.limit+len("\n"))
	if r.buf != nil && (!r.full || len(r.buf) == most) {
		return
	}
	grown := make([]byte, min(max(minBufferBytes, 2*len(r.buf)), most))
	copy(grown, r.buf[:r.end])
	r.buf = grown
}

// Next returns the next frame of what was read so far, or false. An error is
// ErrFraming and final.
func (r *Reader) Next() (Frame, bool, error) {
	if err := r.discard(); err != nil || r.start == r.end || r.skip > 0 || r.trailer {
		return Frame{}, false, err
	}
	data := r.buf[r.start:r.end]
	f, header, length, err := parseHeader(data)
	if err != nil || header == 0 {
		return Frame{}, false, err
	}
	body := data[header:]
	if length > r.limit {
		if len(body) < r.limit {
			return Frame{}, false, nil
		}
		f.Data, f.Cut = body[:r.limit:r.limit], true
		r.start += header + r.limit
		r.skip, r.trailer = length-r.limit, true
		return f, true, nil
	}
	if len(body) <= length {
		return Frame{}, false, nil
	}
	if body[length] != '\n' {
		return Frame{}, false, fmt.Errorf("%w: no line feed behind the %d bytes of %s", ErrFraming, length, f.Command)
	}
	f.Data = body[:length:length]
	r.start += header + length + 1
	return f, true, nil
}

// discard consumes the rest of a frame that was cut.
func (r *Reader) discard() error {
	n := min(r.skip, r.end-r.start)
	r.start += n
	r.skip -= n
	if r.skip > 0 || !r.trailer || r.start == r.end {
		return nil
	}
	if r.buf[r.start] != '\n' {
		return fmt.Errorf("%w: no line feed behind a long one", ErrFraming)
	}
	r.start++
	r.trailer = false
	return nil
}

// parseHeader reads "TXNR SP COMMAND SP DATALEN" and the space that follows if
// there is data. header is its length, 0 if more bytes are needed.
func parseHeader(data []byte) (f Frame, header, length int, err error) {
	txnr, i, err := number(data, 0)
	if err != nil || i == len(data) {
		return f, 0, 0, err
	}
	if data[i] != ' ' {
		return f, 0, 0, fmt.Errorf("%w: no space behind the transaction number", ErrFraming)
	}
	command := i + 1
	for i = command; i < len(data) && isLetter(data[i]); i++ {
		if i-command == maxCommandBytes {
			return f, 0, 0, fmt.Errorf("%w: a command of more than %d letters", ErrFraming, maxCommandBytes)
		}
	}
	if i == len(data) {
		return f, 0, 0, nil
	}
	if i == command || data[i] != ' ' {
		return f, 0, 0, fmt.Errorf("%w: no command of letters", ErrFraming)
	}
	f = Frame{Txnr: txnr, Command: commandName(data[command:i])}
	length, i, err = number(data, i+1)
	if err != nil || i == len(data) {
		return f, 0, 0, err
	}
	switch {
	case data[i] == ' ' && length == 0: // "close 0 \n": not by the book, but meant well
		return f, i + 1, 0, nil
	case data[i] == '\n' && length == 0:
		return f, i, 0, nil
	case data[i] != ' ':
		return f, 0, 0, fmt.Errorf("%w: no space behind the length", ErrFraming)
	}
	return f, i + 1, length, nil
}

// number reads NUMBER = 1*9DIGIT from data[i:]. If end is len(data), it may
// go on.
func number(data []byte, i int) (n, end int, err error) {
	start := i
	for ; i < len(data) && '0' <= data[i] && data[i] <= '9'; i++ {
		if i-start == maxDigits {
			return 0, i, fmt.Errorf("%w: a number of more than %d digits", ErrFraming, maxDigits)
		}
		n = n*10 + int(data[i]-'0')
	}
	if i == start && i < len(data) {
		return 0, i, fmt.Errorf("%w: no number", ErrFraming)
	}
	return n, i, nil
}

func isLetter(c byte) bool { return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' }

// commandName is a string of name, without an allocation for the usual ones.
func commandName(name []byte) string {
	switch string(name) {
	case commandSyslog:
		return commandSyslog
	case commandOpen:
		return commandOpen
	case commandClose:
		return commandClose
	}
	return string(name)
}
