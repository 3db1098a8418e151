package push

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
)

const (
	// overSize is what git's index-pack says of a pack over receive.maxInputSize.
	overSize = "pack exceeds maximum allowed size"
	// A packet of git's protocol begins with its length as four hexadecimal
	// digits, themselves included; in an answer to a push the next byte says what
	// it is.
	packetHead, maxPacketBytes = 4, 65520
	bandWords                  = 2 // for the person's terminal
)

// Packets passes git's answer to a push on, packet by packet, and adds a
// sentence where git refuses a pack for its size.
type Packets struct {
	Out    io.Writer
	Refuse func() string // gives the sentence, called once
	Over   bool          // it has been added

	part []byte // of a packet
	raw  bool   // what comes is no packets
}

// Write takes the next piece of the answer.
func (g *Packets) Write(p []byte) (int, error) {
	if g.raw {
		return g.Out.Write(p)
	}
	g.part = append(g.part, p...)
	whole := 0
	for len(g.part)-whole >= packetHead {
		n, ok := packetLength(g.part[whole:])
		if !ok {
			g.raw, whole = true, len(g.part)
			break
		}
		if len(g.part)-whole < n {
			break
		}
		packet := g.part[whole : whole+n]
		whole += n
		if !g.Over && len(packet) > packetHead && packet[packetHead] == bandWords && bytes.Contains(packet, []byte(overSize)) {
			g.Over = true
			if err := g.pass(whole); err != nil {
				return 0, err
			}
			whole = 0
			if err := g.say(g.Refuse()); err != nil {
				return 0, err
			}
		}
	}
	return len(p), g.pass(whole)
}

// packetLength is that of the packet that begins here; a flush has four bytes.
func packetLength(head []byte) (n int, ok bool) {
	length, err := strconv.ParseUint(string(head[:packetHead]), 16, 16)
	if err != nil || length > maxPacketBytes {
		return 0, false
	}
	return max(int(length), packetHead), true
}

// pass gives the first n bytes away.
func (g *Packets) pass(n int) error {
	if n == 0 {
		return nil
	}
	_, err := g.Out.Write(g.part[:n])
	g.part = append(g.part[:0], g.part[n:]...)
	return err
}

// say shows a line at the person's terminal.
func (g *Packets) say(line string) error {
	_, err := fmt.Fprintf(g.Out, "%04x%c%s\n", packetHead+1+len(line)+1, bandWords, line)
	return err
}
