package index

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tagtail/tagtail/index/internal/files"
	"github.com/tagtail/tagtail/index/internal/filter"
	"github.com/tagtail/tagtail/index/internal/shape"
)

// blocksOfIDs makes blocks of one entry each, with an id of its own.
func blocksOfIDs(t testing.TB, s *Store, blocks int) {
	t.Helper()
	for n := range blocks {
		sealedMessages(t, s, fmt.Sprintf("a/%d", n%3), idOf(n))
	}
}

func idOf(n int) string { return fmt.Sprintf("id%dx%d", n, n*7919) }

// wantIDs looks for the id of each block, and wants those that are left, each
// once.
func wantIDs(t *testing.T, s *Store, when string, left ...int) {
	t.Helper()
	want := make(map[int]int)
	for _, n := range left {
		want[n] = 1
	}
	for n := range 3 * joinedFilters {
		if got := findAll(t, s, textQuery(idOf(n))); len(got) != want[n] {
			t.Errorf("%s: %q is found %d times, want %d", when, idOf(n), len(got), want[n])
		}
	}
}

func blockNumbers(from, to int) (list []int) {
	for n := from; n < to; n++ {
		list = append(list, n)
	}
	return list
}

// filterFiles is how many files of one filter there are, and of several.
func filterFiles(t *testing.T, s *Store) [2]int {
	t.Helper()
	return [2]int{len(files.Glob(s.cfg.Dir, "days/*/*.filter")), len(files.Glob(s.cfg.Dir, "days/*/*"+joinedSuffix))}
}

// wantWholeFilters verifies a closed store: what it says of filters.
func wantWholeFilters(t *testing.T, cfg Config, filters int) {
	t.Helper()
	report, err := Verify(t.Context(), cfg, nil)
	if err != nil {
		t.Fatal(err)
	}
	if report.Filters != filters {
		t.Errorf("Verify has found %d filters, want %d", report.Filters, filters)
	}
	for _, f := range report.Findings {
		if strings.Contains(f.File, filter.Suffix) {
			t.Errorf("Verify has found %v", f)
		}
	}
}

func wantNoneRebuilt(t *testing.T, s *Store, when string) {
	t.Helper()
	if stats := s.Stats(); stats.RebuiltFilters+stats.IndexErrors > 0 {
		t.Errorf("stats %s = %+v, want no filter that was made again and no trouble", when, stats)
	}
}

func TestFiltersOfADayBecomeFewFiles(t *testing.T) {
	clock := newClock()
	cfg := Config{Dir: t.TempDir(), now: clock.now}
	s := openStore(t, cfg)
	const blocks = joinedFilters + joinFanIn + 3
	blocksOfIDs(t, s, blocks)
	if diff := cmp.Diff([2]int{3, 2}, filterFiles(t, s)); diff != "" {
		t.Errorf("files of the day that goes on (-want +got):\n%s", diff)
	}
	wantIDs(t, s, "joined", blockNumbers(0, blocks)...)
	wantNoneRebuilt(t, s, "joined")
	closeStore(t, s)
	wantWholeFilters(t, cfg, blocks)
	s = openStore(t, cfg)
	wantIDs(t, s, "after a restart", blockNumbers(0, blocks)...)
	wantNoneRebuilt(t, s, "after a restart")
	cfg.HeadEntries = 1 // so that blocks are not merged
	closeStore(t, s)
	clock.at = clock.at.Add(24 * time.Hour)
	s = openStore(t, cfg)
	keep(t, s)
	if diff := cmp.Diff([2]int{0, 2}, filterFiles(t, s)); diff != "" {
		t.Errorf("files of a day that is over (-want +got):\n%s", diff)
	}
	wantIDs(t, s, "when the day is over", blockNumbers(0, blocks)...)
	wantNoneRebuilt(t, s, "when the day is over")
}

