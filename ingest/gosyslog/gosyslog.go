// Package gosyslog implements the contract of gopkg.in/mcuadros/go-syslog.v2,
// so that its Server can be an engine of ours, and code written for it can
// feed us.
//
//	go-syslog Server → Format (frames, unparsed) → Handler → our queue and parser
//
// Invariants: the stock formats of the library are never used, for each of
// them can be made to panic by a sender; a frame is handed on whole and
// unparsed, under the one key "raw"; the Handler never waits. What the library
// cannot do stays undone: no flags for cut messages, no credentials of unix
// senders, no drain at the shutdown. Start reading at Format.
package gosyslog

import (
	"bufio"
	"time"

	"gopkg.in/mcuadros/go-syslog.v2/format"

	"github.com/tagtail/tagtail/ingest/syslog"
)

// KeyRaw is the key of LogParts that holds the frame, a string.
const KeyRaw = "raw"

// Keys that go-syslog's Server adds.
const (
	keyClient  = "client"
	keyTLSPeer = "tls_peer"
)

// maxTokenBytes is what bufio.Scanner can hold with room for the framer to
// look ahead; a longer line would end the connection without a word.
const maxTokenBytes = bufio.MaxScanTokenSize - 64

// Format is a format.Format that only finds the frames.
type Format struct {
	// Framing is for streams. Its MaxBytes are bounded by the library.
	Framing syslog.Framing
	// Datagrams makes a datagram one frame. The library would split it into
	// lines and keep the first.
	Datagrams bool
}

var _ format.Format = (*Format)(nil)

// GetParser returns a parser that holds a copy of frame, which the library
// takes back.
func (f *Format) GetParser(frame []byte) format.LogParser {
	return &parser{raw: string(frame)}
}

// GetSplitFunc returns nil for datagrams, and for streams a function with the
// state of one connection: the library asks for one each.
func (f *Format) GetSplitFunc() bufio.SplitFunc {
	if f.Datagrams {
		return nil
	}
	framing := f.Framing
	if framing.MaxBytes <= 0 || framing.MaxBytes > maxTokenBytes {
		framing.MaxBytes = maxTokenBytes
	}
	framer := syslog.NewFramer(framing)
	return func(data []byte, atEOF bool) (advance int, token []byte, err error) {
		pause := syslog.MayFollow
		if atEOF {
			pause = syslog.Ended
		}
		// A Scanner that is given an advance without a token waits for more
		// input, even if a whole frame is left.
		for {
			n, frame, _ := framer.Next(data[advance:], pause)
			advance += n
			if frame != nil || n == 0 {
				return advance, frame, nil
			}
		}
	}
}

// parser is a format.LogParser that parses nothing.
type parser struct{ raw string }

// Parse finds nothing wrong: that is for the pipeline to say.
func (p *parser) Parse() error { return nil }

// Dump returns the frame under KeyRaw, in a map that is the caller's.
func (p *parser) Dump() format.LogParts { return format.LogParts{KeyRaw: p.raw} }

// Location does nothing: the zone is an option of the pipeline.
func (p *parser) Location(*time.Location) {}

// Handler is a syslog.Handler that passes frames on to Take.
type Handler struct {
	// Take gets a frame, the sender's address as the library writes it, and
	// the name in the sender's certificate, if any. It must not wait and is
	// called from several goroutines at once.
	Take func(raw, client, tlsPeer string)
}

// Handle passes on what the Format has put into parts.
func (h *Handler) Handle(parts format.LogParts, _ int64, _ error) {
	raw, ok := parts[KeyRaw].(string)
	if !ok {
		return // from a stock format
	}
	client, _ := parts[keyClient].(string)
	peer, _ := parts[keyTLSPeer].(string)
	h.Take(raw, client, peer)
}
