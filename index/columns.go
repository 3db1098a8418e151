package index

import (
	"time"

	"github.com/tagtail/tagtail/index/internal/block"
)

// toColumns makes c, whose memory is used again, the columns of a block with the
// entries of one instance.
func toColumns(c *block.Columns, entries []*Entry) {
	c.Reset(len(entries))
	c.Instance = entries[0].Instance
	for _, e := range entries {
		c.Seq = append(c.Seq, e.Seq)
		c.Received = append(c.Received, e.Received.UnixNano())
		c.Time = append(c.Time, toStamp(e.Time))
		c.Facility = append(c.Facility, uint8(e.Facility))
		c.Severity = append(c.Severity, uint8(e.Severity))
		c.Format = append(c.Format, uint8(e.Format))
		c.By = append(c.By, uint8(e.InstanceBy))
		c.Flags = append(c.Flags, uint16(e.Flags))
		c.Hostname = append(c.Hostname, e.Hostname)
		c.Source = append(c.Source, e.Source)
		c.AppName = append(c.AppName, e.AppName)
		c.ProcID = append(c.ProcID, e.ProcID)
		c.MsgID = append(c.MsgID, e.MsgID)
		c.StructuredData = append(c.StructuredData, e.StructuredData)
		c.Input = append(c.Input, e.Input)
		c.Message = append(c.Message, e.Message)
		c.TextBytes += textBytes(e)
		if e.Severity <= Err {
			c.LastError = max(c.LastError, e.Received.UnixNano())
		}
	}
}

func toStamp(t time.Time) block.Stamp {
	if t.IsZero() {
		return block.Stamp{}
	}
	_, offset := t.Zone()
	return block.Stamp{Set: true, Sec: t.Unix(), Nsec: int32(t.Nanosecond()), Offset: int32(offset)}
}

// textBytes is what an entry counts for in InstanceStats and in a head.
func textBytes(e *Entry) uint64 {
	return uint64(len(e.Message) + len(e.StructuredData) + len(e.AppName) + len(e.ProcID) + len(e.MsgID) + len(e.Hostname))
}

// rows are entries that lie in a block's columns or in a head.
type rows struct {
	columns *block.Columns // or nil
	entries []*Entry
	zones   zones
	scratch Entry
}

func (r *rows) len() int {
	if r.columns != nil {
		return len(r.columns.Seq)
	}
	return len(r.entries)
}

func (r *rows) seq(i int) uint64 {
	if r.columns != nil {
		return r.columns.Seq[i]
	}
	return r.entries[i].Seq
}

func (r *rows) received(i int) int64 {
	if r.columns != nil {
		return r.columns.Received[i]
	}
	return r.entries[i].Received.UnixNano()
}

func (r *rows) severity(i int) Severity {
	if r.columns != nil {
		return Severity(r.columns.Severity[i])
	}
	return r.entries[i].Severity
}

// at returns entry i, valid until the next call. What the columns do not have
// is empty.
func (r *rows) at(i int) *Entry {
	c := r.columns
	if c == nil {
		return r.entries[i]
	}
	r.scratch = Entry{
		Seq: c.Seq[i], Received: time.Unix(0, c.Received[i]).UTC(), Time: r.time(cell(c.Time, i)),
		Facility: Facility(cell(c.Facility, i)), Severity: Severity(cell(c.Severity, i)),
		Format: Format(cell(c.Format, i)), InstanceBy: InstanceBy(cell(c.By, i)), Flags: Flags(cell(c.Flags, i)),
		Hostname: cell(c.Hostname, i), Source: cell(c.Source, i), AppName: cell(c.AppName, i),
		ProcID: cell(c.ProcID, i), MsgID: cell(c.MsgID, i), StructuredData: cell(c.StructuredData, i),
		Message: cell(c.Message, i), Instance: c.Instance, Input: cell(c.Input, i),
	}
	return &r.scratch
}

// cell is the zero value if the column was not read.
func cell[T any](column []T, i int) (value T) {
	if column != nil {
		value = column[i]
	}
	return value
}

func (r *rows) time(s block.Stamp) time.Time {
	if !s.Set {
		return time.Time{}
	}
	return time.Unix(s.Sec, int64(s.Nsec)).In(r.zones.fixed(int(s.Offset)))
}
