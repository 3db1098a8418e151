package index

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tagtail/tagtail/index/internal/blockindex"
)

var update = flag.Bool("update", false, "write the sample of the on-disk format")

// samples are those of every layout that there was, by the version of its blocks
// and of its filters. The newest comes last, and is written with -update.
var samples = []string{"v1", "v2", "v2-filter4", "v2-filter5"}

const sampleFolder = "testdata/format/"

// sampleEntries are what the newest sample holds: instances in blocks, one of
// them with each kind of column for the values of a message, and one more entry
// of two of them in the journal.
func sampleEntries() []Entry {
	received := time.Date(2026, 11, 22, 10, 42, 31, 102_000_001, time.UTC)
	entries := []Entry{
		{
			Received: received, Time: time.Date(2026, 11, 22, 18, 42, 31, 0, time.FixedZone("", 8*3600)),
			Facility: Local5, Severity: Err, Format: FormatRFC5424, InstanceBy: ByCreds, Flags: FlagTruncated,
			Hostname: "vm", Source: "unix:uid=1001,pid=311", AppName: "socketserver_dev1", ProcID: "99", MsgID: "login",
			StructuredData: `[x y="a"]`, Message: "id 7f3a9c: 连接超时", Instance: "socketserver/dev1", Input: "udp://127.0.0.1:5514",
		},
		{Received: received.Add(1), Severity: Info, Message: "\x00\xff\n", Instance: "socketserver/dev1"},
		{Received: received.Add(2), Severity: Debug, Message: "ready", Instance: "redis/dev2"},
	}
	for i := range 300 {
		message := fmt.Sprintf("*%d %d %04x%04X %s took=%dus fd:%d 7%s9", 100+i, i*i*977, i*40503%65536, i*40503%65536,
			[]string{"dev1", "dev2"}[i%2], i*7919%10000, i%4, []string{"f", "g", "H"}[i%3])
		entries = append(entries, Entry{Received: received.Add(time.Duration(3+i) * time.Microsecond), Severity: Info, Message: message, Instance: "api/dev1"})
	}
	return append(entries,
		Entry{Received: received.Add(time.Second), Severity: Debug, Message: "in the journal", Instance: "redis/dev2"},
		Entry{Received: received.Add(time.Second), Severity: Warning, Message: "in the journal", Instance: Unassigned})
}

func TestSamplesOfTheFormatOpen(t *testing.T) {
	newest := samples[len(samples)-1]
	if *update {
		writeSample(t, sampleFolder+newest)
	}
	for _, name := range samples {
		t.Run(name, func(t *testing.T) { testSample(t, name, name == newest) })
	}
}

func testSample(t *testing.T, name string, newest bool) {
	dir := filepath.Join(t.TempDir(), "sample")
	if err := os.CopyFS(dir, os.DirFS(sampleFolder+name)); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(dir, "entries.json"))
	if err != nil {
		t.Fatal(err)
	}
	older := filepath.Join(dir, "days", "2026-11-22", "bleve-1")
	if err := os.Mkdir(older, 0o750); err != nil {
		t.Fatal(err)
	}
	var want []Entry
	if err := json.Unmarshal(data, &want); err != nil {
		t.Fatal(err)
	}
	want[1].Message = "\x00\xff\n" // JSON cannot hold it
	s := openStore(t, Config{Dir: dir})
	if diff := cmp.Diff(want, findAll(t, s, Query{}), sameEntry); diff != "" {
		t.Errorf("entries (-want +got):\n%s", diff)
	}
	for _, text := range []string{"7f3a9c", "超时", "journal"} {
		if len(findAll(t, s, textQuery(text))) == 0 {
			t.Errorf("%q is not found", text)
		}
	}
	if _, err := os.Stat(older); !errors.Is(err, fs.ErrNotExist) {
		t.Error("the word index of an earlier version is still there")
	}
	stats := s.Stats()
	if stats.DamagedBlocks+stats.DamagedFrames > 0 {
		t.Errorf("stats = %+v, want no damage", stats)
	}
	if newest && stats.RebuiltFilters > 0 { // those of the others have another layout
		t.Errorf("stats = %+v, want filters that can be read", stats)
	}
}

func writeSample(t *testing.T, sampleDir string) {
	t.Helper()
	remove(t, sampleDir)
	s := openStore(t, Config{Dir: sampleDir, sealWithin: unsealed})
	entries := sampleEntries()
	sealed := len(entries) - 2
	if err := s.Append(entries[:sealed]); err != nil {
		t.Fatal(err)
	}
	sealAll(t, s)
	if err := s.Append(entries[sealed:]); err != nil {
		t.Fatal(err)
	}
	closeStore(t, s)
	err := filepath.WalkDir(sampleDir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Name() == blockindex.Folder { // bleve's own format
			remove(t, path)
			return fs.SkipDir
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	remove(t, filepath.Join(sampleDir, lockName))
	data, err := json.MarshalIndent(entries, "", "  ")
	if err == nil {
		err = os.WriteFile(filepath.Join(sampleDir, "entries.json"), append(data, '\n'), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}
