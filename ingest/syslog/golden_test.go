package syslog

import (
	"bufio"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tagtail/tagtail/index"
)

var update = flag.Bool("update", false, "write the golden files anew")

// checkGolden compares got with testdata/name.
func checkGolden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

// describe writes what Parse made of a message on one line.
func describe(e *index.Entry) string {
	stamp := "-"
	if !e.Time.IsZero() {
		stamp = e.Time.Format(time.RFC3339Nano)
	}
	return fmt.Sprintf("%s.%s %s %s host=%s app=%q proc=%q id=%q sd=%q flags=%v msg=%q",
		e.Facility, e.Severity, e.Format, stamp, e.Hostname, e.AppName, e.ProcID, e.MsgID,
		e.StructuredData, e.Flags.Names(), e.Message)
}

// The cases on which implementations disagree. The golden file is our
// decision; docs/compatibility.md gives the reason where it is not rsyslog's.
func TestLenientCasesAreReadAsDecided(t *testing.T) {
	var b strings.Builder
	for _, c := range loadCases(t) {
		if !c.Lenient {
			continue
		}
		fmt.Fprintf(&b, "%s\n", c.Name)
		for _, e := range receive(c.Transport, Framing{}, c.data()) {
			fmt.Fprintf(&b, "\t%s\n", describe(&e))
		}
	}
	checkGolden(t, "lenient.golden", b.String())
}

// datagram is a line of the files of captured datagrams.
type datagram struct {
	Transport string
	Received  float64
	Hex       string
}

func loadDatagrams(t testing.TB, sender string) []datagram {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", sender+"_datagrams.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	var list []datagram
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var d datagram
		if err := json.Unmarshal(lines.Bytes(), &d); err != nil {
			t.Fatal(err)
		}
		list = append(list, d)
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return list
}

func (d *datagram) bytes(t testing.TB) []byte {
	t.Helper()
	b, err := hex.DecodeString(d.Hex)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestCapturedDatagramsAreRead(t *testing.T) {
	for sender, wantCount := range map[string]int{"nginx": 487, "redis": 49, "mariadb": 53} {
		t.Run(sender, func(t *testing.T) {
			var b strings.Builder
			list := loadDatagrams(t, sender)
			if len(list) != wantCount {
				t.Fatalf("got %d datagrams, want %d", len(list), wantCount)
			}
			for _, d := range list {
				opts := Options{Location: time.UTC, Local: d.Transport != "udp", Hostname: testCollector}
				e := index.Entry{Received: time.Unix(int64(d.Received), 0).UTC()}
				if !Parse(string(d.bytes(t)), &opts, &e) || e.Flags.Has(index.FlagRejected) {
					t.Errorf("%q is rejected", d.bytes(t))
				}
				if gap := e.Received.Sub(e.Time).Abs(); gap > 5*time.Second {
					t.Errorf("%q is read as of %v, %v off", d.bytes(t), e.Time, gap)
				}
				Refine(&e)
				fmt.Fprintf(&b, "%s\n", describe(&e))
			}
			checkGolden(t, sender+".golden", b.String())
		})
	}
}
