package message

import (
	"bytes"
	"strconv"
	"strings"
	"time"
)

// Property is one of a message's properties by rsyslog's name.
type Property uint8

// The properties.
const (
	Msg Property = iota + 1
	RawMsg
	RawMsgAfterPRI
	Hostname
	FromHost
	FromHostIP
	SyslogTag
	ProgramName
	AppName
	ProcID
	MsgID
	StructuredData
	PRI
	PRIText
	SyslogFacility
	SyslogFacilityText
	SyslogSeverity
	SyslogSeverityText
	TimeReported
	TimeGenerated
	InputName
	ProtocolVersion
	MyHostname
	Now
	Year
	Month
	Day
	Hour
	Minute
	Wday
)

// propertyNames has the names in lower case. System properties begin with "$".
var propertyNames = map[string]Property{
	"msg": Msg, "rawmsg": RawMsg, "rawmsg-after-pri": RawMsgAfterPRI,
	"hostname": Hostname, "source": Hostname, "fromhost": FromHost, "fromhost-ip": FromHostIP,
	"syslogtag": SyslogTag, "programname": ProgramName,
	"app-name": AppName, "procid": ProcID, "msgid": MsgID, "structured-data": StructuredData,
	"pri": PRI, "pri-text": PRIText,
	"syslogfacility": SyslogFacility, "syslogfacility-text": SyslogFacilityText,
	"syslogseverity": SyslogSeverity, "syslogseverity-text": SyslogSeverityText,
	"syslogpriority": SyslogSeverity, "syslogpriority-text": SyslogSeverityText,
	"timestamp": TimeReported, "timereported": TimeReported, "timegenerated": TimeGenerated,
	"inputname": InputName, "protocol-version": ProtocolVersion,
	"$myhostname": MyHostname, "$now": Now, "$year": Year, "$month": Month, "$day": Day,
	"$hour": Hour, "$minute": Minute, "$wday": Wday,
}

// PropertyNamed returns the property of that name, in any case.
func PropertyNamed(name string) (Property, bool) {
	p, ok := propertyNames[strings.ToLower(name)]
	return p, ok
}

// IsTime tells whether the property is a time, which templates format.
func (p Property) IsTime() bool { return p == TimeReported || p == TimeGenerated }

// IsOurs tells whether nothing that a sender writes is in the property.
func (p Property) IsOurs() bool {
	switch p {
	case MyHostname, Now, Year, Month, Day, Hour, Minute, Wday, InputName, TimeGenerated,
		SyslogFacility, SyslogFacilityText, SyslogSeverity, SyslogSeverityText, PRI, PRIText, FromHostIP, ProtocolVersion:
		return true
	}
	return false
}

var facilityNames = [...]string{
	"kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp",
	"ntp", "audit", "alert", "clock", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7", "invld",
}

var severityNames = [...]string{"emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"}

var nilValue = []byte("-")

// Get returns a property's value, which is valid until the next Get of any
// number or time, and the next Parse.
func (m *Message) Get(p Property) []byte {
	switch p {
	case Msg:
		return m.text
	case RawMsg:
		return m.raw
	case RawMsgAfterPRI:
		return m.behindPRI()
	case Hostname:
		if m.hasHostname {
			return m.hostname
		}
		return m.Get(FromHost)
	case FromHost:
		if m.origin.Local {
			return bytesOf(m.opts.Hostname)
		}
		return bytesOf(m.origin.Address)
	case FromHostIP:
		return bytesOf(m.origin.Address)
	case SyslogTag:
		return m.syslogTag()
	case ProgramName:
		return m.programName()
	case AppName:
		if m.structured {
			return m.appName
		}
		if name := m.programName(); len(name) > 0 {
			return name
		}
		return nilValue
	case ProcID:
		return m.processID()
	case MsgID:
		return orNil(m.msgID)
	case StructuredData:
		return orNil(m.data)
	case PRI:
		if m.Facility == facilityInvalid {
			return bytesOf("invld")
		}
		return m.number(int(m.Facility)*8 + int(m.Severity))
	case SyslogFacility:
		if m.Facility == facilityInvalid {
			return bytesOf("invld")
		}
		return m.number(int(m.Facility))
	case SyslogFacilityText:
		return bytesOf(facilityNames[m.Facility])
	case SyslogSeverity:
		return m.number(int(m.Severity))
	case SyslogSeverityText:
		return bytesOf(severityNames[m.Severity])
	case InputName:
		return bytesOf(m.origin.InputName)
	}
	return m.lessUsual(p)
}

