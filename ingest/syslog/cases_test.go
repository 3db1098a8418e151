package syslog

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tagtail/tagtail/index"
)

// testCase is a line of testdata/syslog_cases.jsonl: a message, and what a
// real rsyslogd made of it.
type testCase struct {
	Name      string
	Transport string // udp, tcp or unix
	Raw       string
	RawB64    string `json:"raw_b64"`
	Lenient   bool   // implementations disagree; ours is in lenient_test.go
	Expect    map[string]any
}

func (c *testCase) data() string {
	if c.RawB64 == "" {
		return c.Raw
	}
	data, err := base64.StdEncoding.DecodeString(c.RawB64)
	if err != nil {
		panic(err)
	}
	return string(data)
}

// wanted lists the messages that the case expects.
func (c *testCase) wanted() []map[string]any {
	list, ok := c.Expect["messages"].([]any)
	if !ok {
		return []map[string]any{c.Expect}
	}
	var messages []map[string]any
	for _, m := range list {
		messages = append(messages, m.(map[string]any))
	}
	return messages
}

func loadCases(t testing.TB) []testCase {
	t.Helper()
	f, err := os.Open("testdata/syslog_cases.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	var cases []testCase
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var c testCase
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			t.Fatal(err)
		}
		cases = append(cases, c)
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	if len(cases) != 138 {
		t.Fatalf("got %d cases, want 138", len(cases))
	}
	return cases
}

const (
	testPeer      = "192.0.2.7"
	testCollector = "collector"
)

var (
	testZone = time.FixedZone("", 8*60*60)
	testNow  = time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
)

func testOptions(transport string) Options {
	opts := Options{Location: testZone}
	if transport == "unix" {
		opts.Local = true
		opts.Hostname = testCollector
	}
	return opts
}

// receive reads data as it would come in by the transport: a stream in the
// given pieces, then closed.
func receive(transport string, framing Framing, pieces ...string) []index.Entry {
	opts := testOptions(transport)
	var entries []index.Entry
	add := func(frame []byte, flags index.Flags) {
		e := index.Entry{Received: testNow, Source: testPeer, Flags: flags}
		if Parse(string(frame), &opts, &e) {
			entries = append(entries, e)
		}
	}
	if transport != "tcp" {
		add([]byte(strings.Join(pieces, "")), 0)
		return entries
	}
	r := NewReader(framing)
	drain := func() {
		for f, ok := r.Next(); ok; f, ok = r.Next() {
			add(f.Bytes, f.Flags)
		}
	}
	for _, piece := range pieces {
		for src := strings.NewReader(piece); src.Len() > 0; {
			_ = r.Fill(src)
			drain()
		}
	}
	r.End()
	drain()
	return entries
}

func TestCasesAreReadAsRsyslogReadsThem(t *testing.T) {
	for _, c := range loadCases(t) {
		if c.Lenient {
			continue
		}
		t.Run(c.Name, func(t *testing.T) {
			got := receive(c.Transport, Framing{}, c.data())
			want := c.wanted()
			if len(got) != len(want) {
				t.Fatalf("got %d messages, want %d: %+v", len(got), len(want), got)
			}
			for i := range got {
				checkEntry(t, &got[i], want[i])
			}
		})
	}
}

// checkEntry compares the fields that a case names.
func checkEntry(t *testing.T, e *index.Entry, want map[string]any) {
	t.Helper()
	view := fieldsOf(e)
	for field, value := range want {
		switch field {
		case "timestamp", "timestamp_bsd":
			checkTime(t, e.Time, field, value.(string))
		case "sd":
			checkElements(t, e.StructuredData, value.(map[string]any))
		case "hostname":
			if diff := cmp.Diff(expectedHost(value.(string)), e.Hostname); diff != "" {
				t.Errorf("hostname (-want +got):\n%s", diff)
			}
		default:
			got, ok := view[field]
			if !ok {
				t.Fatalf("the case has an unknown field %q", field)
			}
			if diff := cmp.Diff(value, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", field, diff)
			}
		}
	}
}

// fieldsOf gives the values that cases compare under the names they use.
func fieldsOf(e *index.Entry) map[string]any {
	nilValue := func(s string) string {
		if s == "" {
			return "-"
		}
		return s
	}
	return map[string]any{
		"pri":             float64(index.PRI(e.Facility, e.Severity)),
		"facility":        float64(e.Facility),
		"severity":        float64(e.Severity),
		"format":          e.Format.String(),
		"syslogtag":       string(AppendTag(nil, e)),
		"programname":     ProgramName(e),
		"appname":         e.AppName,
		"procid":          ProcID(e),
		"msgid":           nilValue(e.MsgID),
		"structured_data": nilValue(e.StructuredData),
		"msg":             e.Message,
		"rsyslog_msg":     string(AppendMsg(nil, e)),
	}
}

