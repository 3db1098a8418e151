package index

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRecordComesBackAsItWas(t *testing.T) {
	want := sampleEntries()
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
	data := appendRecord(nil, sampleEntries())
	for size := range data {
		if _, err := decodeRecord(1, data[:size]); !errors.Is(err, errRecord) {
			t.Fatalf("cut at %d: error = %v, want %v", size, err, errRecord)
		}
	}
	if _, err := decodeRecord(1, append(data, 0)); !errors.Is(err, errRecord) {
		t.Errorf("a byte too many: error = %v, want %v", err, errRecord)
	}
}

func FuzzDecodeRecordNeverPanics(f *testing.F) {
	f.Add(appendRecord(nil, sampleEntries()))
	f.Fuzz(func(t *testing.T, data []byte) {
		entries, err := decodeRecord(1, data)
		if err == nil && len(entries) == 0 {
			t.Error("no entries and no error")
		}
	})
}
