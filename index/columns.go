package index

import (
	"time"

	"github.com/tagtail/tagtail/index/internal/block"
)

// appendEntry adds an entry of the instance to the columns of a block.
func appendEntry(c *block.Columns, e *Entry) {
	received := e.Received.UnixNano()
	c.Seq = append(c.Seq, e.Seq)
	c.Received = append(c.Received, received)
	c.Time = append(c.Time, toStamp(e.Time))
	c.Facility = append(c.Facility, uint8(e.Facility))
	c.Severity = append(c.Severity, uint8(e.Severity))
	c.Format = append(c.Format, uint8(e.Format))
	c.By = append(c.By, uint8(e.InstanceBy))
	c.Flags = append(c.Flags, uint16(e.Flags))
	c.Hostname.Append(e.Hostname)
	c.Source.Append(e.Source)
	c.AppName.Append(e.AppName)
	c.ProcID.Append(e.ProcID)
	c.MsgID.Append(e.MsgID)
	c.StructuredData.Append(e.StructuredData)
	c.Input.Append(e.Input)
	c.Message = append(c.Message, e.Message)
	c.TextBytes += textBytes(e)
	if e.Severity <= Err {
		c.LastError = max(c.LastError, received)
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

// rows are entries that lie in the columns of a block or a head.
type rows struct {
	columns *block.Columns
	zones   zones
	scratch Entry
}

func (r *rows) len() int { return len(r.columns.Seq) }

func (r *rows) seq(i int) uint64 { return r.columns.Seq[i] }

func (r *rows) received(i int) int64 { return r.columns.Received[i] }

func (r *rows) severity(i int) Severity { return Severity(r.columns.Severity[i]) }

// at returns entry i, valid until the next call. What the columns do not have
// is empty.
func (r *rows) at(i int) *Entry {
	c := r.columns
	r.scratch = Entry{
		Seq: cell(c.Seq, i), Received: time.Unix(0, cell(c.Received, i)).UTC(), Time: r.time(cell(c.Time, i)),
		Facility: Facility(cell(c.Facility, i)), Severity: Severity(cell(c.Severity, i)),
		Format: Format(cell(c.Format, i)), InstanceBy: InstanceBy(cell(c.By, i)), Flags: Flags(cell(c.Flags, i)),
		Hostname: text(&c.Hostname, i), Source: text(&c.Source, i), AppName: text(&c.AppName, i),
		ProcID: text(&c.ProcID, i), MsgID: text(&c.MsgID, i), StructuredData: text(&c.StructuredData, i),
		Message: cell(c.Message, i), Instance: c.Instance, Input: text(&c.Input, i),
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

func text(column *block.Texts, i int) string {
	if column.Len() == 0 {
		return ""
	}
	return column.At(i)
}

func (r *rows) time(s block.Stamp) time.Time {
	if !s.Set {
		return time.Time{}
	}
	return time.Unix(s.Sec, int64(s.Nsec)).In(r.zones.fixed(int(s.Offset)))
}
