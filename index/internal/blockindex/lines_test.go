package blockindex

import (
	"errors"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestLinesCountsTheLinesOfEachBlock(t *testing.T) {
	x := open(t, filepath.Join(t.TempDir(), Folder))
	for id, words := range map[string][]Word{
		"1": {{"timeout", 3}, {"readtimeouts", 2}, {"超时", 8000}},
		"2": {{"time", 1}, {"timeout", 70_000}},
		"3": {{"out", 1}},
	} {
		if err := x.Add(id, words, 0); err != nil {
			t.Fatal(err)
		}
	}
	tests := map[string]struct {
		text  string
		whole bool
		want  map[string]Lines
	}{
		"the word itself":     {"timeout", true, map[string]Lines{"1": {1, 3, 3}, "2": {1, 70_000, 70_000}}},
		"inside of two words": {"timeout", false, map[string]Lines{"1": {2, 3, 5}, "2": {1, 70_000, 70_000}}},
		"inside of one word":  {"adtim", false, map[string]Lines{"1": {1, 2, 2}}},
		"beyond ASCII":        {"超时", true, map[string]Lines{"1": {1, 8000, 8000}}},
		"nowhere":             {"none", false, map[string]Lines{}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := x.Lines(test.text, test.whole)
			if diff := cmp.Diff(test.want, got); err != nil || diff != "" {
				t.Errorf("error %v, lines (-want +got):\n%s", err, diff)
			}
		})
	}
}

func TestLinesGivesUpOnTooManyWords(t *testing.T) {
	x := open(t, filepath.Join(t.TempDir(), Folder))
	var words []Word
	for i := range MaxTerms + 1 {
		words = append(words, Word{Text: fmt.Sprintf("x%06d", i), Lines: 1})
	}
	if err := x.Add("1", words, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := x.Lines("x", false); !errors.Is(err, ErrTooMany) {
		t.Errorf("error = %v, want %v", err, ErrTooMany)
	}
}
