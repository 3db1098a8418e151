package block

import (
	"encoding/binary"
	"unsafe"
)

// EntryBytes is about what an entry takes in columns, without its text.
const EntryBytes = 2*8 + int(unsafe.Sizeof(Stamp{})) + 4 + 2 + int(unsafe.Sizeof(""))

// NewColumns returns empty columns with room for so many entries.
func NewColumns(instance string, room int) Columns {
	octets := make([]uint8, 4*room)
	next := func() []uint8 {
		column := octets[:0:room]
		octets = octets[room:]
		return column
	}
	return Columns{
		Instance: instance,
		Seq:      make([]uint64, 0, room), Received: make([]int64, 0, room), Time: make([]Stamp, 0, room),
		Facility: next(), Severity: next(), Format: next(), By: next(),
		Flags: make([]uint16, 0, room), Message: make([]string, 0, room),
	}
}

// appendStamps writes which stamps are set, then the seconds as differences,
// then the nanoseconds and the offsets: runs of the same kind compress best.
func appendStamps(dst []byte, stamps []Stamp) []byte {
	for _, s := range stamps {
		dst = append(dst, bit(s.Set))
	}
	previous := int64(0)
	for _, s := range stamps {
		if s.Set {
			dst = binary.AppendVarint(dst, s.Sec-previous)
			previous = s.Sec
		}
	}
	for _, s := range stamps {
		if s.Set {
			dst = appendNanoseconds(dst, s.Nsec)
		}
	}
	offset := int32(0)
	for _, s := range stamps {
		if s.Set {
			dst = binary.AppendVarint(dst, int64(s.Offset-offset))
			offset = s.Offset
		}
	}
	return dst
}

func readStamps(r *reader, entries int) []Stamp {
	stamps := make([]Stamp, entries)
	for i, set := range r.bytes(entries) {
		stamps[i].Set = set != 0
	}
	sec, offset := int64(0), int32(0)
	for i := range stamps {
		if stamps[i].Set {
			sec += r.varint()
			stamps[i].Sec = sec
		}
	}
	for i := range stamps {
		if stamps[i].Set {
			stamps[i].Nsec = readNanoseconds(r)
		}
	}
	for i := range stamps {
		if stamps[i].Set {
			offset += int32(r.varint())
			stamps[i].Offset = offset
		}
	}
	return stamps
}

// appendNanoseconds writes the unit that the value is a multiple of, as senders
// write whole seconds, milliseconds or microseconds, and how many there are.
func appendNanoseconds(dst []byte, ns int32) []byte {
	unit, size := uint64(0), int32(1)
	for unit < 3 && ns%(size*1000) == 0 {
		unit++
		size *= 1000
	}
	return binary.AppendUvarint(dst, uint64(ns/size)<<2|unit)
}

func readNanoseconds(r *reader) int32 {
	v := r.uvarint()
	ns := v >> 2
	for range v & 3 {
		ns *= 1000
	}
	if ns >= 1e9 {
		r.fail()
		return 0
	}
	return int32(ns)
}

func readLengths(r *reader, entries int) []int {
	lengths := make([]int, entries)
	for i := range lengths {
		lengths[i] = r.length(maxRawBytes)
	}
	return lengths
}

// cut divides all into strings of the lengths.
func cut(r *reader, all string, lengths []int) []string {
	values := make([]string, len(lengths))
	for i, n := range lengths {
		if n > len(all) {
			r.fail()
			return nil
		}
		values[i], all = all[:n], all[n:]
	}
	return values
}

func bit(set bool) byte {
	if set {
		return 1
	}
	return 0
}

// Append adds the entries of other, which come after those of c.
func (c *Columns) Append(other *Columns) {
	c.Seq = append(c.Seq, other.Seq...)
	c.Received = append(c.Received, other.Received...)
	c.Time = append(c.Time, other.Time...)
	c.Flags = append(c.Flags, other.Flags...)
	c.Message = append(c.Message, other.Message...)
	for id := sectionSeq; id <= sectionLast; id++ {
		if to := c.texts(id); to != nil {
			to.appendAll(other.texts(id))
		}
		if to := c.octets(id); to != nil {
			*to = append(*to, *other.octets(id)...)
		}
	}
	c.TextBytes += other.TextBytes
	c.LastError = max(c.LastError, other.LastError)
}
