package index

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
)

var importNow = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func importConfig(t *testing.T) Config {
	return Config{Dir: t.TempDir(), HeadEntries: 16, RingEntries: 8, now: func() time.Time { return importNow }}
}

func stateOf(text string) func(ImportResult) (json.RawMessage, error) {
	return func(ImportResult) (json.RawMessage, error) { return json.RawMessage(text), nil }
}

func importEntries(t testing.TB, s *Store, id string, entries []Entry) ImportResult {
	t.Helper()
	result, err := s.Import(t.Context(), ImportBatch{ID: id, State: stateOf(`"` + id + `"`), Entries: entries})
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// shownOrder sorts as searches do, oldest first: imported entries before the
// first live one of their day or a later one.
func shownOrder(all []Entry) {
	firsts := make(map[int64]uint64)
	for i := range all {
		if n := dayNumber(all[i].Received); !Imported(all[i].Seq) && (firsts[n] == 0 || all[i].Seq < firsts[n]) {
			firsts[n] = all[i].Seq
		}
	}
	place := func(e Entry) uint64 {
		if !Imported(e.Seq) {
			return e.Seq
		}
		lowest := uint64(importedBit)
		for n, first := range firsts {
			if n >= importedSecond(e.Seq)/secondsPerDay {
				lowest = min(lowest, first)
			}
		}
		return lowest
	}
	rank := func(e Entry) int {
		if Imported(e.Seq) {
			return 0
		}
		return 1
	}
	slices.SortFunc(all, func(a, b Entry) int {
		return cmp.Or(cmp.Compare(place(a), place(b)), cmp.Compare(rank(a), rank(b)), cmp.Compare(a.Seq, b.Seq))
	})
}

// mixed fills a store with live and imported entries of some days, and returns
// all of them in the order of searches.
func mixed(t *testing.T, s *Store, r *rand.Rand) []Entry {
	var model []Entry
	live := importNow.Add(-72 * time.Hour)
	for round := range 40 {
		batch := make([]Entry, 1+r.IntN(20))
		for i := range batch {
			batch[i] = Entry{Severity: Severity(r.IntN(8)), Instance: fmt.Sprintf("s/%d", r.IntN(3)), Message: randomMessage(r)}
		}
		if r.IntN(3) == 0 {
			at := importNow.Add(-time.Duration(r.IntN(8*24)) * time.Hour)
			for i := range batch {
				at = at.Add(time.Duration(r.IntN(3000)-200) * time.Millisecond)
				batch[i].Received, batch[i].Time = at, at
			}
			importEntries(t, s, fmt.Sprintf("file-%d", round), batch)
			// Import sets the Seqs of what it keeps.
			model = append(model, importedNow(t, s, model)...)
			continue
		}
		for i := range batch {
			live = live.Add(time.Duration(r.IntN(600)) * time.Second)
			batch[i].Received = live
		}
		if err := s.Append(batch); err != nil {
			t.Fatal(err)
		}
		model = append(model, batch...)
		if round%3 == 0 {
			s.sealNext()
		}
	}
	shownOrder(model)
	return model
}

// importedNow are the imported entries that are not known yet.
func importedNow(t *testing.T, s *Store, known []Entry) (fresh []Entry) {
	t.Helper()
	seqs := make(map[uint64]bool)
	for i := range known {
		seqs[known[i].Seq] = true
	}
	err := s.Export(t.Context(), ExportRequest{}, func(entries []Entry) error {
		for _, e := range entries {
			if Imported(e.Seq) && !seqs[e.Seq] {
				fresh = append(fresh, e)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return fresh
}

func TestSearchPagesThroughImportedAndLiveWithoutSkipOrRepeat(t *testing.T) {
	for seed := range uint64(4) {
		r := rand.New(rand.NewPCG(7, seed))
		s := openStore(t, importConfig(t))
		model := mixed(t, s, r)
		early := 0
		for _, query := range []Query{{}, textQuery("ab"), textQuery("severity:err"), InstanceQuery("s/1"), textQuery("/time(out)?/")} {
			for _, order := range []Order{NewestFirst, OldestFirst} {
				for _, within := range []time.Duration{0, 1} {
					var want []Entry
					for i := range model {
						if query.Match(&model[i]) {
							want = append(want, model[i])
						}
					}
					if order == NewestFirst {
						slices.Reverse(want)
					}
					got, hurried := pageThrough(t, s, SearchRequest{Query: query, Order: order, Limit: 1 + r.IntN(30), Within: within})
					early += hurried
					if diff := gocmp.Diff(seqsOf(want), seqsOf(got)); diff != "" {
						t.Fatalf("search %v in order %d within %v (-want +got):\n%s", query.Terms(), order, within, diff)
					}
				}
			}
		}
		if early == 0 {
			t.Error("no search ended early")
		}
		if diff := gocmp.Diff(model, exportAll(t, s, ExportRequest{}), sameEntry); diff != "" {
			t.Errorf("export (-want +got):\n%s", diff)
		}
	}
}

func pageThrough(t *testing.T, s *Store, req SearchRequest) (got []Entry, early int) {
	t.Helper()
	for {
		result, err := s.Search(t.Context(), req)
		if err != nil || len(result.Entries) > req.Limit {
			t.Fatalf("search %+v: %d entries, error %v", req, len(result.Entries), err)
		}
		got = append(got, result.Entries...)
		if !result.More {
			return got, early
		}
		next := result.Reached.Seq
		if next == 0 {
			next = result.Entries[len(result.Entries)-1].Seq
		} else {
			early++
		}
		if req.Before == next || req.After == next {
			t.Fatalf("search %+v goes on from where it began", req)
		}
		if req.Order == NewestFirst {
			req.Before = next
		} else {
			req.After = next
		}
	}
}

func TestImportedEntriesAreOfTheirDays(t *testing.T) {
	cfg := importConfig(t)
	s := openStore(t, cfg)
	r := rand.New(rand.NewPCG(1, 2))
	model := mixed(t, s, r)
	check := func(s *Store) {
		t.Helper()
		h, err := s.Histogram(t.Context(), HistogramRequest{
			From: importNow.Add(-9 * 24 * time.Hour), To: importNow.Add(24 * time.Hour), Buckets: 11,
		})
		if err != nil {
			t.Fatal(err)
		}
		want := make(map[int64]uint64)
		for i := range model {
			want[dayNumber(model[i].Received)]++
		}
		for _, b := range h.Buckets {
			if got := b.Total; got != want[dayNumber(b.Time)] {
				t.Errorf("%s has %d entries, want %d", b.Time.Format(dayLayout), got, want[dayNumber(b.Time)])
			}
		}
		for _, e := range model {
			result, err := s.Context(t.Context(), ContextRequest{Seq: e.Seq, Before: 3, After: 3})
			if err != nil {
				t.Fatal(err)
			}
			var same []Entry
			for _, other := range model {
				if other.Instance == e.Instance {
					same = append(same, other)
				}
			}
			at := slices.IndexFunc(same, func(other Entry) bool { return other.Seq == e.Seq })
			if diff := gocmp.Diff(seqsOf(same[max(0, at-3):min(len(same), at+4)]), seqsOf(result.Entries)); diff != "" {
				t.Fatalf("context of %d (-want +got):\n%s", e.Seq, diff)
			}
		}
		if err := s.keep(t.Context()); err != nil { // merges
			t.Fatal(err)
		}
		if diff := gocmp.Diff(model, exportAll(t, s, ExportRequest{}), sameEntry); diff != "" {
			t.Fatalf("export (-want +got):\n%s", diff)
		}
		if err := s.Rebuild(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		report, err := s.Verify(t.Context(), nil)
		if err != nil || report.Err() != nil {
			t.Errorf("verify: %v, %v, %v", report.Findings, report.Err(), err)
		}
	}
	check(s)
	last := s.LastSeq()
	closeStore(t, s)
	s = openStore(t, cfg)
	if got := s.LastSeq(); got != last || Imported(got) {
		t.Errorf("the last Seq is %d after a start, was %d", got, last)
	}
	check(s)
}

func TestFollowersSeeNothingImported(t *testing.T) {
	cfg := importConfig(t)
	cfg.RingEntries = 4
	s := openStore(t, cfg)
	r := rand.New(rand.NewPCG(3, 4))
	model := mixed(t, s, r)
	var want []uint64
	for i := range model {
		if !Imported(model[i].Seq) {
			want = append(want, model[i].Seq)
		}
	}
	slices.Sort(want)
	var got []uint64
	errDone := errors.New("done")
	err := s.Follow(t.Context(), FollowRequest{}, func(b FollowBatch) error {
		if b.Gap.Count > 0 {
			t.Errorf("gap %+v", b.Gap)
		}
		got = append(got, seqsOf(b.Entries)...)
		if len(got) >= len(want) {
			return errDone
		}
		return nil
	})
	if !errors.Is(err, errDone) {
		t.Fatal(err)
	}
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("followed (-want +got):\n%s", diff)
	}
}

func importLines(at time.Time, instance string, n int) []Entry {
	entries := make([]Entry, n)
	for i := range entries {
		entries[i] = Entry{Received: at.Add(time.Duration(i) * time.Second), Instance: instance, Message: fmt.Sprintf("line %d", i)}
	}
	return entries
}

func TestImportLeavesOutWhatRetentionWouldDelete(t *testing.T) {
	cfg := importConfig(t)
	cfg.KeepFor = 3 * 24 * time.Hour
	cfg.Keep = []KeepRule{{Instances: "*/long", For: 30 * 24 * time.Hour}}
	now := importNow
	cfg.now = func() time.Time { return now }
	s := openStore(t, cfg)
	appendMessages(t, s, "a/short", "live")
	old := importEntries(t, s, "a", importLines(importNow.Add(-4*24*time.Hour), "a/short", 5))
	long := importEntries(t, s, "b", importLines(importNow.Add(-4*24*time.Hour), "a/long", 5))
	fresh := importEntries(t, s, "c", importLines(importNow.Add(-2*24*time.Hour), "a/short", 5))
	if old.Kept != 0 || old.TooOld != 5 || long.Kept != 5 || fresh.Kept != 5 {
		t.Errorf("results are %+v, %+v, %+v", old, long, fresh)
	}
	if err := s.keep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := len(exportAll(t, s, ExportRequest{})); got != 11 {
		t.Errorf("%d entries are kept, want 11", got)
	}
	now = now.Add(2 * 24 * time.Hour)
	if err := s.keep(t.Context()); err != nil {
		t.Fatal(err)
	}
	var left []string
	for _, e := range exportAll(t, s, ExportRequest{}) {
		left = append(left, e.Instance)
	}
	if diff := gocmp.Diff([]string{"a/long", "a/long", "a/long", "a/long", "a/long", "a/short"}, left); diff != "" {
		t.Errorf("kept after two days (-want +got):\n%s", diff)
	}
}

func TestPurgeDeletesWhatWasImportedAndItCanComeAgain(t *testing.T) {
	cfg := importConfig(t)
	s := openStore(t, cfg)
	mixed(t, s, rand.New(rand.NewPCG(5, 6)))
	lines := importLines(importNow.Add(-50*time.Hour), "s/1", 40)
	importEntries(t, s, "again", lines)
	before := len(exportAll(t, s, ExportRequest{Query: InstanceQuery("s/0", "s/2")}))
	report, err := s.Purge(t.Context(), PurgeRequest{Instance: "s/1"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := exportAll(t, s, ExportRequest{Query: InstanceQuery("s/1")}); len(got) > 0 || report.Deleted.Entries == 0 {
		t.Errorf("%d entries are left, %d deleted", len(got), report.Deleted.Entries)
	}
	if got := len(exportAll(t, s, ExportRequest{})); got != before {
		t.Errorf("%d entries of others are left, want %d", got, before)
	}
	importEntries(t, s, "again", lines)
	if got := exportAll(t, s, ExportRequest{Query: InstanceQuery("s/1")}); len(got) != 40 {
		t.Errorf("%d entries after another import, want 40", len(got))
	}
	closeStore(t, s)
	s = openStore(t, cfg)
	if got := exportAll(t, s, ExportRequest{Query: InstanceQuery("s/1")}); len(got) != 40 {
		t.Errorf("%d entries after a start, want 40", len(got))
	}
}

// copyStore is the folder as a crash would leave it.
func copyStore(t *testing.T, dir string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "copy")
	if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	return to
}

func TestCrashInAnImportLosesNothingAndRepeatsNothing(t *testing.T) {
	cfg := importConfig(t)
	var crashes []string
	cfg.atImport = func(string) { crashes = append(crashes, copyStore(t, cfg.Dir)) }
	s := openStore(t, cfg)
	appendMessages(t, s, "s/1", "live")
	batches := [][]Entry{
		importLines(importNow.Add(-50*time.Hour), "s/1", 40), importLines(importNow.Add(-49*time.Hour), "s/1", 40),
		importLines(importNow.Add(-49*time.Hour), "s/2", 3),
	}
	for i, batch := range batches {
		if _, err := s.Import(t.Context(), ImportBatch{ID: "f", State: stateOf(fmt.Sprint(i + 1)), Entries: batch}); err != nil {
			t.Fatal(err)
		}
	}
	want := exportAll(t, s, ExportRequest{Query: textQuery("line")})
	if len(want) != 83 || len(crashes) < 12 {
		t.Fatalf("%d entries, %d places to crash", len(want), len(crashes))
	}
	for _, dir := range crashes {
		again := cfg
		again.Dir, again.atImport = dir, nil
		s := openStore(t, again)
		done := 0
		states, err := s.Imports()
		if err != nil {
			t.Fatal(err)
		}
		for _, state := range states {
			if err := json.Unmarshal(state.State, &done); err != nil {
				t.Fatal(err)
			}
		}
		for i, batch := range batches[done:] {
			if _, err := s.Import(t.Context(), ImportBatch{ID: "f", State: stateOf(fmt.Sprint(done + i + 1)), Entries: batch}); err != nil {
				t.Fatal(err)
			}
		}
		if diff := gocmp.Diff(want, exportAll(t, s, ExportRequest{Query: textQuery("line")}), sameEntry); diff != "" {
			t.Fatalf("after a crash with %d of %d batches (-want +got):\n%s", done, len(batches), diff)
		}
		closeStore(t, s)
	}
}

func TestFailedImportLeavesNothingAndIsTriedAgain(t *testing.T) {
	cfg := importConfig(t)
	full := errors.New("no space left on device")
	failing := false
	written := 0
	cfg.writeFile = func(path string, data []byte) error {
		if written++; failing && written > 2 {
			return full
		}
		return os.WriteFile(path, data, 0o640)
	}
	s := openStore(t, cfg)
	failing = true
	lines := importLines(importNow.Add(-50*time.Hour), "s/1", 60)
	if _, err := s.Import(t.Context(), ImportBatch{ID: "f", State: stateOf(`1`), Entries: lines}); !errors.Is(err, full) {
		t.Fatalf("error = %v, want %v", err, full)
	}
	if states, err := s.Imports(); err != nil || len(states) > 0 {
		t.Errorf("states are %v, %v", states, err)
	}
	if got := exportAll(t, s, ExportRequest{}); len(got) > 0 {
		t.Errorf("%d entries of a failed import", len(got))
	}
	failing = false
	importEntries(t, s, "f", lines)
	if got := exportAll(t, s, ExportRequest{}); len(got) != 60 {
		t.Errorf("%d entries, want 60", len(got))
	}
}

func TestMoreThanASecondHasNumbersForGoOn(t *testing.T) {
	s := openStore(t, Config{Dir: t.TempDir(), now: func() time.Time { return importNow }})
	at := importNow.Add(-time.Hour)
	entries := make([]Entry, importedPerSecond+10)
	for i := range entries {
		entries[i] = Entry{Received: at, Instance: "s/1", Message: "x"}
	}
	if err := s.numberImported(entries); err != nil {
		t.Fatal(err)
	}
	for i := range entries[1:] {
		if entries[i].Seq >= entries[i+1].Seq {
			t.Fatalf("entry %d has Seq %d, the next %d", i, entries[i].Seq, entries[i+1].Seq)
		}
	}
}

func TestBackupKnowsWhatWasImported(t *testing.T) {
	cfg := importConfig(t)
	s := openStore(t, cfg)
	first, second := importLines(importNow.Add(-50*time.Hour), "s/1", 40), importLines(importNow.Add(-49*time.Hour), "s/1", 40)
	importEntries(t, s, "f", first)
	dir, report := backUp(t, s)
	if len(report.Findings) > 0 {
		t.Errorf("findings %v", report.Findings)
	}
	importEntries(t, s, "f", second)
	again := cfg
	again.Dir = dir
	restored := openStore(t, again)
	states, err := restored.Imports()
	if err != nil || len(states) != 1 || string(states[0].State) != `"f"` {
		t.Errorf("states are %s, %v", states, err)
	}
	importEntries(t, restored, "f", second)
	if diff := gocmp.Diff(exportAll(t, s, ExportRequest{}), exportAll(t, restored, ExportRequest{}), sameEntry); diff != "" {
		t.Errorf("entries (-want +got):\n%s", diff)
	}
}

func TestImportBesideEverythingElse(t *testing.T) {
	cfg := importConfig(t)
	cfg.SegmentBytes = 4 << 10
	s := openStore(t, cfg)
	ctx, cancel := context.WithCancel(t.Context())
	var others sync.WaitGroup
	work := func(do func(i int) error) {
		others.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				if err := do(i); err != nil && ctx.Err() == nil {
					t.Error(err)
					return
				}
			}
		})
	}
	live := 0
	work(func(i int) error {
		live++
		s.sealNext()
		return s.Append([]Entry{{Received: importNow.Add(time.Duration(i) * time.Millisecond), Instance: fmt.Sprintf("s/%d", i%3), Message: "live"}})
	})
	work(func(int) error { return s.keep(ctx) })
	work(func(int) error {
		_, err := s.Search(ctx, SearchRequest{Query: textQuery("line"), Limit: 50})
		return err
	})
	const files, batches, perBatch = 3, 8, 40
	var imports sync.WaitGroup
	for file := range files {
		imports.Go(func() {
			for batch := range batches {
				at := importNow.Add(-time.Duration(96-12*batch) * time.Hour)
				b := ImportBatch{ID: fmt.Sprint("file-", file), State: stateOf(fmt.Sprint(batch)), Entries: importLines(at, fmt.Sprintf("s/%d", file%2), perBatch)}
				if _, err := s.Import(ctx, b); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	imports.Wait()
	cancel()
	others.Wait()
	check := func() {
		t.Helper()
		all := exportAll(t, s, ExportRequest{})
		seqs := make(map[uint64]bool)
		imported := 0
		for _, e := range all {
			seqs[e.Seq] = true
			if Imported(e.Seq) {
				imported++
			}
		}
		if imported != files*batches*perBatch || len(all)-imported != live || len(seqs) != len(all) {
			t.Errorf("%d imported, %d live and %d Seqs of %d; want %d and %d", imported, len(all)-imported, len(seqs), len(all), files*batches*perBatch, live)
		}
	}
	check()
	closeStore(t, s)
	s = openStore(t, cfg)
	check()
}

func TestImportWaitsUntilAPurgeIsFinished(t *testing.T) {
	cfg := importConfig(t)
	s := openStore(t, cfg)
	if err := writePurge(cfg.Dir, purge{Instance: "s/1", UpTo: 7, Imports: true}); err != nil {
		t.Fatal(err)
	}
	_, err := s.Import(t.Context(), ImportBatch{ID: "f", State: stateOf("1"), Entries: importLines(importNow, "s/1", 1)})
	if err == nil || !strings.Contains(err.Error(), "a purge is not finished") {
		t.Errorf("error %v", err)
	}
	for _, id := range []string{"", "../x", "A"} {
		if _, err := s.Import(t.Context(), ImportBatch{ID: id, State: stateOf("1")}); err == nil {
			t.Errorf("the name %q is taken", id)
		}
	}
}
