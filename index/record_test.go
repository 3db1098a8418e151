package index

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tagtail/tagtail/index/internal/journal"
)

// recordEntries are few: records are cut at every byte.
func recordEntries() []Entry {
	all := sampleEntries()
	return append(all[:5:5], all[len(all)-2:]...)
}

func TestRecordComesBackAsItWas(t *testing.T) {
	want := recordEntries()
	for i := range want {
		want[i].Seq = uint64(70 + i)
	}
	got, err := decodeRecord(70, appendRecord(nil, want))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, sameEntry); diff != "" {
		t.Errorf("entries (-want +got):\n%s", diff)
	}
}

func TestCutRecordIsNotRead(t *testing.T) {
	data := appendRecord(nil, recordEntries())
	for size := range data {
		if _, err := decodeRecord(1, data[:size]); !errors.Is(err, errRecord) {
			t.Fatalf("cut at %d: error = %v, want %v", size, err, errRecord)
		}
	}
	if _, err := decodeRecord(1, append(data, 0)); !errors.Is(err, errRecord) {
		t.Errorf("a byte too many: error = %v, want %v", err, errRecord)
	}
}

func TestJournalOfANewerProgramIsNotOpenedAndNotTouched(t *testing.T) {
	cfg := Config{Dir: t.TempDir()}
	s := openStore(t, cfg)
	appendMessages(t, s, "a/b", "one")
	frame := appendRecord(make([]byte, journal.HeaderBytes), []Entry{{Instance: "a/b", Message: "from a newer program"}})
	frame[journal.HeaderBytes] = recordVersion + 1
	if err := s.journal.Append(frame, 2, 2); err != nil {
		t.Fatal(err)
	}
	closeStore(t, s)
	path := glob(t, cfg.Dir, "journal/*.journal")[0]
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	_, err = Open(cfg)
	want := fmt.Sprintf("open data folder %s: replay journal segment %s: record version 2 is not known: a newer tagtail has written it: start that version, or a later one", cfg.Dir, path)
	if !errors.Is(err, errNewer) || err.Error() != want {
		t.Errorf("error = %v, want %s", err, want)
	}
	if after, err := os.ReadFile(path); err != nil || !bytes.Equal(before, after) {
		t.Errorf("the segment of %d bytes has %d, error %v", len(before), len(after), err)
	}
}

func FuzzDecodeRecordNeverPanics(f *testing.F) {
	f.Add(appendRecord(nil, recordEntries()))
	f.Fuzz(func(t *testing.T, data []byte) {
		entries, err := decodeRecord(1, data)
		if err == nil && len(entries) == 0 {
			t.Error("no entries and no error")
		}
	})
}
