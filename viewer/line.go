package viewer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"

	"github.com/tagtail/tagtail/index"
)

const (
	// maxLineBytes is where the text of a line is cut.
	maxLineBytes = 64 << 10
	// maxNameBytes bounds the names in a line: a longer one is a mistake.
	maxNameBytes = 1 << 10
	// maxLineErrors is how many of a delivery's errors are told.
	maxLineErrors = 10
)

// byteOrderMark begins what some editors and clients of Windows write.
var byteOrderMark = []byte("\xef\xbb\xbf")

// delivery is what one request, or one frame, brings.
type delivery struct {
	entries []index.Entry
	lines   []int // where the entries were, from 1
	result  ingestResult
}

// ingestResult is what became of a delivery.
type ingestResult struct {
	Accepted int         `json:"accepted"`
	Rejected int         `json:"rejected"`
	Errors   []lineError `json:"errors"`
}

// lineError says why a line was rejected.
type lineError struct {
	Line   int    `json:"line"`
	Detail string `json:"detail"`
}

// reject counts a line that is not stored.
func (r *ingestResult) reject(line int, detail string) {
	r.Rejected++
	if len(r.Errors) < maxLineErrors {
		r.Errors = append(r.Errors, lineError{line, detail})
	}
}

// countLines counts the lines of a body; the last may have no line feed.
func countLines(body []byte) int {
	n := bytes.Count(body, []byte{'\n'})
	if len(body) > 0 && body[len(body)-1] != '\n' {
		n++
	}
	return n
}

// readLines makes entries of a body's lines: JSON objects, or messages as they
// are. Empty lines have no meaning.
func readLines(body []byte, asJSON bool) delivery {
	d := delivery{result: ingestResult{Errors: []lineError{}}}
	number := 0
	for line := range bytes.Lines(bytes.TrimPrefix(body, byteOrderMark)) {
		number++
		line = bytes.TrimRight(line, "\r\n")
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		var e index.Entry
		wrong := ""
		if asJSON {
			e, wrong = decodeLine(line)
		} else {
			// One byte more than is kept shows that it was cut.
			e = newLine(string(line[:min(len(line), maxLineBytes+1)]))
		}
		if wrong != "" {
			d.result.reject(number, wrong)
			continue
		}
		d.entries = append(d.entries, e)
		d.lines = append(d.lines, number)
	}
	return d
}

// newLine is an entry of a message that says nothing but itself.
func newLine(message string) index.Entry {
	e := index.Entry{Facility: index.User, Severity: index.Notice, Format: index.FormatJSON, Message: message}
	if len(message) > maxLineBytes {
		e.Message = message[:maxLineBytes]
		e.Flags |= index.FlagTruncated
	}
	return e
}

// jsonLine is a line of JSON. Its names are those of an entry's JSON.
type jsonLine struct {
	Message        string `json:"message"`
	Facility       string `json:"facility"`
	Severity       string `json:"severity"`
	AppName        string `json:"app_name"`
	Hostname       string `json:"hostname"`
	ProcID         string `json:"proc_id"`
	MsgID          string `json:"msg_id"`
	Time           string `json:"time"`
	StructuredData string `json:"structured_data"`
}

// lineFields are the names of jsonLine, for sentences.
const lineFields = "message, severity, facility, app_name, hostname, proc_id, msg_id, time and structured_data"

// decodeLine makes an entry of a JSON object, or says what is wrong with it.
func decodeLine(line []byte) (e index.Entry, wrong string) {
	var in jsonLine
	decoder := json.NewDecoder(bytes.NewReader(line))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&in); err != nil {
		return e, whyNotJSON(err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return e, "Something follows the JSON object: give each a line of its own."
	}
	return in.entry()
}

// whyNotJSON is an error of encoding/json as a sentence.
func whyNotJSON(err error) string {
	var mistyped *json.UnmarshalTypeError
	switch {
	case errors.As(err, &mistyped) && mistyped.Field != "":
		return fmt.Sprintf("The field %s is a JSON %s: give a string.", shown(mistyped.Field), mistyped.Value)
	case strings.HasPrefix(err.Error(), "json: unknown field "):
		name := strings.Trim(strings.TrimPrefix(err.Error(), "json: unknown field "), `"`)
		return fmt.Sprintf("The field %s is not known: there are %s.", shown(name), lineFields)
	}
	return "The line is not a JSON object: write one, whole, such as {\"message\":\"hello\"}."
}

// entry is the line as an entry, or what is wrong with it.
func (in *jsonLine) entry() (e index.Entry, wrong string) {
	if in.Message == "" {
		return e, "The field message is missing or empty: it holds the text."
	}
	e = newLine(in.Message)
	var ok bool
	if in.Severity != "" {
		if e.Severity, ok = index.ParseSeverity(in.Severity); !ok {
			return e, fmt.Sprintf("The severity %s is not known: give a keyword such as err, or a number from 0 to 7, as a string.", shown(in.Severity))
		}
	}
	if in.Facility != "" {
		if e.Facility, ok = index.ParseFacility(in.Facility); !ok {
			return e, fmt.Sprintf("The facility %s is not known: give a keyword such as local5, or a number from 0 to 23, as a string.", shown(in.Facility))
		}
	}
	if in.Time != "" {
		// Not time.Parse, which lets through what JSON cannot show again.
		if err := e.Time.UnmarshalText([]byte(in.Time)); err != nil {
			return e, fmt.Sprintf("The time %s is not possible: write it as RFC 3339, such as 2026-11-22T10:42:31.5Z.", shown(in.Time))
		}
	}
	for _, field := range [...]struct{ name, value string }{
		{"app_name", in.AppName}, {"hostname", in.Hostname}, {"proc_id", in.ProcID}, {"msg_id", in.MsgID},
	} {
		if len(field.value) > maxNameBytes || strings.ContainsFunc(field.value, unicode.IsControl) {
			return e, fmt.Sprintf("The field %s is %s: give at most %d bytes without control characters.", field.name, shown(field.value), maxNameBytes)
		}
	}
	data := in.StructuredData
	if len(data) > maxLineBytes || data != "" && (data[0] != '[' || data[len(data)-1] != ']') {
		return e, fmt.Sprintf("The field structured_data is %s: write it as RFC 5424 does, [id name=\"value\"], in at most %d bytes.", shown(data), maxLineBytes)
	}
	e.AppName, e.Hostname, e.ProcID, e.MsgID = in.AppName, in.Hostname, in.ProcID, in.MsgID
	e.StructuredData = data
	return e, ""
}
