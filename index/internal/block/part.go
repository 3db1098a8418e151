package block

import "fmt"

// Part is a set of columns. Seq and Received are in every part.
type Part uint32

// The columns that can be left out.
const (
	PartTime           Part = 1 << sectionTime
	PartFacility       Part = 1 << sectionFacility
	PartSeverity       Part = 1 << sectionSeverity
	PartFormat         Part = 1 << sectionFormat
	PartBy             Part = 1 << sectionBy
	PartFlags          Part = 1 << sectionFlags
	PartHostname       Part = 1 << sectionHostname
	PartSource         Part = 1 << sectionSource
	PartAppName        Part = 1 << sectionAppName
	PartProcID         Part = 1 << sectionProcID
	PartMsgID          Part = 1 << sectionMsgID
	PartStructuredData Part = 1 << sectionStructuredData
	PartInput          Part = 1 << sectionInput
	PartShapes         Part = 1<<sectionShapes | 1<<sectionShapeOf
	PartMessage        Part = 1<<sectionMessage | 1<<sectionLengths | PartShapes | partValues

	PartAll Part = (1<<(sectionLast+1) - 1) &^ 1

	partValues Part = 1<<sectionValues | 1<<sectionPacked | 1<<sectionLoose

	// PartAlways is in every part.
	PartAlways Part = 1<<sectionSeq | 1<<sectionReceived
)

// has tells whether a section is in p. Sections of a later program are in
// PartAll only, for their checksums.
func (p Part) has(id uint8) bool { return p == PartAll || id <= sectionLast && p>>id&1 != 0 }

// DecodePart is Decode for a part of the columns: the others are nil, and what
// is damaged in them is not noticed.
func (k *Codec) DecodePart(file []byte, part Part) (*Columns, error) {
	c := &Columns{}
	if err := k.decodeInto(c, file, part|PartAlways); err != nil {
		return nil, err
	}
	return c, nil
}

// DecodeMore adds further columns of the same file to c, which DecodePart has
// returned.
func (k *Codec) DecodeMore(c *Columns, file []byte, part Part) error {
	return k.decodeInto(c, file, part)
}

// maxRoom bounds what a header can make a reader allocate at once.
const maxRoom = 64 << 20

// decodeInto adds the columns of the part to c.
func (k *Codec) decodeInto(c *Columns, file []byte, part Part) error {
	var lengths []int
	h, err := k.eachSection(file, func(id uint8) bool {
		return part.has(id) && (id > sectionLast || !partValues.has(id))
	}, func(h *Header, id uint8, r *reader) {
		if id == sectionLengths {
			lengths = readLengths(r, h.Entries)
		} else {
			c.readSection(id, r, *h, lengths)
		}
	})
	if err != nil {
		return err
	}
	c.Instance, c.TextBytes, c.LastError = h.Instance, h.TextBytes, h.LastError
	if part&partValues != 0 && c.Shapes != nil {
		m, err := k.OpenMessages(c, file)
		if err == nil {
			err = m.Add(c, nil)
		}
		if err != nil {
			return err
		}
	}
	if !c.complete(h.Entries, part) {
		return damaged("a section is missing")
	}
	return nil
}

// eachSection reads the sections that are wanted, in the order of the file.
func (k *Codec) eachSection(file []byte, wanted func(id uint8) bool, read func(h *Header, id uint8, r *reader)) (Header, error) {
	h, err := parseHeader(file)
	if err != nil {
		return h, err
	}
	rest := file[h.bodyAt:]
	for _, s := range h.sections {
		if s.size > len(rest) {
			return h, damaged("it is cut off")
		}
		data := rest[:s.size]
		rest = rest[s.size:]
		if !wanted(s.id) {
			continue
		}
		raw, err := k.open(s, data)
		if err != nil {
			return h, err
		}
		r := reader{data: raw}
		if read(&h, s.id, &r); r.bad {
			return h, damaged(fmt.Sprintf("content of section %d", s.id))
		}
	}
	return h, nil
}

// complete tells whether every column of the part has so many entries.
func (c *Columns) complete(entries int, part Part) bool {
	ok := c.Shapes == nil || len(c.Shapes.Of) == entries
	for id, n := range map[uint8]int{
		sectionSeq: len(c.Seq), sectionReceived: len(c.Received), sectionTime: len(c.Time),
		sectionFlags: len(c.Flags), sectionMessage: len(c.Message),
	} {
		ok = ok && (n == entries || !part.has(id))
	}
	for id := sectionSeq; id <= sectionLast; id++ {
		if texts := c.texts(id); texts != nil && part.has(id) {
			ok = ok && texts.Len() == entries
		}
		if octets := c.octets(id); octets != nil && part.has(id) {
			ok = ok && len(*octets) == entries
		}
	}
	return ok
}
