package block

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"sync"

	"github.com/klauspost/compress/zstd"

	"github.com/tagtail/tagtail/index/internal/shape"
)

// The sections of a block, in the order of the file.
const (
	sectionSeq uint8 = iota + 1
	sectionReceived
	sectionTime
	sectionFacility
	sectionSeverity
	sectionFormat
	sectionBy
	sectionFlags
	sectionHostname
	sectionSource
	sectionAppName
	sectionProcID
	sectionMsgID
	sectionStructuredData
	sectionInput
	sectionLengths // of format 1, like sectionMessage
	sectionMessage
	sectionShapes
	sectionShapeOf
	sectionValues
	sectionPacked
	sectionLoose

	sectionLast = sectionLoose
)

// written tells whether Encode writes the section.
func written(id uint8) bool { return id != sectionLengths && id != sectionMessage }

// How a section is stored.
const (
	codecPlain uint8 = iota
	codecZstd
)

// plainBytes is the length up to which a section is not worth compressing:
// most often it is the one value that all entries have.
const plainBytes = 48

// Codec compresses and decompresses. It is safe for use by several goroutines.
type Codec struct {
	encoder *zstd.Encoder
	fast    *zstd.Encoder // for values, in which there is less to find
	decoder *zstd.Decoder
	scratch sync.Pool // of *scratch
	files   sync.Pool // of *File, closed
}

// scratch is what Encode needs memory for.
type scratch struct {
	raw, body []byte
	values    valueWriter
}

// NewCodec returns a Codec, which holds no resources but memory.
func NewCodec() (*Codec, error) {
	encoder, err := newEncoder(zstd.SpeedDefault)
	if err != nil {
		return nil, fmt.Errorf("prepare compression: %w", err)
	}
	fast, err := newEncoder(zstd.SpeedFastest)
	if err != nil {
		return nil, fmt.Errorf("prepare compression: %w", err)
	}
	decoder, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecoderMaxMemory(maxRawBytes))
	if err != nil {
		return nil, fmt.Errorf("prepare decompression: %w", err)
	}
	k := &Codec{encoder: encoder, fast: fast, decoder: decoder}
	k.scratch.New = func() any { return new(scratch) }
	return k, nil
}

func newEncoder(level zstd.EncoderLevel) (*zstd.Encoder, error) {
	return zstd.NewWriter(nil, zstd.WithEncoderLevel(level), zstd.WithEncoderConcurrency(2),
		zstd.WithWindowSize(1<<20), zstd.WithEncoderCRC(false))
}

// Encode appends the file of a block to dst, which is empty. c has at least one
// entry; set has the shapes of its messages.
func (k *Codec) Encode(dst []byte, c *Columns, set *shape.Set) ([]byte, Header) {
	h := c.header()
	t := k.scratch.Get().(*scratch)
	defer k.scratch.Put(t)
	t.body = t.body[:0]
	t.values.write(c.Message, set)
	for id := sectionSeq; id <= sectionLast; id++ {
		if !written(id) {
			continue
		}
		t.raw = t.appendSection(t.raw[:0], id, c, set)
		h.sections = append(h.sections, k.compress(t, id))
	}
	dst = h.appendTo(dst)
	h.bodyAt = len(dst)
	return append(dst, t.body...), h
}

// compress moves a section from t.raw to the end of t.body.
func (k *Codec) compress(t *scratch, id uint8) section {
	start := len(t.body)
	s := section{id: id, codec: codecPlain, raw: len(t.raw)}
	if len(t.raw) > plainBytes {
		s.codec = codecZstd
		encoder := k.encoder
		if partValues.has(id) {
			encoder = k.fast
		}
		t.body = encoder.EncodeAll(t.raw, t.body)
	}
	if s.codec == codecPlain || len(t.body)-start >= len(t.raw) {
		s.codec = codecPlain
		t.body = append(t.body[:start], t.raw...)
	}
	s.size = len(t.body) - start
	s.sum = crc32.Checksum(t.body[start:], castagnoli)
	return s
}

// Decode reads the file that Encode returned. The strings share memory.
func (k *Codec) Decode(file []byte) (*Columns, error) {
	f, err := k.parse(file)
	if err != nil {
		return nil, err
	}
	c := &Columns{}
	if err := f.Read(c, PartAll); err != nil {
		return nil, err
	}
	return c, nil
}

// texts returns the columns that are kept as a dictionary.
func (c *Columns) texts(id uint8) *Texts {
	switch id {
	case sectionHostname:
		return &c.Hostname
	case sectionSource:
		return &c.Source
	case sectionAppName:
		return &c.AppName
	case sectionProcID:
		return &c.ProcID
	case sectionMsgID:
		return &c.MsgID
	case sectionStructuredData:
		return &c.StructuredData
	case sectionInput:
		return &c.Input
	default:
		return nil
	}
}

// octets returns the columns of one byte an entry.
func (c *Columns) octets(id uint8) *[]uint8 {
	switch id {
	case sectionFacility:
		return &c.Facility
	case sectionSeverity:
		return &c.Severity
	case sectionFormat:
		return &c.Format
	case sectionBy:
		return &c.By
	default:
		return nil
	}
}

func (t *scratch) appendSection(dst []byte, id uint8, c *Columns, set *shape.Set) []byte {
	switch id {
	case sectionShapes:
		return appendShapes(dst, set)
	case sectionShapeOf:
		return appendShapeOf(dst, set)
	case sectionValues:
		return append(dst, t.values.values...)
	case sectionPacked:
		return append(dst, t.values.packed...)
	case sectionLoose:
		return append(dst, t.values.loose...)
	}
	return c.appendSection(dst, id)
}

func (c *Columns) appendSection(dst []byte, id uint8) []byte {
	if texts := c.texts(id); texts != nil {
		return texts.appendTo(dst)
	}
	if octets := c.octets(id); octets != nil {
		return append(dst, *octets...)
	}
	switch id {
	case sectionSeq:
		previous := c.Seq[0]
		for _, seq := range c.Seq {
			dst = binary.AppendUvarint(dst, seq-previous)
			previous = seq
		}
	case sectionReceived:
		previous := int64(0)
		for _, received := range c.Received {
			dst = binary.AppendVarint(dst, received-previous)
			previous = received
		}
	case sectionTime:
		dst = appendStamps(dst, c.Time)
	case sectionFlags:
		for _, flags := range c.Flags {
			dst = binary.AppendUvarint(dst, uint64(flags))
		}
	}
	return dst
}

func (c *Columns) readSection(id uint8, r *reader, h *Header) {
	if texts := c.texts(id); texts != nil {
		*texts = readTexts(r, h.Entries)
		return
	}
	if octets := c.octets(id); octets != nil {
		*octets = r.bytes(h.Entries)
		return
	}
	switch id {
	case sectionSeq:
		c.Seq = make([]uint64, h.Entries)
		seq := h.First
		for i := range c.Seq {
			seq += r.uvarint()
			c.Seq[i] = seq
		}
	case sectionReceived:
		c.Received = make([]int64, h.Entries)
		received := int64(0)
		for i := range c.Received {
			received += r.varint()
			c.Received[i] = received
		}
	case sectionTime:
		c.Time = readStamps(r, h.Entries)
	case sectionFlags:
		c.Flags = make([]uint16, h.Entries)
		for i := range c.Flags {
			c.Flags[i] = uint16(r.uvarint())
		}
	}
}
