package block

import (
	"encoding/binary"
	"slices"
)

// Reset empties the columns, lets go of their strings and makes room for so
// many entries.
func (c *Columns) Reset(entries int) {
	kept := *c
	*c = Columns{
		Seq: slices.Grow(kept.Seq[:0], entries), Received: slices.Grow(kept.Received[:0], entries),
		Time: slices.Grow(kept.Time[:0], entries), Flags: slices.Grow(kept.Flags[:0], entries),
		Message: emptied(kept.Message, entries),
	}
	for id := sectionSeq; id <= sectionLast; id++ {
		if texts := c.texts(id); texts != nil {
			*texts = emptied(*kept.texts(id), entries)
		}
		if octets := c.octets(id); octets != nil {
			*octets = slices.Grow((*kept.octets(id))[:0], entries)
		}
	}
}

func emptied(texts []string, room int) []string {
	clear(texts)
	return slices.Grow(texts[:0], room)
}

// appendDictionary writes the distinct values, and then, if there is more than
// one, which of them each entry has.
func appendDictionary(dst []byte, values []string) []byte {
	index := make(map[string]uint64)
	var distinct []string
	for i, v := range values {
		if i > 0 && v == values[i-1] {
			continue
		}
		if _, ok := index[v]; !ok {
			index[v] = uint64(len(distinct))
			distinct = append(distinct, v)
		}
	}
	dst = binary.AppendUvarint(dst, uint64(len(distinct)))
	for _, v := range distinct {
		dst = appendString(dst, v)
	}
	if len(distinct) == 1 {
		return dst
	}
	var at uint64
	for i, v := range values {
		if i == 0 || v != values[i-1] {
			at = index[v]
		}
		dst = binary.AppendUvarint(dst, at)
	}
	return dst
}

// readDistinct reads the values of a dictionary.
func readDistinct(r *reader, entries int) []string {
	distinct := make([]string, r.length(entries))
	for i := range distinct {
		distinct[i] = r.string()
	}
	return distinct
}

func readDictionary(r *reader, entries int) []string {
	distinct := readDistinct(r, entries)
	count := len(distinct)
	if count == 0 {
		r.fail()
		return nil
	}
	values := make([]string, entries)
	for i := range values {
		at := 0
		if count > 1 {
			at = r.length(count - 1)
		}
		values[i] = distinct[at]
	}
	return values
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
			*to = append(*to, *other.texts(id)...)
		}
		if to := c.octets(id); to != nil {
			*to = append(*to, *other.octets(id)...)
		}
	}
	c.TextBytes += other.TextBytes
	c.LastError = max(c.LastError, other.LastError)
}
