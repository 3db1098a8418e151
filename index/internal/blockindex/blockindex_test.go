package blockindex

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t *testing.T, dir string) *Index {
	t.Helper()
	x, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := x.Close(); err != nil {
			t.Error(err)
		}
	})
	return x
}

func TestContainingFindsBlocksByWord(t *testing.T) {
	x := open(t, filepath.Join(t.TempDir(), Folder))
	for id, words := range map[string][]Word{
		"1": {{"timeout", 3}, {"readtimeouts", 1}},
		"2": {{"time", 1}, {"超时", 1}},
		"3": {{"out", 1}},
	} {
		marked := Marks(0)
		if id == "2" {
			marked = Overflow
		}
		if err := x.Add(id, words, marked); err != nil {
			t.Fatal(err)
		}
	}
	tests := []struct {
		text       string
		start, end bool
		want       []string
	}{
		{"timeout", true, true, []string{"1"}},
		{"time", true, true, []string{"2"}},
		{"time", true, false, []string{"1", "2"}},
		{"out", false, true, []string{"1", "3"}},
		{"timeouts", false, true, []string{"1"}},
		{"meo", false, false, []string{"1"}},
		{"超时", true, true, []string{"2"}},
		{"时", false, true, []string{"2"}},
		{"none", false, false, nil},
	}
	for _, test := range tests {
		got, err := x.Containing(test.text, test.start, test.end)
		if err != nil {
			t.Fatal(err)
		}
		want := make(map[string]bool)
		for _, id := range test.want {
			want[id] = true
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("Containing(%q, %v, %v) (-want +got):\n%s", test.text, test.start, test.end, diff)
		}
	}
}

func TestMarkedListsBlocksWithTheirMarks(t *testing.T) {
	x := open(t, filepath.Join(t.TempDir(), Folder))
	want := map[string]Marks{"1": Overflow, "2": 0, "3": Hex, "4": Overflow | Hex}
	for id, marked := range want {
		if err := x.Add(id, []Word{{"a", 1}}, marked); err != nil {
			t.Fatal(err)
		}
	}
	delete(want, "2")
	got, err := x.Marked()
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("Marked = %v (-want +got):\n%s", err, diff)
	}
}

func TestContainingGivesUpOnTooManyWords(t *testing.T) {
	x := open(t, filepath.Join(t.TempDir(), Folder))
	var words []Word
	for i := range MaxTerms + 1 {
		words = append(words, Word{Text: fmt.Sprintf("x%06d", i), Lines: 1})
	}
	if err := x.Add("1", words, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := x.Containing("x", true, false); !errors.Is(err, ErrTooMany) {
		t.Errorf("error = %v, want %v", err, ErrTooMany)
	}
}

func TestOpenRefusesADamagedSegment(t *testing.T) {
	dir := filepath.Join(t.TempDir(), Folder)
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "1.zap"), []byte("not a segment"), 0o600); err != nil {
		t.Fatal(err)
	}
	if x, err := Open(dir); err == nil {
		_ = x.Close()
		t.Error("Open took a segment with a wrong checksum")
	}
}

func TestClosedIndexSaysSo(t *testing.T) {
	x, err := Open(filepath.Join(t.TempDir(), Folder))
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := x.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := x.Add("1", nil, 0); !errors.Is(err, ErrClosed) {
		t.Errorf("Add = %v, want %v", err, ErrClosed)
	}
	if _, err := x.IDs(); !errors.Is(err, ErrClosed) {
		t.Errorf("IDs = %v, want %v", err, ErrClosed)
	}
}
