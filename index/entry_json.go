package index

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"
	"unicode/utf8"
)

// AppendJSON appends the entry as one JSON object, as the HTTP API shows it.
// Empty fields are left out. Bytes that are not UTF-8 become U+FFFD.
func (e *Entry) AppendJSON(dst []byte) []byte {
	dst = append(dst, `{"seq":`...)
	dst = strconv.AppendUint(dst, e.Seq, 10)
	dst = appendJSONTime(dst, "received", e.Received)
	dst = appendJSONTime(dst, "time", e.Time)
	dst = appendJSONField(dst, "facility", e.Facility.String())
	dst = appendJSONField(dst, "severity", e.Severity.String())
	dst = appendJSONField(dst, "instance", e.Instance)
	service, owner := SplitInstance(e.Instance)
	dst = appendJSONField(dst, "service", service)
	dst = appendJSONField(dst, "owner", owner)
	dst = appendJSONField(dst, "instance_by", e.InstanceBy.String())
	dst = appendJSONField(dst, "hostname", e.Hostname)
	dst = appendJSONField(dst, "source", e.Source)
	dst = appendJSONField(dst, "app_name", e.AppName)
	dst = appendJSONField(dst, "proc_id", e.ProcID)
	dst = appendJSONField(dst, "msg_id", e.MsgID)
	dst = appendJSONField(dst, "structured_data", e.StructuredData)
	dst = appendJSONField(dst, "input", e.Input)
	dst = appendJSONField(dst, "format", e.Format.String())
	if e.Flags != 0 {
		dst = append(dst, `,"flags":[`...)
		for i, name := range e.Flags.Names() {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = appendJSONString(dst, name)
		}
		dst = append(dst, ']')
	}
	dst = append(dst, `,"message":`...)
	dst = appendJSONString(dst, e.Message)
	return append(dst, '}')
}

// MarshalJSON implements json.Marshaler.
func (e *Entry) MarshalJSON() ([]byte, error) { return e.AppendJSON(nil), nil }

// UnmarshalJSON implements json.Unmarshaler for what AppendJSON writes.
func (e *Entry) UnmarshalJSON(data []byte) error {
	var in struct {
		Seq            uint64    `json:"seq"`
		Received       time.Time `json:"received"`
		Time           time.Time `json:"time"`
		Facility       string    `json:"facility"`
		Severity       string    `json:"severity"`
		Instance       string    `json:"instance"`
		InstanceBy     string    `json:"instance_by"`
		Hostname       string    `json:"hostname"`
		Source         string    `json:"source"`
		AppName        string    `json:"app_name"`
		ProcID         string    `json:"proc_id"`
		MsgID          string    `json:"msg_id"`
		StructuredData string    `json:"structured_data"`
		Input          string    `json:"input"`
		Format         string    `json:"format"`
		Flags          []string  `json:"flags"`
		Message        string    `json:"message"`
	}
	if err := json.Unmarshal(data, &in); err != nil {
		return fmt.Errorf("decode entry: %w", err)
	}
	*e = Entry{
		Seq: in.Seq, Received: in.Received, Time: in.Time,
		Hostname: in.Hostname, Source: in.Source, AppName: in.AppName,
		ProcID: in.ProcID, MsgID: in.MsgID, StructuredData: in.StructuredData,
		Message: in.Message, Instance: in.Instance, Input: in.Input,
	}
	var ok bool
	if e.Facility, ok = ParseFacility(in.Facility); !ok {
		return fmt.Errorf("decode entry: unknown facility %q", in.Facility)
	}
	if e.Severity, ok = ParseSeverity(in.Severity); !ok {
		return fmt.Errorf("decode entry: unknown severity %q", in.Severity)
	}
	if e.Format, ok = ParseFormat(in.Format); !ok {
		return fmt.Errorf("decode entry: unknown format %q", in.Format)
	}
	if e.InstanceBy, ok = ParseInstanceBy(in.InstanceBy); !ok {
		return fmt.Errorf("decode entry: unknown instance_by %q", in.InstanceBy)
	}
	for _, name := range in.Flags {
		flag, ok := ParseFlag(name)
		if !ok {
			return fmt.Errorf("decode entry: unknown flag %q", name)
		}
		e.Flags |= flag
	}
	return nil
}

func appendJSONTime(dst []byte, name string, t time.Time) []byte {
	if t.IsZero() {
		return dst
	}
	dst = append(dst, ',', '"')
	dst = append(dst, name...)
	dst = append(dst, '"', ':', '"')
	dst = t.AppendFormat(dst, time.RFC3339Nano)
	return append(dst, '"')
}

func appendJSONField(dst []byte, name, value string) []byte {
	if value == "" {
		return dst
	}
	dst = append(dst, ',', '"')
	dst = append(dst, name...)
	dst = append(dst, '"', ':')
	return appendJSONString(dst, value)
}

// appendJSONString quotes s as RFC 8259, section 7, asks, in one pass.
func appendJSONString(dst []byte, s string) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' && c < utf8.RuneSelf {
			i++
			continue
		}
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRuneInString(s[i:])
			if r != utf8.RuneError || size > 1 {
				i += size
				continue
			}
			dst = append(append(dst, s[start:i]...), "\uFFFD"...)
			i++
			start = i
			continue
		}
		dst = append(dst, s[start:i]...)
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\t':
			dst = append(dst, '\\', 't')
		case '\r':
			dst = append(dst, '\\', 'r')
		default:
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
		i++
		start = i
	}
	return append(append(dst, s[start:]...), '"')
}
