package file

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tagtail/tagtail/index"
	"github.com/tagtail/tagtail/ingest/syslog"
)

var pastEnd = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func readPast(t *testing.T, p Past, content string) []index.Entry {
	t.Helper()
	if p.Path == "" {
		p.Path = "/var/log/app.log"
	}
	if p.End.IsZero() {
		p.End = pastEnd
	}
	if p.Location == nil {
		p.Location = time.UTC
	}
	if err := p.Open(); err != nil {
		t.Fatal(err)
	}
	entries := p.Read([]byte(content), true)
	if p.State.Offset != int64(len(content)) {
		t.Errorf("it has come to %d of %d bytes", p.State.Offset, len(content))
	}
	return entries
}

// told is what of an entry a test compares.
type told struct {
	Time, App, Host, Severity, Message string
	Flags                              []string
}

func tell(entries []index.Entry) []told {
	var out []told
	for i := range entries {
		e := &entries[i]
		out = append(out, told{e.Received.Format(time.RFC3339Nano), e.AppName, e.Hostname, e.Severity.String(), e.Message, e.Flags.Names()})
	}
	return out
}

func TestOldLinesAreReadAsTheyWereWritten(t *testing.T) {
	tests := map[string]struct {
		past    Past
		content string
		want    []told
	}{
		"traditional": {Past{}, "Nov 22 08:51:43 box web_dev1[7]: hello#012world\nNov  1 00:00:00 box sshd: x\n", []told{
			{"2026-11-22T08:51:43Z", "web_dev1", "box", "notice", "hello#012world", nil},
			{"2026-11-01T00:00:00Z", "sshd", "box", "notice", "x", nil},
		}},
		"continued, and nothing that can be read": {Past{}, "Nov 22 08:51:43 box web_dev1: Traceback\n  File \"x.py\"\n\tline\ngarbage: here\nNov 22 08:51:44 box web_dev1: z\n", []told{
			{"2026-11-22T08:51:43Z", "web_dev1", "box", "notice", "Traceback\n  File \"x.py\"\n\tline", nil},
			{"2026-11-22T08:51:43Z", "app", "", "notice", "garbage: here", []string{"rejected"}},
			{"2026-11-22T08:51:44Z", "web_dev1", "box", "notice", "z", nil},
		}},
		"RFC 3339": {Past{}, "2026-11-22T08:51:43.123456+08:00 box web_dev1[7]: hello\n2026-11-22T00:51:44Z box web_dev1: y\n", []told{
			{"2026-11-22T00:51:43.123456Z", "web_dev1", "box", "notice", "hello", nil},
			{"2026-11-22T00:51:44Z", "web_dev1", "box", "notice", "y", nil},
		}},
		"protocol 23": {Past{}, "<171>1 2026-11-22T08:51:43.5Z box web_dev1 7 ID [a@1 b=\"c\"] hello\n", []told{
			{"2026-11-22T08:51:43.5Z", "web_dev1", "box", "err", "hello", nil},
		}},
		"nginx's error log": {Past{Hostname: "h"}, "2026/11/22 08:51:43 [error] 5#5: *1 lua failed\nstack traceback:\n\tcoroutine 0:\n2026/11/22 08:51:44 [info] 5#5: y\n", []told{
			{"2026-11-22T08:51:43Z", "app", "h", "err", "2026/11/22 08:51:43 [error] 5#5: *1 lua failed\nstack traceback:\n\tcoroutine 0:", nil},
			{"2026-11-22T08:51:44Z", "app", "h", "info", "2026/11/22 08:51:44 [info] 5#5: y", nil},
		}},
		"nginx's access log": {Past{}, "10.0.0.1 - - [22/Nov/2026:08:51:43 +0800] \"GET / HTTP/1.1\" 200 5 \"-\" \"x\"\n", []told{
			{"2026-11-22T00:51:43Z", "app", "", "notice", "10.0.0.1 - - [22/Nov/2026:08:51:43 +0800] \"GET / HTTP/1.1\" 200 5 \"-\" \"x\"", nil},
		}},
		"a program's own dates": {Past{}, "2026-11-22T08:51:43 worker started\n", []told{
			{"2026-11-22T08:51:43Z", "app", "", "notice", "2026-11-22T08:51:43 worker started", nil},
		}},
		"another zone": {Past{Input: Input{Location: time.FixedZone("", 8*3600)}}, "Nov 22 08:51:43 box a: x\n2026/11/22 08:51:44 [warn] 1#1: y\n", []told{
			{"2026-11-22T00:51:43Z", "a", "box", "notice", "x", nil},
			{"2026-11-22T00:51:44Z", "app", "", "warning", "2026/11/22 08:51:44 [warn] 1#1: y", nil},
		}},
		"no line feed at the end": {Past{}, "Nov 22 08:51:43 box a: x", []told{{"2026-11-22T08:51:43Z", "a", "box", "notice", "x", []string{"partial"}}}},
		"too long":                {Past{MaxMessageBytes: 30}, "Nov 22 08:51:43 box a: 1234567890\nNov 22 08:51:44 box a: y\n", []told{{"2026-11-22T08:51:43Z", "a", "box", "notice", "1234567", []string{"truncated"}}, {"2026-11-22T08:51:44Z", "a", "box", "notice", "y", nil}}},
		"no date at all":          {Past{}, "hello\n", []told{{"2026-11-23T12:00:00Z", "app", "", "notice", "hello", nil}}},
		"only nginx":              {Past{Format: PastNginx}, "Nov 22 08:51:43 box a: x\n", []told{{"2026-11-23T12:00:00Z", "app", "", "notice", "Nov 22 08:51:43 box a: x", nil}}},
		"a year that is given":    {Past{Year: 2019}, "Dec 31 23:59:59 box a: x\nJan  1 00:00:00 box a: y\n", []told{{"2019-12-31T23:59:59Z", "a", "box", "notice", "x", nil}, {"2020-01-01T00:00:00Z", "a", "box", "notice", "y", nil}}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, tell(readPast(t, test.past, test.content))); diff != "" {
				t.Errorf("entries (-want +got):\n%s", diff)
			}
		})
	}
}

