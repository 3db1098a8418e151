package viewer

import (
	"bufio"
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tagtail/tagtail/index"
)

// difficult are messages that a format could lose something of.
func difficult() []index.Entry {
	var entries []index.Entry
	for i, message := range []string{
		"plain", "a,b", `say "hi"`, "two\nlines\r\n", "=1+2", "+1", "-1", "@x", "'quoted'", "\ttab", "\rreturn", "超时", "\x1b[31mred\x00", " space ", "", `"`,
	} {
		entries = append(entries, index.Entry{
			Received: someTime.Add(time.Duration(i) * time.Millisecond), Time: someTime, Instance: "s/dev1", Severity: index.Err,
			Facility: index.Local5, AppName: "app", ProcID: "99", Flags: index.FlagTruncated | index.FlagLost, Message: message,
		})
	}
	return entries
}

func TestExportOfNDJSONIsExact(t *testing.T) {
	entries := difficult()
	ts := startStore(t, entries)
	got := ts.get(t, exportPath("", ""), "Accept-Encoding", "identity")
	if ctype := got.header.Get("Content-Type"); ctype != "application/x-ndjson" {
		t.Errorf("content type = %q", ctype)
	}
	lines := bytes.Split(bytes.TrimSuffix(got.body, []byte{'\n'}), []byte{'\n'})
	if len(lines) != len(entries) {
		t.Fatalf("%d lines, want %d", len(lines), len(entries))
	}
	for i, line := range lines {
		var e index.Entry
		if err := e.UnmarshalJSON(line); err != nil || e.Message != entries[i].Message || e.Seq != entries[i].Seq {
			t.Errorf("line %d is %s, error %v, want %q", i, line, err, entries[i].Message)
		}
	}
}

func TestExportOfCSVGivesEveryValueBack(t *testing.T) {
	entries := difficult()
	ts := startStore(t, entries)
	got := ts.get(t, exportPath("", "csv"), "Accept-Encoding", "identity")
	if rows := bytes.Count(got.body, []byte("\r\n")); rows != len(entries)+2 { // a header, and one message has such an end
		t.Errorf("%d line ends, want those of RFC 4180", rows)
	}
	reader := csv.NewReader(bytes.NewReader(got.body))
	records, err := reader.ReadAll()
	if err != nil || len(records) != len(entries)+1 {
		t.Fatalf("%d records, error %v, want %d", len(records), err, len(entries)+1)
	}
	if diff := cmp.Diff(strings.Split(strings.TrimSpace(csvHeader), ","), records[0]); diff != "" {
		t.Errorf("header (-want +got):\n%s", diff)
	}
	want := []string{"2026-11-22T10:00:00Z", "2026-11-22T10:00:00Z", "local5", "err", "s/dev1", "", "", "", "app", "99", "", "", "", "none", "truncated lost", "plain"}
	if diff := cmp.Diff(want, records[1][1:]); diff != "" {
		t.Errorf("record (-want +got):\n%s", diff)
	}
	for i, record := range records[1:] {
		cell := record[len(record)-1]
		if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
			t.Errorf("cell %q is run by a spreadsheet", cell)
		}
		// The reader of encoding/csv makes one line feed of each line end.
		want := strings.ReplaceAll(entries[i].Message, "\r\n", "\n")
		if got := strings.TrimPrefix(cell, "'"); got != want {
			t.Errorf("message %d is %q, want %q", i, got, want)
		}
	}
}

func TestExportOfTextHasALineForEachEntry(t *testing.T) {
	ts := startStore(t, difficult())
	got := ts.get(t, exportPath("red OR lines OR 超时", "txt"), "Accept-Encoding", "identity")
	want := "2026-11-22T10:00:00.003Z err s/dev1 app[99]: two#012lines#015#012\n" +
		"2026-11-22T10:00:00.011Z err s/dev1 app[99]: 超时\n" +
		"2026-11-22T10:00:00.012Z err s/dev1 app[99]: #033[31mred#000\n"
	if diff := cmp.Diff(want, string(got.body)); diff != "" {
		t.Errorf("text (-want +got):\n%s", diff)
	}
}

