package index

import (
	"encoding/json"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tagtail/tagtail/index/internal/blockindex"
)

var update = flag.Bool("update", false, "write the sample of the on-disk format")

const sampleDir = "testdata/format/v1"

// sampleEntries are what the sample holds: two instances in blocks, and one
// more entry of each in the journal.
func sampleEntries() []Entry {
	received := time.Date(2026, 11, 22, 10, 42, 31, 102_000_001, time.UTC)
	return []Entry{
		{
			Received: received, Time: time.Date(2026, 11, 22, 18, 42, 31, 0, time.FixedZone("", 8*3600)),
			Facility: Local5, Severity: Err, Format: FormatRFC5424, InstanceBy: ByCreds, Flags: FlagTruncated,
			Hostname: "vm", Source: "unix:uid=1001,pid=311", AppName: "socketserver_dev1", ProcID: "99", MsgID: "login",
			StructuredData: `[x y="a"]`, Message: "id 7f3a9c: 连接超时", Instance: "socketserver/dev1", Input: "udp://127.0.0.1:5514",
		},
		{Received: received.Add(1), Severity: Info, Message: "\x00\xff\n", Instance: "socketserver/dev1"},
		{Received: received.Add(2), Severity: Debug, Message: "ready", Instance: "redis/dev2"},
		{Received: received.Add(3), Severity: Debug, Message: "in the journal", Instance: "redis/dev2"},
		{Received: received.Add(4), Severity: Warning, Message: "in the journal", Instance: Unassigned},
	}
}

func TestSampleOfTheFormatOpens(t *testing.T) {
	if *update {
		writeSample(t)
	}
	dir := filepath.Join(t.TempDir(), "v1")
	if err := os.CopyFS(dir, os.DirFS(sampleDir)); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(dir, "entries.json"))
	if err != nil {
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
	if stats := s.Stats(); stats.DamagedBlocks+stats.DamagedFrames+stats.RebuiltFilters > 0 {
		t.Errorf("stats = %+v, want no damage", stats)
	}
}

func writeSample(t *testing.T) {
	t.Helper()
	remove(t, sampleDir)
	s := openStore(t, Config{Dir: sampleDir, sealWithin: unsealed})
	entries := sampleEntries()
	if err := s.Append(entries[:3]); err != nil {
		t.Fatal(err)
	}
	sealAll(t, s)
	if err := s.Append(entries[3:]); err != nil {
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
