package index

import (
	"fmt"
	"testing"
)

// TestALineWithAWordInTwoOfItsIdsIsCountedOnce: the values of a shape are
// looked at column by column, so that the stamp of a line does not keep a word
// that is in two of its values from being counted twice.
func TestALineWithAWordInTwoOfItsIdsIsCountedOnce(t *testing.T) {
	tokens := newTokens(16384)
	var messages []string
	for i := range 8 {
		messages = append(messages, fmt.Sprintf("from dev%d to dev%d", i, i+100))
	}
	tokens.collect(messages)
	for _, w := range tokens.words.list {
		if w.Lines > len(messages) {
			t.Errorf("%q is in %d lines of %d", w.Text, w.Lines, len(messages))
		}
	}
}

func TestCountOfAWordInTwoIdsOfALineIsWhatAScanFinds(t *testing.T) {
	s := openStore(t, Config{Dir: t.TempDir()})
	var entries []Entry
	for i := range 8 {
		entries = append(entries, Entry{Instance: "a/b", Message: fmt.Sprintf("from dev%d to dev%d", i, i+100)})
	}
	entries = append(entries, Entry{Instance: "a/b", Message: "nothing"})
	if err := s.Append(entries); err != nil {
		t.Fatal(err)
	}
	sealAll(t, s)
	for _, text := range []string{"dev", "-dev"} {
		n, err := s.Count(t.Context(), CountRequest{Query: parse(text)})
		if found := len(findAll(t, s, parse(text))); err != nil || n != uint64(found) {
			t.Errorf("Count(%s) = %d, %v, but Search finds %d", text, n, err, found)
		}
	}
}
