package ingest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// What rsyslogd has written, in each of its three formats, comes back as what was
// sent, with the time that it was sent at.
func TestFilesThatRsyslogHasWrittenAreImported(t *testing.T) {
	dir := t.TempDir()
	formats := []string{"RSYSLOG_TraditionalFileFormat", "RSYSLOG_FileFormat", "RSYSLOG_SyslogProtocol23Format"}
	var conf strings.Builder
	for _, format := range formats {
		fmt.Fprintf(&conf, "action(type=\"omfile\" file=\"%s\" template=\"%s\")\n", filepath.Join(dir, format), format)
	}
	conn := startRsyslog(t, conf.String())
	messages := []string{
		"first", "with  two blanks", `2026/11/22 08:51:43 [error] 5#5: *1 [lua] x.lua:7: failed, client: 127.0.0.1`, "brackets [a] and: colons",
		"ünïcode 超时", "a\ttab", "three\nlines\n\there", "last",
	}
	for i, message := range messages {
		if _, err := fmt.Fprintf(conn, "<171>%s socketserver_dev%d[%d]: %s", time.Now().Format(time.Stamp), i%2+1, i+1, message); err != nil {
			t.Fatal(err)
		}
	}
	type line struct{ App, Proc, Message string }
	var want []line
	for i, message := range messages {
		// rsyslogd escapes what would be a line of its own.
		message = strings.NewReplacer("\n", "#012", "\t", "#011").Replace(message)
		want = append(want, line{fmt.Sprintf("socketserver_dev%d", i%2+1), fmt.Sprint(i + 1), message})
	}
	for _, format := range formats {
		path := filepath.Join(dir, format)
		var text []byte
		for end := time.Now().Add(patience); bytes.Count(text, []byte("\n")) < len(messages) && time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
			text, _ = os.ReadFile(path) // it may not be there yet
		}
		sink := &memoryImports{states: map[string]json.RawMessage{}}
		im := newTestImporter(t, Config{Instances: []Instance{{Name: "socketserver/dev1"}, {Name: "socketserver/dev2"}}}, sink)
		if _, err := im.Import(t.Context(), &ImportPart{ID: "a", Path: path, Data: text, Last: true, End: time.Now()}); err != nil {
			t.Fatal(err)
		}
		var got []line
		for _, e := range sink.entries {
			got = append(got, line{e.AppName, e.ProcID, e.Message})
			if want := "socketserver/" + e.AppName[len("socketserver_"):]; e.Instance != want {
				t.Errorf("%s: the instance is %s, want %s", format, e.Instance, want)
			}
			if age := time.Since(e.Received); age < -time.Second || age > patience || e.Flags != 0 {
				t.Errorf("%s: %q is %v old, with flags %v", format, e.Message, age, e.Flags.Names())
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s\nof\n%s", format, diff, text)
		}
	}
}