func TestExportNamesItsFileByTheRange(t *testing.T) {
	ts := startTest(t, 3)
	got := ts.get(t, exportPath("nothing at all", "csv")+"&from=2026-11-22T10:00:00%2B08:00&to=2026-11-23T00:00:00Z", "Accept-Encoding", "identity")
	want := `attachment; filename="tagtail-from-20261122T020000Z-to-20261123T000000Z.csv"`
	if name := got.header.Get("Content-Disposition"); name != want {
		t.Errorf("disposition = %s, want %s", name, want)
	}
	if string(got.body) != csvHeader {
		t.Errorf("export of nothing = %q, want the header", got.body)
	}
	if name := exportName(time.Time{}, time.Time{}, someTime); name != "tagtail-to-20261122T100000Z" {
		t.Errorf("name without a range = %s", name)
	}
}

func TestExportIsCompressedForWhoAccepts(t *testing.T) {
	ts := startTest(t, 500)
	plain := ts.get(t, exportPath("", "txt"), "Accept-Encoding", "identity")
	packed := ts.get(t, exportPath("", "txt"), "Accept-Encoding", "gzip")
	if packed.header.Get("Content-Encoding") != "gzip" || plain.header.Get("Content-Encoding") != "" {
		t.Errorf("encodings are %q and %q", packed.header.Get("Content-Encoding"), plain.header.Get("Content-Encoding"))
	}
	if diff := cmp.Diff(string(plain.body), gunzip(t, packed.body)); diff != "" {
		t.Errorf("exports differ (-plain +packed):\n%.500s", diff)
	}
}

// steppedLogs export one entry for each value of step, then fail or end.
type steppedLogs struct {
	*fakeLogs
	step chan struct{}
	left chan error // why the export ended
	fail error
}

func (l *steppedLogs) Export(ctx context.Context, _ index.ExportRequest, yield func([]index.Entry) error) error {
	err := l.fail
	for more := true; more; {
		select {
		case _, more = <-l.step:
			if !more {
				break
			}
			if e := yield(l.entries[:1]); e != nil {
				more, err = false, e
			}
		case <-ctx.Done():
			more, err = false, ctx.Err()
		}
	}
	l.left <- err
	return err
}

func startStepped(t *testing.T, fail error) (*testServer, *steppedLogs) {
	t.Helper()
	logs := &steppedLogs{fakeLogs: newFakeLogs(1), step: make(chan struct{}), left: make(chan error, 1), fail: fail}
	return startConfig(t, testConfig(t, logs), logs.fakeLogs), logs
}

// openExport begins an export, with a first entry, and leaves the rest to read.
func (ts *testServer) openExport(t *testing.T, ctx context.Context, step chan struct{}) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, ts.url+exportPath("", "txt"), http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+adminToken)
	req.Header.Set("Accept-Encoding", "identity")
	go func() { step <- struct{}{} }()
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

func TestExportArrivesWhileItIsFound(t *testing.T) {
	ts, logs := startStepped(t, nil)
	res := ts.openExport(t, t.Context(), logs.step)
	defer closeTest(t, res.Body)
	lines := bufio.NewReader(res.Body)
	for range 3 { // each is read before the next is found
		if line, err := lines.ReadString('\n'); err != nil || !strings.HasSuffix(line, "entry 1\n") {
			t.Fatalf("line %q, error %v", line, err)
		}
		logs.step <- struct{}{}
	}
	close(logs.step)
	if _, err := io.ReadAll(lines); err != nil {
		t.Errorf("error = %v at the end, want none", err)
	}
	<-logs.left
}

