package template

import "github.com/tagtail/tagtail/ingest/rules/message"

// Names of templates that rsyslog uses if none is given.
const (
	FileDefault    = "RSYSLOG_FileFormat"
	ForwardDefault = "RSYSLOG_TraditionalForwardFormat"
	RELPDefault    = "RSYSLOG_ForwardFormat"
)

// maxForwardedTag is where the forward formats cut tags.
const maxForwardedTag = 32

var (
	space   = Part{Text: []byte(" ")}
	newline = Part{Text: []byte("\n")}
	host    = Part{Property: message.Hostname}
	tag     = Part{Property: message.SyslogTag}
	shortly = Part{Property: message.SyslogTag, From: 1, To: maxForwardedTag}
	gap     = Part{Property: message.Msg, SpaceIfNone: true, SpaceIfEmpty: true}
	shy     = Part{Property: message.Msg, SpaceIfNone: true}
	text    = Part{Property: message.Msg}
	bsdTime = Part{Property: message.TimeReported}
	isoTime = Part{Property: message.TimeReported, Date: DateRFC3339}
	pri     = []Part{{Text: []byte("<")}, {Property: message.PRI}, {Text: []byte(">")}}
)

func of(property message.Property) Part { return Part{Property: property} }

// builtin are the templates that need not be written down.
var builtin = map[string]*Template{}

func add(name string, parts ...Part) *Template {
	t := New(name, parts)
	builtin[name] = t
	return t
}

var _ = []*Template{
	add("RSYSLOG_TraditionalFileFormat", bsdTime, space, host, space, tag, gap, text, newline),
	add("RSYSLOG_FileFormat", isoTime, space, host, space, tag, gap, text, newline),
	add("RSYSLOG_SysklogdFileFormat", bsdTime, space, host, space, tag, shy, text, newline),
	add("RSYSLOG_TraditionalForwardFormat", pri[0], pri[1], pri[2], bsdTime, space, host, space, shortly, gap, text),
	add("RSYSLOG_ForwardFormat", pri[0], pri[1], pri[2], isoTime, space, host, space, shortly, gap, text),
	add("RSYSLOG_SyslogProtocol23Format", pri[0], pri[1], Part{Text: []byte(">1 ")}, isoTime, space, host, space,
		of(message.AppName), space, of(message.ProcID), space, of(message.MsgID), space, of(message.StructuredData), space, text, newline),
}

// Named returns one of rsyslog's own templates.
func Named(name string) (*Template, bool) {
	t, ok := builtin[name]
	return t, ok
}