func TestYearsOfDatesWithoutOne(t *testing.T) {
	tests := map[string]struct {
		end  string
		days []string
		want []string
	}{
		"this year":                {"2026-11-23", []string{"Mar  3", "Nov 22"}, []string{"2026-03-03", "2026-11-22"}},
		"over New Year":            {"2026-01-02", []string{"Dec 30", "Dec 31", "Jan  1"}, []string{"2025-12-30", "2025-12-31", "2026-01-01"}},
		"a straggler of last year": {"2026-01-02", []string{"Dec 31", "Jan  1", "Dec 31", "Jan  2"}, []string{"2025-12-31", "2026-01-01", "2025-12-31", "2026-01-02"}},
		"written last year":        {"2025-06-01", []string{"Dec 30", "May 31"}, []string{"2024-12-30", "2025-05-31"}},
		"later in the year":        {"2026-03-01", []string{"Nov 22"}, []string{"2025-11-22"}},
		"half a year of silence":   {"2026-11-23", []string{"Jan  2", "Nov  2"}, []string{"2026-01-02", "2026-11-02"}},
		"three years":              {"2026-06-01", []string{"May  1", "Dec  1", "Apr  1", "Dec  1", "May  1"}, []string{"2024-05-01", "2024-12-01", "2025-04-01", "2025-12-01", "2026-05-01"}},
		"29 February":              {"2024-03-01", []string{"Feb 28", "Feb 29", "Mar  1"}, []string{"2024-02-28", "2024-02-29", "2024-03-01"}},
		"29 February, long ago":    {"2026-11-23", []string{"Feb 29"}, []string{"2024-02-29"}},
		"after it, long ago":       {"2026-11-23", []string{"Feb 29", "Dec 31", "Jan  1"}, []string{"2024-02-29", "2024-12-31", "2025-01-01"}},
		"before it, over two years": {"2024-03-02", []string{"Apr  1", "Dec 31", "Feb 29"},
			[]string{"2023-04-01", "2023-12-31", "2024-02-29"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var content strings.Builder
			for _, day := range test.days {
				fmt.Fprintf(&content, "%s 10:00:00 box a: x\n", day)
			}
			end, err := time.Parse(time.DateOnly, test.end)
			if err != nil {
				t.Fatal(err)
			}
			year, err := FirstYear(strings.NewReader(content.String()), end, time.UTC)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, e := range readPast(t, Past{Year: year, End: end}, content.String()) {
				got = append(got, e.Received.Format(time.DateOnly))
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("dates (-want +got):\n%s", diff)
			}
		})
	}
}