func (m *Message) lessUsual(p Property) []byte {
	switch p {
	case PRIText:
		dst := append(m.scratch[:0], facilityNames[m.Facility]...)
		dst = append(dst, '.')
		return append(dst, severityNames[m.Severity]...)
	case TimeReported:
		return m.Reported.AppendBSD(m.scratch[:0], false)
	case TimeGenerated:
		return m.Received.AppendBSD(m.scratch[:0], false)
	case ProtocolVersion:
		if m.structured {
			return bytesOf("1")
		}
		return bytesOf("0")
	case MyHostname:
		return bytesOf(m.opts.Hostname)
	case Now:
		return m.Received.appendDate(m.scratch[:0])
	case Year:
		return m.number(m.Received.Year)
	case Month:
		return appendPair(m.scratch[:0], m.Received.Month)
	case Day:
		return appendPair(m.scratch[:0], m.Received.Day)
	case Hour:
		return appendPair(m.scratch[:0], m.Received.Hour)
	case Minute:
		return appendPair(m.scratch[:0], m.Received.Minute)
	case Wday:
		r := &m.Received
		return m.number(int(time.Date(r.Year, time.Month(r.Month), r.Day, 0, 0, 0, 0, time.UTC).Weekday()))
	}
	return nil
}

// behindPRI is the message without what looks like a PRI, valid or not: from
// "<" to a ">" behind one or more bytes of any kind.
func (m *Message) behindPRI() []byte {
	const shortest, longest = len("<1>"), len("<191>")
	if len(m.raw) < shortest || m.raw[0] != '<' {
		return m.raw
	}
	if i := bytes.IndexByte(m.raw[2:min(longest, len(m.raw))], '>'); i >= 0 {
		return m.raw[2+i+1:]
	}
	return m.raw
}

func (m *Message) number(n int) []byte { return strconv.AppendInt(m.scratch[:0], int64(n), 10) }

func orNil(field []byte) []byte {
	if field == nil {
		return nilValue
	}
	return field
}

// syslogTag is the tag as it was sent; RFC 5424's fields stand in for one.
func (m *Message) syslogTag() []byte {
	if m.tag != nil || !m.structured || m.appName == nil {
		return m.tag
	}
	if string(m.procID) == "-" {
		return m.appName
	}
	m.emulate = append(m.emulate[:0], m.appName...)
	m.emulate = append(m.emulate, '[')
	m.emulate = append(m.emulate, m.procID...)
	m.emulate = append(m.emulate, ']')
	m.tag = m.emulate
	return m.tag
}

// programName is the tag up to the first colon, bracket, slash or byte that is
// not printable ASCII.
func (m *Message) programName() []byte {
	if m.named {
		return m.program
	}
	m.program, m.named = m.syslogTag(), true
	for i, c := range m.program {
		if c == ':' || c == '[' || c == '/' && !m.opts.SlashInProgramName || c < ' ' || c >= 0x7f {
			m.program = m.program[:i]
			break
		}
	}
	return m.program
}

// processID is what RFC 5424 names, or what the tag has in brackets.
func (m *Message) processID() []byte {
	if m.structured {
		return orNil(m.procID)
	}
	open := bytes.IndexByte(m.tag, '[')
	if open < 0 {
		return nilValue
	}
	end := bytes.IndexByte(m.tag[open:], ']')
	if end < 0 {
		return nilValue
	}
	return m.tag[open+1 : open+end]
}
