package index

import "testing"

// TestNumbersOfAFailedAppendAreNotGivenOutAgainAfterAStop: who has read up to
// LastSeq goes on behind it. Turn keeps an empty segment whose name is lower.
func TestNumbersOfAFailedAppendAreNotGivenOutAgainAfterAStop(t *testing.T) {
	var disk fullDisk
	cfg := Config{Dir: t.TempDir(), createFile: disk.createFile}
	s := openStore(t, cfg)
	disk.full.Store(true)
	if err := s.Append([]Entry{{Message: "lost"}}); err == nil {
		t.Fatal("no error of a full disk")
	}
	disk.full.Store(false)
	last := s.LastSeq()
	closeStore(t, s)
	s = openStore(t, cfg)
	if got := s.LastSeq(); got < last {
		t.Errorf("LastSeq is %d after a stop, %d before", got, last)
	}
}