const pastLong = "a line that is longer than what a message may have, which ends here and now, or much later than that"

const pastMixed = "Dec 31 23:59:59 box web_dev1: last\nJan  1 00:00:01 box web_dev1: first\n\tof the year\nnothing\n" +
	"2026/01/02 08:51:43 [error] 5#5: *1 lua failed\nstack traceback:\n\tcoroutine 0:\n\n2026/01/02 08:51:44 [info] 5#5: y\n" +
	"2026-01-02T09:00:00Z box web_dev2: iso\n<171>1 2026-01-02T10:00:00Z box web_dev1 7 ID - hello\n" +
	"Nov  3 10:00:00 box a: " + pastLong + "\nthe end"

// Whatever the parts are that a file comes in, also over a start of the program,
// the entries are the same, and so is what it is recognised by.
func TestPartsOfAFileGiveTheSameAsAllOfIt(t *testing.T) {
	open := func(state PastState) *Past {
		p := &Past{Path: "/x.log", Year: 2025, End: pastEnd, MaxMessageBytes: 90, State: state}
		p.Location = time.UTC
		if err := p.Open(); err != nil {
			t.Fatal(err)
		}
		return p
	}
	all := open(PastState{})
	want := tell(all.Read([]byte(pastMixed), true))
	for size := 185; size <= len(pastMixed); size++ {
		state := PastState{}
		var got []told
		for state.Offset < int64(len(pastMixed)) {
			part := pastMixed[state.Offset:min(int64(len(pastMixed)), state.Offset+int64(size))]
			p := open(state)
			last := int(state.Offset)+len(part) == len(pastMixed)
			entries := p.Read([]byte(part), last)
			if p.State.Offset == state.Offset {
				t.Fatalf("parts of %d: it stays at %d", size, state.Offset)
			}
			got = append(got, tell(entries)...)
			kept, err := json.Marshal(p.State)
			if err != nil {
				t.Fatal(err)
			}
			state = PastState{}
			if err := json.Unmarshal(kept, &state); err != nil {
				t.Fatal(err)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("parts of %d (-want +got):\n%s", size, diff)
		}
		if state.Digest != all.State.Digest || state.Head != all.State.Head || state.HeadBytes != all.State.HeadBytes {
			t.Fatalf("parts of %d: state %+v, want %+v", size, state, all.State)
		}
	}
}

// What nginx sent by syslog is the same when it comes from the file that rsyslog
// has written of it.
func TestFilesOfRsyslogGiveWhatTheMessagesGave(t *testing.T) {
	for _, name := range []string{"nginx_datagrams.jsonl", "mariadb_datagrams.jsonl"} {
		data, err := os.ReadFile("../syslog/testdata/" + name)
		if err != nil {
			t.Fatal(err)
		}
		priority := regexp.MustCompile(`^<\d+>`)
		var want, got []told
		lines := bufio.NewScanner(bytes.NewReader(data))
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			var sent struct{ Text string }
			if err := json.Unmarshal(lines.Bytes(), &sent); err != nil {
				t.Fatal(err)
			}
			text := strings.TrimRight(priority.ReplaceAllString(sent.Text, ""), "\n")
			if _, dated := dateOf(text); !dated || strings.ContainsAny(text, "\n\x00") {
				continue // of another format
			}
			live := index.Entry{Received: pastEnd}
			syslog.Parse(text, &syslog.Options{Location: time.UTC, Hostname: "h"}, &live)
			syslog.Refine(&live)
			live.Received = live.Time
			want = append(want, tell([]index.Entry{live})...)
			got = append(got, tell(readPast(t, Past{Hostname: "h"}, text+"\n"))...)
		}
		if len(want) < 5 {
			t.Errorf("%s: only %d lines", name, len(want))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestExportedEntriesComeBackAsTheyWere(t *testing.T) {
	e := index.Entry{
		Seq: 7, Received: pastEnd.Add(-time.Hour), Time: pastEnd.Add(-2 * time.Hour), Facility: index.Local5, Severity: index.Crit,
		Format: index.FormatRFC5424, InstanceBy: index.ByCert, Flags: index.FlagPartial, Hostname: "h", Source: "s", AppName: "a", ProcID: "p", MsgID: "m",
		StructuredData: "[x y=\"z\"]", Message: "text\nwith <lines>", Instance: "web/dev1", Input: "udp://x",
	}
	got := readPast(t, Past{}, string(e.AppendJSON(nil))+"\n{\"seq\":\nNov 22 08:51:43 box a: x\n")
	e.Seq = 0
	if diff := cmp.Diff(e, got[0]); diff != "" || len(got) != 3 {
		t.Errorf("%d entries, the first (-want +got):\n%s", len(got), diff)
	}
}

func TestWhoseAnOldLineIs(t *testing.T) {
	identify := func(e *index.Entry) {
		if owner, ok := strings.CutPrefix(e.AppName, "web_"); ok {
			e.Instance, e.InstanceBy = "web/"+owner, index.ByContent
		}
	}
	const lines = "Nov 22 08:51:43 box web_dev1: x\nNov 22 08:51:44 box other: y\n"
	tests := map[string]struct {
		past Past
		want []string
	}{
		"nothing is said":   {Past{}, []string{"web/dev1 content []", "unassigned  []"}},
		"the path suggests": {Past{Guess: "db/dev3"}, []string{"web/dev1 content []", "db/dev3 file []"}},
		"it is said":        {Past{Input: Input{Instance: "db/dev2"}}, []string{"db/dev2 file [contradicts]", "db/dev2 file []"}},
		"a pattern says":    {Past{Path: "/srv/db/dev2/x.log", Input: Input{Pattern: "/srv/{service}/{owner}/*"}}, []string{"db/dev2 file [contradicts]", "db/dev2 file []"}},
	}
	for name, test := range tests {
		test.past.Identify = identify
		test.past.Redact = func(e *index.Entry) { e.Message += " redacted for " + e.Instance }
		var got []string
		for _, e := range readPast(t, test.past, lines) {
			got = append(got, fmt.Sprintf("%s %s %v", e.Instance, e.InstanceBy, e.Flags.Names()))
			if !strings.HasSuffix(e.Message, " redacted for "+e.Instance) {
				t.Errorf("%s: %q was not redacted", name, e.Message)
			}
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestNameOfAProgramByItsFile(t *testing.T) {
	for name, want := range map[string]string{
		"/var/log/nginx/error.log": "error", "/x/error.log.1": "error", "/x/access.log.12.gz": "access", "/x/messages": "messages",
		"/x/app.log-20260101.gz": "app.log-20260101", "/x/.log": ".log", "/x/a.b.zst": "a.b",
	} {
		if got := appOf(name); got != want {
			t.Errorf("%s is of %q, want %q", name, got, want)
		}
	}
}

// FuzzPast reads strangers' files in parts.
func FuzzPast(f *testing.F) {
	f.Add([]byte(pastMixed), 10, false)
	f.Add([]byte("{\"seq\":1}\n<13>Feb 29 00:00:00 x\n"), 3, true)
	f.Fuzz(func(t *testing.T, data []byte, at int, last bool) {
		p := &Past{Path: "/x.log", End: pastEnd, MaxMessageBytes: 32}
		p.Location = time.UTC
		if err := p.Open(); err != nil {
			t.Fatal(err)
		}
		p.Read(data[:min(len(data), max(0, at))], false)
		before := p.State.Offset
		p.Read(data[before:], last)
		if p.State.Offset > int64(len(data)) || last && p.State.Offset != int64(len(data)) {
			t.Errorf("it has come to %d of %d bytes", p.State.Offset, len(data))
		}
		if _, err := FirstYear(bytes.NewReader(data), pastEnd, time.UTC); err != nil {
			t.Error(err)
		}
	})
}
