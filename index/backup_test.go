package index

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// backUp writes a backup into a new folder.
func backUp(t testing.TB, s *Store) (dir string, report BackupReport) {
	t.Helper()
	dir = t.TempDir()
	report, err := s.Backup(t.Context(), func(f BackupFile) error {
		path := filepath.Join(dir, filepath.FromSlash(f.Name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		text, err := io.ReadAll(f.Content)
		if err != nil {
			return err
		}
		if int64(len(text)) != f.Size {
			t.Errorf("%s has %d bytes, want %d", f.Name, len(text), f.Size)
		}
		if _, err := os.Stat(path); err == nil {
			t.Errorf("%s comes twice", f.Name)
		}
		return os.WriteFile(path, text, 0o640)
	})
	if err != nil {
		t.Fatal(err)
	}
	return dir, report
}

// Everything that was stored before is in, once, whatever the store does
// meanwhile: it appends, seals, merges and lets go of old days.
func TestBackupOfAStoreAtWorkHasEverythingThatWasStoredBefore(t *testing.T) {
	clock := newClock()
	cfg := Config{Dir: t.TempDir(), now: clock.now, HeadEntries: 16, SegmentBytes: 4 << 10}
	s := openStore(t, cfg)
	for i := range 500 {
		appendMessages(t, s, fmt.Sprint("web/dev", i%7), fmt.Sprint("before ", i))
		if i%50 == 0 {
			sealPending(t, s)
		}
	}
	var stop atomic.Bool
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := 0; !stop.Load() && i < 20_000; i++ {
			if err := s.Append([]Entry{{Received: clock.now(), Instance: fmt.Sprint("web/dev", i%7), Message: fmt.Sprint("meanwhile ", i)}}); err != nil {
				t.Error(err)
				return
			}
			s.sealNext()
			if i%100 == 0 {
				if err := s.keep(t.Context()); err != nil {
					t.Error(err)
					return
				}
			}
		}
	}()
	for range 3 {
		before := map[string]int{}
		for _, e := range findAll(t, s, Query{}) {
			before[e.Message]++
		}
		last := s.LastSeq()
		dir, report := backUp(t, s)
		if len(report.Findings) > 0 {
			t.Errorf("findings: %v", report.Findings)
		}
		copied := openStore(t, Config{Dir: dir, now: clock.now})
		got := map[string]int{}
		for _, e := range findAll(t, copied, Query{}) {
			got[e.Message]++
		}
		for message := range before {
			if got[message] != 1 {
				t.Errorf("%q is there %d times", message, got[message])
			}
		}
		for message, n := range got {
			if n != 1 {
				t.Errorf("%q is there %d times", message, n)
			}
		}
		if seq := copied.LastSeq(); seq < last+seqReserve {
			t.Errorf("the copy gives out %d next, which the store may have given out since %d", seq+1, last)
		}
		closeStore(t, copied)
		if err := Rebuild(t.Context(), Config{Dir: dir, now: clock.now}, nil); err != nil {
			t.Error(err)
		}
		if report, err := Verify(t.Context(), Config{Dir: dir, now: clock.now}, nil); err != nil || len(report.Findings) > 0 {
			t.Errorf("verify: %v, %d findings, %.300q", err, len(report.Findings), report.Findings)
		}
	}
	stop.Store(true)
	<-done
}

func TestBackupTellsOfADamagedBlock(t *testing.T) {
	s := openStore(t, Config{Dir: t.TempDir()})
	sealedMessages(t, s, "a/b", strings.Repeat("some text ", 100))
	path := s.allDays()[0].blocks[0].path
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text[len(text)-3] ^= 1
	if err := os.WriteFile(path, text, 0o640); err != nil {
		t.Fatal(err)
	}
	dir, report := backUp(t, s)
	if len(report.Findings) != 1 || report.Findings[0].File != path {
		t.Errorf("findings %v, want one of %s", report.Findings, path)
	}
	if copied, err := os.ReadFile(filepath.Join(dir, "days", filepath.Base(filepath.Dir(path)), filepath.Base(path))); err != nil || string(copied) != string(text) {
		t.Errorf("the block is not passed on as it is: %v", err)
	}
}

func TestBackupOfWhatIsLetGoOfMeanwhile(t *testing.T) {
	clock := newClock()
	s := openStore(t, Config{Dir: t.TempDir(), KeepFor: 48 * time.Hour, now: clock.now})
	sealedMessages(t, s, "a/b", "old")
	clock.at = clock.at.Add(47 * time.Hour)
	sealedMessages(t, s, "a/b", "new")
	blocks := 0
	_, err := s.Backup(t.Context(), func(f BackupFile) error {
		if !f.Fixed {
			return nil
		}
		if blocks++; blocks == 1 {
			clock.at = clock.at.Add(2 * time.Hour)
			keep(t, s)
		}
		if text, err := io.ReadAll(f.Content); err != nil || int64(len(text)) != f.Size {
			t.Errorf("%s: %d of %d bytes, %v", f.Name, len(text), f.Size, err)
		}
		return nil
	})
	if err != nil || blocks != 2 {
		t.Errorf("%d blocks, %v, want both", blocks, err)
	}
	wantMessages(t, s, "afterwards", "new")
}

// How far imports have come is in a backup together with what they have brought:
// an import that goes on over the copy repeats nothing and leaves nothing out.
func TestBackupAgreesWithImportsThatGoOn(t *testing.T) {
	s := openStore(t, importConfig(t))
	done := make(chan struct{})
	started := make(chan struct{})
	go func() {
		defer close(done)
		for i := range 200 {
			entries := []Entry{{Instance: "a/b", Received: importNow.Add(-time.Duration(200-i) * time.Minute), Message: fmt.Sprint("line ", i)}}
			_, err := s.Import(t.Context(), ImportBatch{ID: "f1", Entries: entries, State: stateOf(fmt.Sprint(i + 1))})
			if err != nil {
				t.Error(err)
				return
			}
			if i == 3 {
				close(started)
			}
		}
	}()
	<-started
	for range 5 {
		dir, _ := backUp(t, s)
		copied := openStore(t, Config{Dir: dir, now: func() time.Time { return importNow }})
		list, err := copied.Imports()
		if err != nil || len(list) != 1 {
			t.Fatalf("imports %v, %v", list, err)
		}
		if got := len(findAll(t, copied, Query{})); fmt.Sprint(got) != string(list[0].State) {
			t.Errorf("there are %d lines, and the import says %s", got, list[0].State)
		}
		closeStore(t, copied)
	}
	<-done
}