func expectedHost(want string) string {
	switch want {
	case "@peer":
		return testPeer
	case "@local":
		return testCollector
	}
	return want
}

func checkTime(t *testing.T, got time.Time, field, want string) {
	t.Helper()
	if want == "@receive" {
		if !got.IsZero() {
			t.Errorf("got time %v, want none", got)
		}
		return
	}
	if field == "timestamp_bsd" {
		layout := "Jan _2 15:04:05"
		if strings.Contains(want, ".") {
			layout = "Jan _2 15:04:05.999999"
		}
		if got := got.Format(layout); got != want {
			t.Errorf("got time %q, want %q", got, want)
		}
		return
	}
	var wanted time.Time
	var err error
	if local, ok := strings.CutSuffix(want, " @local"); ok {
		wanted, err = time.ParseInLocation("2006-01-02T15:04:05", local, testZone)
	} else {
		wanted, err = time.Parse(time.RFC3339Nano, want)
	}
	if err != nil {
		t.Fatal(err)
	}
	_, gotOffset := got.Zone()
	_, wantOffset := wanted.Zone()
	if !got.Equal(wanted) || gotOffset != wantOffset {
		t.Errorf("got time %v, want %v", got, wanted)
	}
}

// checkElements compares the unescaped SD-ELEMENTs, read with a plain reader
// that is right for what the cases hold.
func checkElements(t *testing.T, data string, want map[string]any) {
	t.Helper()
	got := map[string]any{}
	for data != "" {
		n := elementEnd(data)
		id, params, _ := strings.Cut(data[1:n-1], " ")
		data = data[n:]
		values := map[string]any{}
		for params = strings.TrimSpace(params); params != ""; params = strings.TrimSpace(params) {
			name, rest, _ := strings.Cut(params, `="`)
			var value strings.Builder
			i := 0
			for ; rest[i] != '"'; i++ {
				if rest[i] == '\\' {
					i++
				}
				value.WriteByte(rest[i])
			}
			values[name] = value.String()
			params = rest[i+1:]
		}
		got[id] = values
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("elements (-want +got):\n%s", diff)
	}
}

func TestNoByteOfACutMessageIsLost(t *testing.T) {
	for _, c := range loadCases(t) {
		data := c.data()
		t.Run(c.Name, func(t *testing.T) {
			opts := testOptions(c.Transport)
			for n := range len(data) + 1 {
				checkNothingLost(t, data[:n], &opts)
			}
		})
	}
}

// checkNothingLost parses frame and fails if something of it is in no field:
// what is left when all fields are taken away may only be a PRI, a version, a
// timestamp and punctuation.
func checkNothingLost(t *testing.T, frame string, opts *Options) {
	t.Helper()
	e := index.Entry{Received: testNow, Source: testPeer}
	trimmed := strings.TrimRight(frame, "\x00\r\n")
	if !Parse(frame, opts, &e) {
		if trimmed != "" {
			t.Fatalf("Parse(%q) says there is nothing in it", frame)
		}
		return
	}
	header, ok := strings.CutSuffix(trimmed, e.Message)
	if !ok {
		t.Fatalf("Parse(%q): message %q is not the end of it", frame, e.Message)
	}
	if e.Flags.Has(index.FlagRejected) {
		if header != "" {
			t.Fatalf("Parse(%q) rejects it and drops %q", frame, header)
		}
		return
	}
	for _, field := range []string{e.StructuredData, e.MsgID, e.ProcID, e.AppName, e.Hostname} {
		if i := strings.LastIndex(header, field); i >= 0 {
			header = header[:i] + header[i+len(field):]
		}
	}
	if left := len(header); left > len("<191>1  2003-10-11T22:14:15.15600000000+08:00  - - - - []: ") || e.Time.IsZero() && left > len("<191>1 - - - - - - []: ") {
		t.Fatalf("Parse(%q) has no field for %q: %+v", frame, header, e)
	}
}

func TestStreamsSplitAtEveryByteGiveTheSameMessages(t *testing.T) {
	for _, c := range loadCases(t) {
		if c.Transport != "tcp" {
			continue
		}
		for _, framing := range []Framing{{}, {Multiline: true}, {MaxBytes: 20}} {
			data := c.data()
			want := receive("tcp", framing, data)
			for n := range len(data) {
				got := receive("tcp", framing, data[:n], data[n:])
				if diff := cmp.Diff(want, got); diff != "" {
					t.Fatalf("%s: %+v: split at byte %d (-want +got):\n%s", c.Name, framing, n, diff)
				}
			}
			got := receive("tcp", framing, strings.Split(data, "")...)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("%s: %+v: byte by byte (-want +got):\n%s", c.Name, framing, diff)
			}
		}
	}
}