func TestFileOfFiltersGoesWithTheLastOfItsBlocks(t *testing.T) {
	clock := newClock()
	cfg := Config{Dir: t.TempDir(), now: clock.now, KeepFor: time.Hour}
	s := openStore(t, cfg)
	blocksOfIDs(t, s, joinFanIn/2)
	clock.at = clock.at.Add(30 * time.Minute)
	for n := joinFanIn / 2; n < joinFanIn; n++ {
		sealedMessages(t, s, "a/b", idOf(n))
	}
	if diff := cmp.Diff([2]int{0, 1}, filterFiles(t, s)); diff != "" {
		t.Fatalf("files (-want +got):\n%s", diff)
	}
	clock.at = clock.at.Add(45 * time.Minute)
	keep(t, s)
	left := blockNumbers(joinFanIn/2, joinFanIn)
	wantIDs(t, s, "when half of the blocks are gone", left...)
	closeStore(t, s)
	wantWholeFilters(t, cfg, len(left))
	s = openStore(t, cfg)
	wantIDs(t, s, "after a restart", left...)
	wantNoneRebuilt(t, s, "after a restart")
	appendMessages(t, s, "c/d", "the day goes on")
	clock.at = clock.at.Add(45 * time.Minute)
	keep(t, s)
	if diff := cmp.Diff([2]int{0, 0}, filterFiles(t, s)); diff != "" {
		t.Errorf("files when all are gone (-want +got):\n%s", diff)
	}
}

func TestJoinedFiltersThatAreDamagedAreMadeAgain(t *testing.T) {
	blocks := blockNumbers(0, joinFanIn)
	for name, damage := range map[string]func(t *testing.T, path string){
		"head":    func(t *testing.T, path string) { flip(t, path, 20) },
		"chunk":   func(t *testing.T, path string) { flip(t, path, int(sizeOf(t, path))-10) },
		"cut":     damages["cut"],
		"empty":   damages["empty"],
		"missing": damages["missing"],
	} {
		t.Run(name, func(t *testing.T) {
			cfg := Config{Dir: t.TempDir(), now: newClock().now}
			s := openStore(t, cfg)
			blocksOfIDs(t, s, len(blocks))
			path := glob(t, cfg.Dir, "days/*/*"+joinedSuffix)[0]
			damage(t, path) // also of the store that is open
			wantIDs(t, s, "open", blocks...)
			closeStore(t, s)
			s = openStore(t, cfg)
			wantIDs(t, s, "opened again", blocks...)
			if err := s.Rebuild(t.Context(), nil); err != nil {
				t.Fatal(err)
			}
			keep(t, s)
			closeStore(t, s)
			if report, err := Verify(t.Context(), cfg, nil); err != nil || len(report.Findings) > 0 {
				t.Errorf("report after Rebuild = %+v, error %v; want no findings", report, err)
			}
		})
	}
}