func TestExportEndsWhenItsClientLeaves(t *testing.T) {
	ts, logs := startStepped(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	res := ts.openExport(t, ctx, logs.step)
	cancel()
	if err := <-logs.left; err == nil {
		t.Error("the export ended without an error")
	}
	_ = res.Body.Close()
	deadline := time.Now().Add(2 * time.Minute)
	for len(ts.exports) > 0 && time.Now().Before(deadline) {
		ts.do(t, "GET", "/healthz", "") // until the handler has returned
	}
	if n := len(ts.exports); n > 0 {
		t.Errorf("%d exports go on without a client", n)
	}
}

func TestExportLinkTakesWhatThePagesAddressSays(t *testing.T) {
	var entries []index.Entry
	for i, instance := range []string{"gate/dev1", "gate/dev2", "pay/dev1"} {
		for _, word := range []string{"timeout", "ready OR not"} {
			entries = append(entries, index.Entry{Received: someTime.Add(time.Duration(i) * time.Hour), Instance: instance, Message: word + " of " + instance})
		}
	}
	ts := startStore(t, entries)
	tests := map[string]struct {
		query string
		want  []uint64
	}{
		"everything":           {"", []uint64{1, 2, 3, 4, 5, 6}},
		"all instances":        {"i=*&q=timeout", []uint64{1, 3, 5}},
		"a search":             {"q=timeout", []uint64{1, 3, 5}},
		"an instance":          {"i=gate/dev2", []uint64{3, 4}},
		"two, and an OR":       {"i=gate/dev1&i=pay/dev1&q=timeout+OR+ready", []uint64{1, 2, 5, 6}},
		"a range, in its zone": {"from=2026-11-22T10:30:00Z&to=2026-11-22T11:30:00Z&tz=server", []uint64{3, 4}},
		"no such instance":     {"i=gate/dev9", nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := ts.get(t, "/export?"+tt.query, "Accept-Encoding", "identity")
			var seqs []uint64
			for line := range bytes.Lines(got.body) {
				var e index.Entry
				if err := e.UnmarshalJSON(line); err != nil {
					t.Fatalf("%v in %s", err, line)
				}
				seqs = append(seqs, e.Seq)
			}
			if diff := cmp.Diff(tt.want, seqs); diff != "" || got.status != 200 {
				t.Errorf("status %d; entries (-want +got):\n%s", got.status, diff)
			}
		})
	}
	for fmt, want := range map[string]string{"csv": "text/csv", "txt": "text/plain", "ndjson": "application/x-ndjson"} {
		if got := ts.get(t, "/export?q=timeout&fmt="+fmt).header.Get("Content-Type"); !strings.HasPrefix(got, want) {
			t.Errorf("fmt=%s is %s, want %s", fmt, got, want)
		}
	}
	if got := ts.get(t, "/export?fmt=xls"); got.status != 400 {
		t.Errorf("fmt=xls = %d, want 400", got.status)
	}
}

// slowLogs export an entry each time that a while has passed.
type slowLogs struct {
	*fakeLogs
	pause time.Duration
}

func (l *slowLogs) Export(_ context.Context, _ index.ExportRequest, yield func([]index.Entry) error) error {
	for range 3 {
		<-time.NewTimer(l.pause).C
		if err := yield(l.entries); err != nil {
			return err
		}
	}
	return nil
}

func TestExportMayTakeLongerThanOtherAnswers(t *testing.T) {
	logs := &slowLogs{fakeLogs: newFakeLogs(1), pause: 100 * time.Millisecond}
	s := listenTest(t, testConfig(t, logs))
	s.http.WriteTimeout = 50 * time.Millisecond
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	ts := &testServer{Server: s, url: "http://" + s.Addr().String()}
	got := ts.get(t, exportPath("", "txt"), "Accept-Encoding", "identity")
	if n := strings.Count(string(got.body), "entry 1"); n != 3 {
		t.Errorf("%d entries, want 3", n)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	http.DefaultClient.CloseIdleConnections()
}

func TestExportThatFailsBreaksOff(t *testing.T) {
	ts, logs := startStepped(t, errors.New("the disk is gone"))
	res := ts.openExport(t, t.Context(), logs.step)
	defer closeTest(t, res.Body)
	close(logs.step)
	if _, err := io.ReadAll(res.Body); err == nil {
		t.Error("an export that failed ends as if it were whole")
	}
	<-logs.left
}

func TestOneExportTooManyIsRefused(t *testing.T) {
	ts := startTest(t, 1)
	for range maxExports {
		ts.exports <- struct{}{}
	}
	got := ts.get(t, exportPath("", ""))
	if got.status != 503 || !strings.Contains(got.detail(t), "8 exports") {
		t.Errorf("export = %d %s, want 503", got.status, got.body)
	}
	<-ts.exports
	if got := ts.get(t, exportPath("", "")); got.status != 200 {
		t.Errorf("export = %d with room for it, want 200", got.status)
	}
}
