package block

// DecodeRows reads some of the entries of the file that Encode returned, without
// their messages. rows are their places in the block, ascending.
func (k *Codec) DecodeRows(file []byte, rows []int) (*Columns, error) {
	c := &Columns{}
	h, err := k.eachSection(file, func(id uint8) bool { return id <= sectionLast && !PartMessage.has(id) },
		func(h *Header, id uint8, r *reader) { c.readRows(id, r, h, rows) })
	if err != nil {
		return nil, err
	}
	c.Instance, c.TextBytes, c.LastError = h.Instance, h.TextBytes, h.LastError
	if !c.complete(len(rows), PartAll&^PartMessage) {
		return nil, damaged("a section is missing")
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
		c.Seq = readRows(rows, func() uint64 { seq += r.uvarint(); return seq })
	case sectionReceived:
		received := int64(0)
		c.Received = readRows(rows, func() int64 { received += r.varint(); return received })
	case sectionTime:
		c.Time = pick(readStamps(r, h.Entries), rows)
	case sectionFlags:
		c.Flags = readRows(rows, func() uint16 { return uint16(r.uvarint()) })
	}
}

// readRows calls next for every entry up to the last row, and keeps the rows.
func readRows[T any](rows []int, next func() T) []T {
	kept := make([]T, 0, len(rows))
	for i := 0; len(kept) < len(rows); i++ {
		if value := next(); i == rows[len(kept)] {
			kept = append(kept, value)
		}
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
