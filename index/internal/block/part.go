package block

import "fmt"

// Part is a set of columns.
type Part uint32

// The columns that can be left out.
const (
	PartSeq            Part = 1 << sectionSeq
	PartReceived       Part = 1 << sectionReceived
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
)

// has tells whether a section is in p.
func (p Part) has(id uint8) bool { return id <= sectionLast && p>>id&1 != 0 }

// maxRoom bounds what a header can make a reader allocate at once.
const maxRoom = 64 << 20

// Read adds the columns of a part to c, which is of the same file. Sections of a
// later program are in PartAll only, for their checksums.
func (f *File) Read(c *Columns, part Part) error {
	h := f.header
	c.Instance, c.TextBytes, c.LastError = h.Instance, h.TextBytes, h.LastError
	for id := sectionSeq; id < sectionLengths; id++ {
		if !part.has(id) {
			continue
		}
		if err := f.read(id, func(r *reader) { c.readSection(id, r, h) }); err != nil {
			return err
		}
	}
	if part == PartAll {
		if err := f.checkOthers(); err != nil {
			return err
		}
	}
	var err error
	if part&PartShapes == PartShapes {
		if c.Shapes, err = f.ShapesOf(); err != nil {
			return err
		}
	}
	if part&PartMessage == PartMessage {
		return f.readMessages(c)
	}
	return nil
}

func (f *File) readMessages(c *Columns) error {
	m, err := f.Messages()
	if err == nil {
		c.Message, err = m.All()
	}
	return err
}

// read calls with with the raw bytes of a section.
func (f *File) read(id uint8, with func(r *reader)) error {
	raw, err := f.section(id)
	if err != nil {
		return err
	}
	r := reader{data: raw}
	if with(&r); r.bad {
		return damaged(fmt.Sprintf("content of section %d", id))
	}
	return nil
}

// checkOthers checks what this program does not read.
func (f *File) checkOthers() error {
	at := f.header.bodyAt
	for _, s := range f.header.sections {
		if s.id == 0 || s.id > sectionLast {
			if _, err := f.open(s, at, new([]byte)); err != nil {
				return err
			}
		}
		at += s.size
	}
	return nil
}
