package index

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tagtail/tagtail/index/internal/block"
	"github.com/tagtail/tagtail/index/internal/journal"
)

// journalEntries is how many entries a start would replay, if none of them were
// in blocks.
func journalEntries(t *testing.T, dir string) (count int) {
	t.Helper()
	parts, err := journal.PartsOf(filepath.Join(dir, "journal"))
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range parts {
		damage, err := journal.Check(part, func(first uint64, payload []byte) error {
			entries, err := decodeRecord(first, payload)
			count += len(entries)
			return err
		})
		if err != nil || len(damage) > 0 {
			t.Fatalf("damage %v, error %v", damage, err)
		}
	}
	return count
}

func TestAfterACloseNothingIsReplayedAndTheNumbersGoOn(t *testing.T) {
	cfg := Config{Dir: t.TempDir(), SegmentBytes: 256}
	var want []string
	last := uint64(0)
	for round := range 3 {
		s := openStore(t, cfg)
		if stats := s.Stats(); stats.Heads+stats.Pending > 0 || stats.Blocks != 4*round {
			t.Errorf("stats after start %d = %+v, want %d blocks and no heads", round, stats, 4*round)
		}
		for n := range 20 {
			message := fmt.Sprintf("message %d of round %d", n, round)
			e := appendMessages(t, s, fmt.Sprintf("i/%d", n%4), message)[0]
			if want = append(want, message); e.Seq != last+1 {
				t.Fatalf("seq = %d, want %d", e.Seq, last+1)
			}
			last = e.Seq
		}
		closeStore(t, s)
		if n := journalEntries(t, cfg.Dir); n > 0 {
			t.Errorf("%d entries are in the journal after Close", n)
		}
		if segments := glob(t, cfg.Dir, "journal/*"); len(segments) != 1 {
			t.Errorf("segments after Close = %v, want the one whose name keeps the highest number", segments)
		}
		wantLock(t, cfg.Dir, "closed")
	}
	s := openStore(t, cfg)
	wantMessages(t, s, "after three starts", want...)
	if got := s.LastSeq(); got != last {
		t.Errorf("last seq = %d, want %d", got, last)
	}
}

func TestNumbersOfDroppedEntriesAreNotUsedAgainAfterAClose(t *testing.T) {
	var disk fullDisk
	cfg := Config{Dir: t.TempDir(), createFile: disk.createFile}
	s := openStore(t, cfg)
	appendMessages(t, s, "a/b", "kept")
	disk.full.Store(true)
	if err := s.Append([]Entry{{Message: "lost"}, {Message: "lost"}}); err == nil {
		t.Fatal("no error on a full disk")
	}
	disk.full.Store(false)
	closeStore(t, s)
	if got := openStore(t, cfg).LastSeq(); got != 3 {
		t.Errorf("last seq = %d, want 3", got)
	}
}

func TestCloseOnAFullDiskKeepsEverythingInTheJournal(t *testing.T) {
	for name, full := range map[string]func(path string) bool{
		"all blocks": func(string) bool { return true },
		"one block":  func(path string) bool { return strings.Contains(path, "bad") },
	} {
		t.Run(name, func(t *testing.T) {
			cfg := Config{Dir: t.TempDir(), writeFile: func(path string, data []byte) error {
				if full(path) {
					return errFull
				}
				return block.WriteFile(path, data)
			}}
			s := openStore(t, cfg)
			appendMessages(t, s, "a/bad", "one", "two")
			appendMessages(t, s, "c/d", "three")
			closeStore(t, s)
			wantLock(t, cfg.Dir, "closed")
			if n := journalEntries(t, cfg.Dir); n != 3 {
				t.Errorf("%d entries are in the journal, want 3", n)
			}
			cfg.writeFile = nil
			s = openStore(t, cfg)
			wantMessages(t, s, "after a restart", "one", "two", "three")
			closeStore(t, s)
			if n := journalEntries(t, cfg.Dir); n > 0 {
				t.Errorf("%d entries are in the journal once the disk has room", n)
			}
		})
	}
}

func TestCloseThatTakesTooLongLeavesTheRestToTheJournal(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		cfg := Config{Dir: dir, writeFile: func(path string, data []byte) error {
			time.Sleep(3 * time.Second) // of the bubble's clock: a slow disk
			return block.WriteFile(path, data)
		}}
		s := openStore(t, cfg)
		var want []string
		for n := range 10 {
			want = append(want, fmt.Sprint("message ", n))
			appendMessages(t, s, fmt.Sprintf("i/%d", n), want[n])
		}
		closeStore(t, s)
		if n := len(glob(t, cfg.Dir, "days/*/*.block")); n != 2 {
			t.Errorf("%d blocks, want the two oldest, which were begun in time", n)
		}
		cfg.writeFile = nil
		s = openStore(t, cfg)
		wantMessages(t, s, "after a restart", want...)
		if stats := s.Stats(); stats.Blocks != 2 || stats.Heads != 8 {
			t.Errorf("stats = %+v, want two blocks and eight heads", stats)
		}
	})
}

func TestWordsOfTheBlocksThatCloseWritesAreInTheirIndex(t *testing.T) {
	cfg := Config{Dir: t.TempDir(), wordsWithin: 20 * time.Second}
	s := openStore(t, cfg)
	appendMessages(t, s, "a/b", "one word")
	closeStore(t, s)
	report, err := Verify(t.Context(), cfg, nil)
	if err != nil || report.Indexes != 1 || len(report.Findings) > 0 {
		t.Errorf("report = %v, findings %v, error %v, want a whole index", report, report.Findings, err)
	}
}

func TestAQuietStoreThatIsStartedAgainAndAgainHasFewBlocks(t *testing.T) {
	clock := newClock()
	cfg := Config{Dir: t.TempDir(), now: clock.now}
	var want []string
	for n := range 10 * mergeFanIn {
		s := openStore(t, cfg)
		want = append(want, fmt.Sprint("message ", n))
		appendMessages(t, s, "a/b", want[n])
		clock.at = clock.at.Add(time.Minute)
		keep(t, s)
		closeStore(t, s)
	}
	s := openStore(t, cfg)
	if n := s.Stats().Blocks; n >= 2*mergeFanIn {
		t.Errorf("%d blocks after %d starts, want fewer than %d", n, len(want), 2*mergeFanIn)
	}
	clock.at = clock.at.Add(24 * time.Hour)
	keep(t, s)
	if n := s.Stats().Blocks; n != 1 {
		t.Errorf("%d blocks once the day is over, want 1", n)
	}
	if diff := cmp.Diff(want, messages(findAll(t, s, Query{}))); diff != "" {
		t.Errorf("messages (-want +got):\n%s", diff)
	}
}
