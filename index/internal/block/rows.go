package block

// Rows reads some of the entries, without their messages. rows are their places
// in the block, ascending.
func (f *File) Rows(rows []int) (*Columns, error) {
	h := f.header
	c := &Columns{Instance: h.Instance, TextBytes: h.TextBytes, LastError: h.LastError}
	for id := sectionSeq; id < sectionLengths; id++ {
		if err := f.read(id, func(r *reader) { c.readRows(id, r, h, rows) }); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// readRows reads some entries of a section.
func (c *Columns) readRows(id uint8, r *reader, h *Header, rows []int) {
	if texts := c.texts(id); texts != nil {
		*texts = readTextRows(r, h.Entries, rows)
		return
	}
	if octets := c.octets(id); octets != nil {
		*octets = pick(r.bytes(h.Entries), rows)
		return
	}
	switch id {
	case sectionSeq:
		seq := h.First
		c.Seq = readRows(rows, func(skip int) uint64 { seq += r.uvarints(skip + 1); return seq })
	case sectionReceived:
		received := int64(0)
		c.Received = readRows(rows, func(skip int) int64 { received += r.varints(skip + 1); return received })
	case sectionTime:
		c.Time = readStampRows(r, h.Entries, rows)
	case sectionFlags:
		c.Flags = readRows(rows, func(skip int) uint16 { r.skip(skip); return uint16(r.uvarint()) })
	}
}

// readRows calls next for every row, with the number of those before it to leave
// out.
func readRows[T any](rows []int, next func(skip int) T) []T {
	kept := make([]T, len(rows))
	at := 0
	for i, row := range rows {
		kept[i] = next(row - at)
		at = row + 1
	}
	return kept
}

// pick returns what stands at the rows; nil of what could not be read.
func pick[T any](column []T, rows []int) []T {
	if column == nil {
		return nil
	}
	picked := make([]T, len(rows))
	for i, row := range rows {
		picked[i] = column[row]
	}
	return picked
}

// readStampRows is readStamps for some rows.
func readStampRows(r *reader, entries int, rows []int) []Stamp {
	set := r.bytes(entries)
	stamps := make([]Stamp, len(rows))
	if r.bad {
		return stamps
	}
	var places, skips []int // of those that are set: in stamps, and how many stamps before are to be left out
	total, row, last := 0, 0, 0
	for i, is := range set {
		if is == 0 {
			continue
		}
		for row < len(rows) && rows[row] < i {
			row++
		}
		if row < len(rows) && rows[row] == i {
			stamps[row].Set = true
			places, skips = append(places, row), append(skips, total-last)
			last = total + 1
		}
		total++
	}
	sec, offset := int64(0), int64(0)
	for i, at := range places {
		sec += r.varints(skips[i] + 1)
		stamps[at].Sec = sec
	}
	r.skip(total - last)
	for i, at := range places {
		r.skip(skips[i])
		stamps[at].Nsec = readNanoseconds(r)
	}
	r.skip(total - last)
	for i, at := range places {
		offset += r.varints(skips[i] + 1)
		stamps[at].Offset = int32(offset)
	}
	return stamps
}