func TestVerifyFindsWhatIsWrongWithJoinedFilters(t *testing.T) {
	for name, test := range map[string]struct {
		damage  func(t *testing.T, path string)
		derived bool
		what    string
	}{
		"a chunk": {func(t *testing.T, path string) { flip(t, path, int(sizeOf(t, path))-10) }, true, "filter is damaged"},
		"another block's filter": {func(t *testing.T, path string) {
			t.Helper()
			blocks := glob(t, strings.TrimSuffix(path, "/000001"+joinedSuffix), "*.block")
			one, err := os.ReadFile(blocks[0])
			if err == nil {
				err = os.WriteFile(blocks[1], one, 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
		}, true, "does not agree"},
		"a block that is missing": {func(t *testing.T, path string) {
			t.Helper()
			remove(t, glob(t, strings.TrimSuffix(path, "/000001"+joinedSuffix), "*.block")[2])
		}, false, "the block of this filter is missing"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := Config{Dir: t.TempDir(), now: newClock().now}
			s := openStore(t, cfg)
			blocksOfIDs(t, s, joinFanIn)
			closeStore(t, s)
			test.damage(t, glob(t, cfg.Dir, "days/*/*"+joinedSuffix)[0])
			report, err := Verify(t.Context(), cfg, nil)
			if err != nil {
				t.Fatal(err)
			}
			found := false
			for _, f := range report.Findings {
				found = found || strings.Contains(f.What, test.what) && f.Derived == test.derived
			}
			if !found {
				t.Errorf("findings = %v, want %q", report.Findings, test.what)
			}
		})
	}
}

func TestFilterThatACrashLeftInTwoFilesIsReadOnce(t *testing.T) {
	cfg := Config{Dir: t.TempDir(), now: newClock().now}
	s := openStore(t, cfg)
	blocksOfIDs(t, s, joinFanIn-1)
	closeStore(t, s)
	before := copyDir(t, cfg.Dir)
	s = openStore(t, cfg)
	sealedMessages(t, s, "a/b", idOf(joinFanIn-1))
	closeStore(t, s)
	for _, path := range glob(t, before, "days/*/*.filter") {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(cfg.Dir+strings.TrimPrefix(path, before), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s = openStore(t, cfg)
	if diff := cmp.Diff([2]int{0, 1}, filterFiles(t, s)); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	wantIDs(t, s, "after the crash", blockNumbers(0, joinFanIn)...)
	wantNoneRebuilt(t, s, "after the crash")
}

// TestSearchFindsFiltersThatAreJoinedMeanwhile has the place of a filter from
// before.
func TestSearchFindsFiltersThatAreJoinedMeanwhile(t *testing.T) {
	s := openStore(t, Config{Dir: t.TempDir(), now: newClock().now})
	blocksOfIDs(t, s, joinFanIn-1)
	d := s.allDays()[0]
	place := *d.blocks[0].filter.Load()
	sealedMessages(t, s, "a/b", idOf(joinFanIn-1))
	if _, err := s.readChunk(place.file, shape.Hash(idOf(0))); !os.IsNotExist(err) {
		t.Errorf("error = %v, want that the file is not there", err)
	}
	if stats := s.Stats(); stats.RebuiltFilters > 0 {
		t.Errorf("stats = %+v, want no filter that was made again", stats)
	}
	wantIDs(t, s, "joined", blockNumbers(0, joinFanIn)...)
	wantNoneRebuilt(t, s, "joined")
}

// syncedFilter is a file of filters of which a test looks when it is synced.
type syncedFilter struct {
	*os.File
	synced func()
}

func (f syncedFilter) Sync() error {
	f.synced()
	return f.File.Sync()
}

func TestFilterIsGivenUpForGoodBeforeItsBlockGoes(t *testing.T) {
	var victims []placed
	synced := 0
	cfg := Config{Dir: t.TempDir()}
	cfg.openToSync = func(path string) (syncCloser, error) {
		file, err := os.OpenFile(path, os.O_WRONLY, 0)
		return syncedFilter{file, func() {
			synced++
			for _, v := range victims {
				if _, err := os.Stat(v.path); err != nil {
					t.Errorf("the block went first: %v", err)
				}
			}
			if f, err := readFilterFile(nil, path); err != nil || f.kept != len(f.gone)-len(victims) {
				t.Errorf("the file that is synced has %d of %d filters, %v", f.kept, len(f.gone), err)
			}
		}}, err
	}
	s := openStore(t, cfg)
	blocksOfIDs(t, s, joinFanIn)
	victims = s.placedBlocks()[:2]
	s.letGo(victims)
	s.bury()
	if synced != 1 {
		t.Errorf("synced %d files, want the one of both", synced)
	}
	closeStore(t, s)
	report, err := Verify(t.Context(), cfg, nil)
	if err != nil || slices.ContainsFunc(report.Findings, func(f Finding) bool { return !f.Derived }) {
		t.Errorf("%v, %v", err, report.Findings)
	}
}
