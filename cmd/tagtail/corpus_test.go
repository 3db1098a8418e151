package main

import (
	"os"
	"path/filepath"
	"testing"
)

// With plain go test a fuzz target runs on what its corpus holds, and no more.
func TestTheFuzzTargetsOfReceivingHaveASmallCorpus(t *testing.T) {
	const fewest, most, mostBytes = 20, 60, 1000
	for _, corpus := range []string{
		"ingest/syslog/testdata/fuzz/FuzzParse", "ingest/syslog/testdata/fuzz/FuzzReader",
		"ingest/relp/testdata/fuzz/FuzzReader", "ingest/file/testdata/fuzz/FuzzCut",
		"ingest/testdata/fuzz/FuzzTokensNeverStay", "viewer/testdata/fuzz/FuzzLines",
	} {
		t.Run(corpus, func(t *testing.T) {
			entries, err := os.ReadDir(filepath.Join("..", "..", corpus))
			if err != nil {
				t.Fatal(err)
			}
			if n := len(entries); n < fewest || n > most {
				t.Errorf("got %d inputs, want %d to %d", n, fewest, most)
			}
			for _, entry := range entries {
				info, err := entry.Info()
				if err != nil {
					t.Fatal(err)
				}
				if info.Size() > mostBytes {
					t.Errorf("%s has %d bytes, want at most %d", entry.Name(), info.Size(), mostBytes)
				}
			}
		})
	}
}
