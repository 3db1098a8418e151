package index

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestEntryJSONRoundTrip(t *testing.T) {
	tests := map[string]Entry{
		"empty": {},
		"full": {
			Seq: 7, Received: time.Date(2026, 11, 22, 10, 42, 31, 102_000_001, time.UTC),
			Time:     time.Date(2026, 11, 22, 18, 42, 31, 0, time.FixedZone("", 8*3600)),
			Facility: Local5, Severity: Err, Format: FormatRFC5424, InstanceBy: ByCreds,
			Flags:    FlagTruncated | FlagContradicts,
			Hostname: "vm", Source: "127.0.0.1:4711", AppName: "socketserver_dev1",
			ProcID: "99", MsgID: "login", StructuredData: `[x y="a\"b"]`,
			Message:  "line\nstack traceback:\n\t\x1b[31m超时\x00\"\\",
			Instance: "socketserver/dev1", Input: "udp://127.0.0.1:5514",
		},
	}
	for name, want := range tests {
		t.Run(name, func(t *testing.T) {
			data, err := json.Marshal(&want)
			if err != nil {
				t.Fatal(err)
			}
			var got Entry
			if err := json.Unmarshal(data, &got); err != nil {
				t.Fatalf("%v in %s", err, data)
			}
			if diff := cmp.Diff(want, got, cmp.Comparer(time.Time.Equal)); diff != "" {
				t.Errorf("entry changed on its way (-want +got):\n%s", diff)
			}
		})
	}
}

func TestEntryJSONReplacesWhatIsNotUTF8(t *testing.T) {
	data := (&Entry{Message: "a\xffb\xe8\xb6"}).AppendJSON(nil)
	var got Entry
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatalf("%v in %s", err, data)
	}
	if want := "a\uFFFDb\uFFFD\uFFFD"; got.Message != want {
		t.Errorf("message = %q, want %q", got.Message, want)
	}
}

func TestParseSeverityKnowsKeywordsAliasesAndNumbers(t *testing.T) {
	for text, want := range map[string]Severity{"err": Err, "ERROR": Err, "warn": Warning, "0": Emerg, "7": Debug, "fatal": Crit} {
		if got, ok := ParseSeverity(text); !ok || got != want {
			t.Errorf("ParseSeverity(%q) = %v, %v, want %v", text, got, ok, want)
		}
	}
	for _, text := range []string{"", "8", "-1", "loud"} {
		if got, ok := ParseSeverity(text); ok {
			t.Errorf("ParseSeverity(%q) = %v, want none", text, got)
		}
	}
}

func TestSplitInstance(t *testing.T) {
	for name, want := range map[string][2]string{
		"socketserver/dev1": {"socketserver", "dev1"},
		Unassigned:          {"", ""},
		"":                  {"", ""},
	} {
		service, owner := SplitInstance(name)
		if got := [2]string{service, owner}; got != want {
			t.Errorf("SplitInstance(%q) = %q, want %q", name, got, want)
		}
	}
}
