package viewer

import (
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tagtail/tagtail/index"
)

// exportFormat is how an export writes entries.
type exportFormat struct {
	name        string // and what the file's name ends with
	contentType string
	header      string
	append      func(dst []byte, e *index.Entry) []byte
}

var exportFormats = []exportFormat{
	{name: "ndjson", contentType: "application/x-ndjson", append: appendNDJSON},
	{name: "csv", contentType: "text/csv; charset=utf-8; header=present", append: appendCSV, header: csvHeader},
	{name: "txt", contentType: "text/plain; charset=utf-8", append: appendText},
}

// exportFormat returns the parameter format.
func (p *params) exportFormat() exportFormat {
	text := p.text("format")
	for _, f := range exportFormats {
		if f.name == text {
			return f
		}
	}
	if text != "" {
		p.fail("The parameter format is %s: give ndjson, csv or txt.", shown(text))
	}
	return exportFormats[0]
}

func appendNDJSON(dst []byte, e *index.Entry) []byte { return append(e.AppendJSON(dst), '\n') }

// csvHeader is the first record of a CSV file: the names are those of JSON.
const csvHeader = "seq,received,time,facility,severity,instance,instance_by,hostname,source,app_name,proc_id,msg_id,structured_data,input,format,flags,message\r\n"

// appendCSV writes a record of RFC 4180.
func appendCSV(dst []byte, e *index.Entry) []byte {
	claimed := ""
	if !e.Time.IsZero() {
		claimed = e.Time.Format(time.RFC3339Nano)
	}
	dst = strconv.AppendUint(dst, e.Seq, 10)
	for _, cell := range [...]string{
		e.Received.UTC().Format(time.RFC3339Nano), claimed, e.Facility.String(), e.Severity.String(),
		e.Instance, e.InstanceBy.String(), e.Hostname, e.Source, e.AppName, e.ProcID, e.MsgID, e.StructuredData,
		e.Input, e.Format.String(), strings.Join(e.Flags.Names(), " "), e.Message,
	} {
		dst = appendCell(append(dst, ','), cell)
	}
	return append(dst, '\r', '\n')
}

// appendCell writes a value of CSV. Log messages are written by strangers, and a
// spreadsheet runs what begins like a formula: such a value gets an apostrophe
// in front, and so does one that begins with an apostrophe, so that taking one
// away gives every value back. encoding/csv is not used because it changes line
// breaks inside of values.
func appendCell(dst []byte, value string) []byte {
	formula := value != "" && strings.IndexByte("=+-@'\t\r", value[0]) >= 0
	quoted := formula || strings.ContainsAny(value, "\",\r\n")
	if !utf8.ValidString(value) {
		value = strings.ToValidUTF8(value, "\uFFFD")
	}
	if !quoted {
		return append(dst, value...)
	}
	dst = append(dst, '"')
	if formula {
		dst = append(dst, '\'')
	}
	for i := range len(value) {
		if value[i] == '"' {
			dst = append(dst, '"')
		}
		dst = append(dst, value[i])
	}
	return append(dst, '"')
}

// appendText writes an entry as one line:
//
//	2026-11-22T10:42:31.102Z err socketserver/dev1 socketserver_dev1[99]: lua entry thread aborted: …
func appendText(dst []byte, e *index.Entry) []byte {
	dst = e.Received.UTC().AppendFormat(dst, time.RFC3339Nano)
	dst = append(append(dst, ' '), e.Severity.String()...)
	dst = appendVisible(append(dst, ' '), e.Instance)
	if e.AppName != "" {
		dst = appendVisible(append(dst, ' '), e.AppName)
	}
	if e.ProcID != "" {
		dst = append(appendVisible(append(dst, '['), e.ProcID), ']')
	}
	dst = appendVisible(append(dst, ": "...), e.Message)
	return append(dst, '\n')
}

// appendVisible appends text that cannot drive a terminal or end a line: control
// characters but TAB are shown as #ooo, as rsyslog writes them, and bytes that
// are not UTF-8 as U+FFFD.
func appendVisible(dst []byte, text string) []byte {
	for _, r := range text {
		if r == '\t' || r >= ' ' && r < 0x7f || r >= 0xa0 {
			dst = utf8.AppendRune(dst, r)
			continue
		}
		dst = append(dst, '#', '0'+byte(r>>6), '0'+byte(r>>3&7), '0'+byte(r&7))
	}
	return dst
}
