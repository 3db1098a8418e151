// Package block writes and reads the immutable files that entries are kept in.
//
//	Columns → Codec.Encode → file            file → ReadHeader | Codec.Decode → Columns
//
// A block holds entries of one instance, column by column, each column
// compressed and checksummed on its own. The header, checksummed too, says
// enough about the content to skip the block. A file is never changed once it
// has its name. FORMAT.md, beside the index package, has the layout. The
// package knows columns, not entries. Start reading at Columns, then Header.
package block

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
)

// Version is the format that Encode writes. Those from oldest on are read.
const Version = 2

const oldest = 1

// Severities is the number of severities that a Header counts.
const Severities = 8

const (
	magic          = "TTBLOCK" // and one byte of version
	prefixBytes    = 16        // magic, version, header length, header checksum
	maxHeaderBytes = 1 << 20
	maxEntries     = 1 << 24
	maxRawBytes    = 1 << 30
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Stamp is a moment with the offset from UTC that it was written with. A zero
// Stamp says nothing.
type Stamp struct {
	Set    bool
	Sec    int64 // since 1970
	Nsec   int32
	Offset int32 // seconds east of UTC
}

// Columns are the entries of a block. All slices have the same length.
type Columns struct {
	Instance string
	// Seq is ascending.
	Seq []uint64
	// Received is in nanoseconds since 1970.
	Received []int64
	Time     []Stamp

	Facility, Severity, Format, By []uint8
	Flags                          []uint16

	Hostname, Source, AppName, ProcID, MsgID, StructuredData, Input Texts
	// Message is the text.
	Message []string
	// Shapes are read only, and only of a block that has them.
	Shapes *Shapes

	// TextBytes is what the owner counts as the bytes of all text, and
	// LastError the newest Received of an error; both only pass through.
	TextBytes uint64
	LastError int64
}

// Header is what is known of a block without decompressing it.
type Header struct {
	Instance                 string
	First, Last              uint64 // Seq
	MinReceived, MaxReceived int64
	LastError                int64
	Entries                  int
	TextBytes                uint64
	// Severity counts the entries of each severity.
	Severity [Severities]uint64

	sections []section
	bodyAt   int
}

// ErrDamaged is wrapped by every error about the content of a block.
var ErrDamaged = errors.New("block is damaged")

func damaged(what string) error { return fmt.Errorf("%w: %s", ErrDamaged, what) }

// header sums the columns up.
func (c *Columns) header() Header {
	h := Header{
		Instance: c.Instance, Entries: len(c.Seq), TextBytes: c.TextBytes, LastError: c.LastError,
		First: c.Seq[0], Last: c.Seq[len(c.Seq)-1],
		MinReceived: math.MaxInt64, MaxReceived: math.MinInt64,
	}
	for i, received := range c.Received {
		h.MinReceived = min(h.MinReceived, received)
		h.MaxReceived = max(h.MaxReceived, received)
		h.Severity[c.Severity[i]%Severities]++
	}
	return h
}

// section is one compressed column in the file.
type section struct {
	id, codec uint8
	raw, size int // bytes before and after compression
	sum       uint32
}

// appendTo writes the header with its prefix.
func (h *Header) appendTo(dst []byte) []byte {
	start := len(dst)
	dst = append(dst, magic...)
	dst = append(dst, Version)
	dst = append(dst, make([]byte, 8)...)
	dst = appendString(dst, h.Instance)
	dst = binary.AppendUvarint(dst, uint64(h.Entries))
	dst = binary.AppendUvarint(dst, h.First)
	dst = binary.AppendUvarint(dst, h.Last)
	dst = binary.AppendVarint(dst, h.MinReceived)
	dst = binary.AppendVarint(dst, h.MaxReceived)
	dst = binary.AppendVarint(dst, h.LastError)
	dst = binary.AppendUvarint(dst, h.TextBytes)
	for _, n := range h.Severity {
		dst = binary.AppendUvarint(dst, n)
	}
	dst = binary.AppendUvarint(dst, uint64(len(h.sections)))
	for _, s := range h.sections {
		dst = append(dst, s.id, s.codec)
		dst = binary.AppendUvarint(dst, uint64(s.raw))
		dst = binary.AppendUvarint(dst, uint64(s.size))
		dst = binary.LittleEndian.AppendUint32(dst, s.sum)
	}
	body := dst[start+prefixBytes:]
	binary.LittleEndian.PutUint32(dst[start+8:], uint32(len(body)))
	binary.LittleEndian.PutUint32(dst[start+12:], crc32.Checksum(body, castagnoli))
	return dst
}

// headerSize returns the length of the header, prefix included, of which
// prefix are the first bytes.
func headerSize(prefix []byte) (int, error) {
	if len(prefix) < prefixBytes || string(prefix[:len(magic)]) != magic {
		return 0, damaged("it does not begin like a block")
	}
	if v := prefix[len(magic)]; v < oldest || v > Version {
		return 0, fmt.Errorf("block has format %d: this program reads formats %d to %d", v, oldest, Version)
	}
	size := binary.LittleEndian.Uint32(prefix[8:])
	if size > maxHeaderBytes {
		return 0, damaged("length of the header")
	}
	return prefixBytes + int(size), nil
}

// parseHeader reads the header at the start of data.
func parseHeader(data []byte) (Header, error) {
	size, err := headerSize(data)
	if err != nil {
		return Header{}, err
	}
	if size > len(data) {
		return Header{}, damaged("the header ends behind the file")
	}
	body := data[prefixBytes:size]
	if crc32.Checksum(body, castagnoli) != binary.LittleEndian.Uint32(data[12:]) {
		return Header{}, damaged("checksum of the header")
	}
	r := reader{data: body}
	h := Header{Instance: r.string(), bodyAt: size}
	h.Entries = r.length(maxEntries)
	h.First, h.Last = r.uvarint(), r.uvarint()
	h.MinReceived, h.MaxReceived, h.LastError = r.varint(), r.varint(), r.varint()
	h.TextBytes = r.uvarint()
	for i := range h.Severity {
		h.Severity[i] = r.uvarint()
	}
	h.sections = make([]section, 0, sectionLast)
	for range r.length(math.MaxUint8) {
		s := section{id: r.byte(), codec: r.byte()}
		s.raw, s.size = r.length(maxRawBytes), r.length(maxRawBytes)
		s.sum = r.uint32()
		h.sections = append(h.sections, s)
	}
	if r.bad || h.Entries == 0 || h.First > h.Last {
		return Header{}, damaged("content of the header")
	}
	return h, nil
}
