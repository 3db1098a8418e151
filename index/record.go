package index

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"
)

// A record is what one Append puts into one frame of the journal: entries with
// successive Seqs, the first of which is the frame's.

const recordVersion = 1

var (
	errRecord = errors.New("record is not readable")
	// errNewer is no damage: the record is whole, for a program that knows it.
	errNewer = errors.New("a newer tagtail has written it: start that version, or a later one")
)

// recordTexts lists an entry's strings in the order of a record.
func recordTexts(e *Entry) [9]*string {
	return [9]*string{
		&e.Instance, &e.Input, &e.Source, &e.Hostname, &e.AppName, &e.ProcID, &e.MsgID, &e.StructuredData, &e.Message,
	}
}

// appendRecord writes entries without their Seqs. A string that is the same as
// in the entry before takes one byte.
func appendRecord(dst []byte, entries []Entry) []byte {
	dst = append(dst, recordVersion)
	dst = binary.AppendUvarint(dst, uint64(len(entries)))
	received := int64(0)
	previous := &Entry{}
	for i := range entries {
		e := &entries[i]
		dst = binary.AppendVarint(dst, e.Received.UnixNano()-received)
		received = e.Received.UnixNano()
		dst = append(dst, byte(e.Facility), byte(e.Severity), byte(e.Format), byte(e.InstanceBy))
		dst = binary.AppendUvarint(dst, uint64(e.Flags))
		dst = appendRecordTime(dst, e.Time)
		before := recordTexts(previous)
		for k, text := range recordTexts(e) {
			if *text == *before[k] {
				dst = append(dst, 0)
				continue
			}
			dst = binary.AppendUvarint(dst, uint64(len(*text))+1)
			dst = append(dst, *text...)
		}
		previous = e
	}
	return dst
}

func appendRecordTime(dst []byte, t time.Time) []byte {
	if t.IsZero() {
		return append(dst, 0)
	}
	_, offset := t.Zone()
	dst = append(dst, 1)
	dst = binary.AppendVarint(dst, t.Unix())
	dst = binary.AppendUvarint(dst, uint64(t.Nanosecond()))
	return binary.AppendVarint(dst, int64(offset))
}

// decodeRecord is the inverse of appendRecord. The entries do not keep data.
func decodeRecord(first uint64, data []byte) ([]Entry, error) {
	r := recordReader{data: data, text: string(data)}
	switch version := r.octet(); {
	case version > recordVersion:
		return nil, fmt.Errorf("record version %d is not known: %w", version, errNewer)
	case version != recordVersion:
		return nil, errRecord
	}
	count := r.uvarint()
	if count == 0 || count > uint64(len(data)) {
		return nil, errRecord
	}
	entries := make([]Entry, count)
	received := int64(0)
	previous := &Entry{}
	for i := range entries {
		e := &entries[i]
		e.Seq = first + uint64(i)
		received += r.varint()
		e.Received = time.Unix(0, received).UTC()
		e.Facility, e.Severity = Facility(r.octet()), Severity(r.octet())
		e.Format, e.InstanceBy = Format(r.octet()), InstanceBy(r.octet())
		e.Flags = Flags(r.uvarint())
		if r.octet() != 0 {
			sec, nsec, offset := r.varint(), r.uvarint(), r.varint()
			e.Time = time.Unix(sec, int64(nsec)).In(r.zones.fixed(int(offset)))
		}
		before := recordTexts(previous)
		for k, text := range recordTexts(e) {
			if n := r.uvarint(); n == 0 {
				*text = *before[k]
			} else {
				*text = r.string(n - 1)
			}
		}
		previous = e
	}
	if r.bad || len(r.data) != 0 {
		return nil, errRecord
	}
	return entries, nil
}

// recordReader takes values from the front of data. After the first that is
// not there it is bad and returns zeroes. text is all of data, for the strings
// to share.
type recordReader struct {
	data  []byte
	text  string
	zones zones
	bad   bool
}

func (r *recordReader) fail() {
	r.bad = true
	r.data = nil
}

func (r *recordReader) octet() byte {
	if len(r.data) == 0 {
		r.fail()
		return 0
	}
	b := r.data[0]
	r.data = r.data[1:]
	return b
}

func (r *recordReader) uvarint() uint64 {
	v, n := binary.Uvarint(r.data)
	if n <= 0 {
		r.fail()
		return 0
	}
	r.data = r.data[n:]
	return v
}

func (r *recordReader) varint() int64 {
	v, n := binary.Varint(r.data)
	if n <= 0 {
		r.fail()
		return 0
	}
	r.data = r.data[n:]
	return v
}

func (r *recordReader) string(n uint64) string {
	if n > uint64(len(r.data)) {
		r.fail()
		return ""
	}
	at := len(r.text) - len(r.data)
	r.data = r.data[n:]
	return r.text[at : at+int(n)]
}

// zones makes the location of an offset, and remembers the last one because
// neighbours share it.
type zones struct {
	offset   int
	location *time.Location
}

func (z *zones) fixed(offset int) *time.Location {
	if offset == 0 {
		return time.UTC
	}
	if z.location == nil || z.offset != offset {
		z.offset, z.location = offset, time.FixedZone("", offset)
	}
	return z.location
}
