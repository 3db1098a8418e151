package index

import (
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestColumnsOfValuesAnswerAsAScanDoes has messages of a few shapes, so that
// there are columns of every kind, and queries for parts of them.
func TestColumnsOfValuesAnswerAsAScanDoes(t *testing.T) {
	for seed := range uint64(2) {
		r := rand.New(rand.NewPCG(seed, 3))
		s := openStore(t, Config{Dir: t.TempDir(), HeadEntries: 400})
		var entries []Entry
		for range 4 {
			for _, message := range tokenMessages(r) {
				entries = append(entries, Entry{Message: message, Severity: Severity(r.IntN(8)), Instance: "a/dev1"})
			}
		}
		if err := s.Append(entries); err != nil {
			t.Fatal(err)
		}
		sealAll(t, s)
		found := 0
		for range 300 {
			text := randomQuery(r, entries[r.IntN(len(entries))].Message, 2)
			q := parse(text)
			var want []string
			for i := range entries {
				if q.Match(&entries[i]) {
					want = append(want, entries[i].Message)
				}
			}
			var got []string
			for _, e := range findAll(t, s, q) {
				got = append(got, e.Message)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("seed %d: query %q = %s (-want +got):\n%s", seed, text, q, diff)
			}
			n, err := s.Count(t.Context(), CountRequest{Query: q})
			if err != nil || n != uint64(len(want)) {
				t.Fatalf("seed %d: Count(%q) = %d, %v, want %d", seed, text, n, err, len(want))
			}
			if len(want) > 0 {
				found++
			}
		}
		if found < 100 {
			t.Errorf("seed %d: only %d queries found something: the test has lost its point", seed, found)
		}
		closeStore(t, s)
	}
}
