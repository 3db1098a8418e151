package index

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tagtail/tagtail/index/internal/block"
)

// damages are what can happen to a file.
var damages = map[string]func(t *testing.T, path string){
	"flipped": func(t *testing.T, path string) { flip(t, path, int(sizeOf(t, path))*2/3) },
	"cut": func(t *testing.T, path string) {
		if err := os.Truncate(path, sizeOf(t, path)*2/3); err != nil {
			t.Fatal(err)
		}
	},
	"empty": func(t *testing.T, path string) {
		if err := os.Truncate(path, 0); err != nil {
			t.Fatal(err)
		}
	},
	"missing": func(t *testing.T, path string) { remove(t, path) },
	"duplicate": func(t *testing.T, path string) {
		data, err := os.ReadFile(path)
		if err == nil {
			err = os.WriteFile(duplicateOf(path), data, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	},
}

// duplicateOf is the name of a copy that the store takes for one of its files.
func duplicateOf(path string) string {
	dir, name := filepath.Split(path)
	switch {
	case strings.HasSuffix(name, ".journal"):
		return filepath.Join(dir, "00000000000000099999.journal")
	case strings.HasSuffix(name, ".zap"):
		return filepath.Join(dir, "fffffffff.zap")
	}
	return strings.Replace(path, "%2F", "_", 1)
}

func sizeOf(t *testing.T, path string) int64 {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

// contentOf is every file below a folder.
func contentOf(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := make(map[string]string)
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		files[path] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// damagedStore has two blocks and, in frames of their own, two entries more.
func damagedStore(t *testing.T) Config {
	t.Helper()
	cfg := Config{Dir: t.TempDir(), Logger: slog.New(slog.DiscardHandler), now: newClock().now, sealWithin: unsealed}
	s := openStore(t, cfg)
	sealedMessages(t, s, "a/b", "block one id1", strings.Repeat("text ", 50))
	sealedMessages(t, s, "c/d", "block two id2")
	closeStore(t, s)
	s = openStore(t, cfg)
	appendMessages(t, s, "a/b", "frame one")
	appendMessages(t, s, "a/b", "frame two "+strings.Repeat("text ", 50))
	if err := s.Rebuild(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	closeStore(t, s)
	return cfg
}

func TestDamageCostsWhatItHitsAndIsReportedAndMended(t *testing.T) {
	long := strings.Repeat("text ", 50)
	all := []string{"block one id1", long, "block two id2", "frame one", "frame two " + long}
	without := func(at ...int) []string {
		var left []string
		for i, message := range all {
			if !slices.Contains(at, i) {
				left = append(left, message)
			}
		}
		return left
	}
	tests := []struct {
		pattern string
		damage  string
		left    []string
		// reported tells whether Verify finds it: not what nothing tells of.
		reported, derived bool
	}{
		{"journal/*", "flipped", without(4), true, false},
		{"journal/*", "cut", without(4), true, false},
		{"journal/*", "empty", without(3, 4), false, false},
		{"journal/*", "missing", without(3, 4), false, false},
		{"journal/*", "duplicate", all, false, false},
		{"days/*/*a%2Fb.block", "flipped", without(0, 1), true, false},
		{"days/*/*a%2Fb.block", "cut", without(0, 1), true, false},
		{"days/*/*a%2Fb.block", "empty", without(0, 1), true, false},
		{"days/*/*a%2Fb.block", "missing", without(0, 1), true, false},
		{"days/*/*a%2Fb.block", "duplicate", all, true, true}, // the copy has no filter
		{"days/*/*a%2Fb.filter", "flipped", all, true, true},
		{"days/*/*a%2Fb.filter", "cut", all, true, true},
		{"days/*/*a%2Fb.filter", "empty", all, true, true},
		{"days/*/*a%2Fb.filter", "missing", all, true, true},
		{"days/*/*a%2Fb.filter", "duplicate", all, true, false}, // its block is missing
		{"days/*/bleve-*/*.zap", "flipped", all, true, true},
		{"days/*/bleve-*/*.zap", "cut", all, true, true},
		{"days/*/bleve-*/*.zap", "empty", all, true, true},
		{"days/*/bleve-*/*.zap", "missing", all, true, true},
		{"days/*/bleve-*/*.zap", "duplicate", all, false, false}, // bleve does not look at it
		{"days/*/bleve-*", "missing", all, true, true},
		{"days/*/bleve-*/root.bolt", "missing", all, true, true},
		{"days/*/bleve-*/root.bolt", "empty", all, true, true},
	}
	whole := damagedStore(t)
	if report, err := Verify(t.Context(), whole, nil); err != nil || len(report.Findings) > 0 || report.Blocks != 2 || report.Filters != 2 {
		t.Fatalf("report of a whole store = %+v, error %v", report, err)
	}
	for _, test := range tests {
		t.Run(test.damage+" "+strings.ReplaceAll(test.pattern, "/", "_"), func(t *testing.T) {
			t.Parallel()
			cfg := whole
			cfg.Dir = copyDir(t, whole.Dir)
			paths := glob(t, cfg.Dir, test.pattern)
			path := paths[len(paths)-1]
			damages[test.damage](t, path)
			before := contentOf(t, cfg.Dir)
			report, err := Verify(t.Context(), cfg, nil)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(before, contentOf(t, cfg.Dir)); diff != "" {
				t.Fatalf("Verify has changed files (-before +after):\n%s", diff)
			}
			if (len(report.Findings) > 0) != test.reported {
				t.Errorf("findings = %v, want some: %v", report.Findings, test.reported)
			}
			for _, f := range report.Findings {
				if !strings.HasPrefix(f.File, cfg.Dir) || f.Derived != test.derived {
					t.Errorf("finding = %+v, want one below %s, derived %v", f, cfg.Dir, test.derived)
				}
			}
			s := openStore(t, cfg)
			wantMessages(t, s, "of the damaged store", test.left...)
			for _, word := range []string{"one", "id1", "text"} {
				var want []string
				for _, message := range test.left {
					if strings.Contains(message, word) {
						want = append(want, message)
					}
				}
				if diff := cmp.Diff(want, messages(findAll(t, s, textQuery(word)))); diff != "" {
					t.Errorf("found for %q (-want +got):\n%s", word, diff)
				}
			}
			if err := s.Rebuild(t.Context(), nil); err != nil {
				t.Fatal(err)
			}
			closeStore(t, s)
			report, err = Verify(t.Context(), cfg, nil)
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range report.Findings {
				if f.Derived {
					t.Errorf("finding after Rebuild = %v", f)
				}
			}
		})
	}
}

func TestVerifyOfAnOpenStoreSaysTheSame(t *testing.T) {
	cfg := damagedStore(t)
	flip(t, glob(t, cfg.Dir, "days/*/*a%2Fb.block")[0], 20) // the header
	s := openStore(t, cfg)
	appendMessages(t, s, "e/f", "more")
	flip(t, glob(t, cfg.Dir, "days/*/*c%2Fd.filter")[0], 20)
	calls := 0
	report, err := s.Verify(t.Context(), func(p Progress) {
		if calls++; p.Done != calls || p.Total < p.Done {
			t.Errorf("progress = %+v, want %d done", p, calls)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(report.Findings) != 2 || report.Findings[0].Derived == report.Findings[1].Derived {
		t.Errorf("findings = %v, want a block and a filter", report.Findings)
	}
	if _, err := Verify(t.Context(), cfg, nil); !errors.Is(err, ErrLocked) {
		t.Errorf("error = %v, want %v", err, ErrLocked)
	}
	if err := Rebuild(t.Context(), cfg, nil); !errors.Is(err, ErrLocked) {
		t.Errorf("error = %v, want %v", err, ErrLocked)
	}
	for name, f := range map[string]func(Config) error{
		"Verify":  func(cfg Config) error { _, err := Verify(t.Context(), cfg, nil); return err },
		"Rebuild": func(cfg Config) error { return Rebuild(t.Context(), cfg, nil) },
	} {
		cfg := Config{Dir: filepath.Join(t.TempDir(), "none")}
		if err := f(cfg); err == nil || !strings.Contains(err.Error(), "there is no store in") {
			t.Errorf("%s = %v, want that there is no store", name, err)
		}
	}
}

func TestBlockOfAnIndexThatARebuildHasDeletedIsStillFound(t *testing.T) {
	s := openStore(t, Config{Dir: t.TempDir()})
	sealedMessages(t, s, "a/b", "one word")
	d := s.allDays()[0]
	deleted, b := s.openWords(d), d.blocks[0]
	if err := s.forgetWords(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	b.indexed.Store(deleted) // by who has added it just before
	if got := messages(findAll(t, s, textQuery("word"))); len(got) != 1 {
		t.Errorf("found %q, want the message", got)
	}
}

func TestCloseDoesNotWaitForARebuildThatCannotBeWritten(t *testing.T) {
	cfg := Config{Dir: t.TempDir()}
	s := openStore(t, cfg)
	sealedMessages(t, s, "a/b", "one word")
	lost := make(chan error, 1)
	rebuilt := make(chan error, 1)
	go func() {
		rebuilt <- s.Rebuild(context.Background(), func(Progress) {
			lost <- os.RemoveAll(filepath.Join(cfg.Dir, "days")) // bleve cannot write its segment
		})
	}()
	if err := <-lost; err != nil {
		t.Fatal(err)
	}
	closed := make(chan error, 1)
	go func() { closed <- s.Close() }()
	select {
	case err := <-closed:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(2 * time.Minute):
		t.Fatal("Close waits")
	}
	if err := <-rebuilt; !errors.Is(err, ErrClosed) {
		t.Errorf("error = %v, want %v", err, ErrClosed)
	}
}

func TestRebuildThatCannotBeWrittenGivesUpAndLetsTheKeeperGoOn(t *testing.T) {
	cfg := Config{Dir: t.TempDir(), flushWithin: 50 * time.Millisecond}
	s := openStore(t, cfg)
	sealedMessages(t, s, "a/b", "one word")
	err := s.Rebuild(t.Context(), func(Progress) {
		remove(t, glob(t, cfg.Dir, "days/*/bleve-*")[0]) // bleve cannot write its segment
	})
	if err == nil || !strings.Contains(err.Error(), "the word index is not written after 50ms") {
		t.Errorf("error = %v, want that the word index is not written", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	if err := s.keep(ctx); err != nil {
		t.Errorf("keeper afterwards: %v", err)
	}
}

func TestPathOfADamagedBlockThatIsWrittenAnewIsNoLongerOne(t *testing.T) {
	clock := newClock()
	cfg := Config{Dir: t.TempDir(), now: clock.now}
	s := openStore(t, cfg)
	sealedMessages(t, s, "a/b", "1")
	sealedMessages(t, s, "a/b", "2")
	closeStore(t, s)
	parts := glob(t, cfg.Dir, "days/*/*.block")
	merged := filepath.Join(filepath.Dir(parts[0]), block.FileName(1, 2, "a/b"))
	if err := os.WriteFile(merged, []byte("damaged"), 0o600); err != nil {
		t.Fatal(err)
	}
	s = openStore(t, cfg)
	clock.at = clock.at.Add(24 * time.Hour)
	keep(t, s)
	report, err := s.Verify(t.Context(), nil)
	if err != nil || report.Blocks != 1 || len(report.Findings) > 0 {
		t.Errorf("report = %v, findings %v, error %v, want one block", report, report.Findings, err)
	}
	wantMessages(t, s, "of the merged block", "1", "2")
}

func TestBlockThatCannotBeReadForAWhileIsNoDamagedOne(t *testing.T) {
	s := openStore(t, Config{Dir: t.TempDir()})
	oneBlockEach(t, s, "some words", "other words")
	path := glob(t, s.cfg.Dir, "days/*/*.block")[0]
	aside := path + ".aside"
	if err := errors.Join(os.Rename(path, aside), os.Mkdir(path, 0o700)); err != nil {
		t.Fatal(err)
	}
	query := textQuery("words -nothing")
	if _, err := s.Search(t.Context(), SearchRequest{Query: query}); err == nil {
		t.Error("a search without the block is no error")
	}
	if _, err := s.Count(t.Context(), CountRequest{Query: textQuery("/wo.ds/")}); err == nil {
		t.Error("a count without the block is no error")
	}
	if err := errors.Join(os.Remove(path), os.Rename(aside, path)); err != nil {
		t.Fatal(err)
	}
	if got := findAll(t, s, query); len(got) != 2 {
		t.Errorf("%d entries afterwards, want 2", len(got))
	}
	if n := s.Stats().DamagedBlocks; n != 0 {
		t.Errorf("%d damaged blocks, want none", n)
	}
}
