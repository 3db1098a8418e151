package index

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func exportAll(t testing.TB, s *Store, req ExportRequest) []Entry {
	t.Helper()
	var got []Entry
	err := s.Export(t.Context(), req, func(batch []Entry) error {
		if len(batch) == 0 || len(batch) > exportBatch {
			t.Errorf("%d entries in a batch", len(batch))
		}
		got = append(got, batch...)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestExportEqualsAScanForRandomQueriesAndRanges(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 10))
	s := openStore(t, Config{Dir: t.TempDir(), HeadEntries: 50})
	start := time.Date(2026, 11, 22, 23, 59, 50, 0, time.UTC)
	var all []Entry
	for range 40 {
		batch := make([]Entry, 1+r.IntN(30))
		for i := range batch {
			batch[i] = Entry{
				Received: start.Add(time.Duration(r.IntN(20_000)) * time.Millisecond), Severity: Severity(r.IntN(8)),
				Instance: fmt.Sprintf("s/%d", r.IntN(5)), Message: randomMessage(r),
			}
		}
		if err := s.Append(batch); err != nil {
			t.Fatal(err)
		}
		all = append(all, batch...)
		s.sealNext()
	}
	queries := testQueries()
	for range 200 {
		req := ExportRequest{Query: combinedQuery(r, queries, 1)}
		if r.IntN(2) == 0 {
			req.From = start.Add(time.Duration(r.IntN(20_000)) * time.Millisecond)
		}
		if r.IntN(2) == 0 {
			req.To = start.Add(time.Duration(r.IntN(20_000)) * time.Millisecond)
		}
		want := slices.DeleteFunc(slices.Clone(all), func(e Entry) bool {
			return !req.Query.Match(&e) || !req.From.IsZero() && e.Received.Before(req.From) || !req.To.IsZero() && !e.Received.Before(req.To)
		})
		if diff := cmp.Diff(seqsOf(want), seqsOf(exportAll(t, s, req))); diff != "" {
			t.Fatalf("%s: seqs (-want +got):\n%s", req.Query, diff)
		}
	}
	if diff := cmp.Diff(all, exportAll(t, s, ExportRequest{}), sameEntry); diff != "" {
		t.Errorf("entries (-want +got):\n%s", diff)
	}
}

func seqsOf(entries []Entry) []uint64 {
	var seqs []uint64
	for i := range entries {
		seqs = append(seqs, entries[i].Seq)
	}
	return seqs
}

func TestExportEndsAtTheEntryThatWasTheLastWhenItBegan(t *testing.T) {
	s := openStore(t, Config{Dir: t.TempDir()})
	appendMessages(t, s, "a/b", slices.Repeat([]string{"before"}, 3*exportBatch)...)
	got := 0
	err := s.Export(t.Context(), ExportRequest{}, func(batch []Entry) error {
		got += len(batch)
		appendMessages(t, s, "a/b", "after", "after")
		sealAll(t, s)
		return nil
	})
	if err != nil || got != 3*exportBatch {
		t.Errorf("%d entries, error %v, want %d", got, err, 3*exportBatch)
	}
}

func TestExportEndsWithItsReaderItsContextAndTheStore(t *testing.T) {
	s := openStore(t, Config{Dir: t.TempDir()})
	appendMessages(t, s, "a/b", slices.Repeat([]string{"x"}, 3*exportBatch)...)
	sealAll(t, s)
	gone := errors.New("the reader has left")
	batches := 0
	err := s.Export(t.Context(), ExportRequest{}, func([]Entry) error { batches++; return gone })
	if !errors.Is(err, gone) || batches != 1 {
		t.Errorf("error = %v after %d batches, want %v after 1", err, batches, gone)
	}
	ctx, cancel := context.WithCancel(t.Context())
	batches = 0
	err = s.Export(ctx, ExportRequest{}, func([]Entry) error { batches++; cancel(); return nil })
	if !errors.Is(err, context.Canceled) || batches != 1 {
		t.Errorf("error = %v after %d batches, want %v after 1", err, batches, context.Canceled)
	}
	batches = 0
	err = s.Export(t.Context(), ExportRequest{}, func([]Entry) error { batches++; closeStore(t, s); return nil })
	if !errors.Is(err, ErrClosed) || batches != 1 {
		t.Errorf("error = %v after %d batches, want %v after 1", err, batches, ErrClosed)
	}
}

func TestASlowReaderOfAnExportHoldsNoSlot(t *testing.T) {
	s := openStore(t, Config{Dir: t.TempDir()})
	appendMessages(t, s, "a/b", "one")
	err := s.Export(t.Context(), ExportRequest{}, func([]Entry) error {
		if n := len(s.slots); n != 0 {
			t.Errorf("%d slots are taken while the reader reads", n)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func TestMemoryOfAnExportDoesNotGrowWithTheInstances(t *testing.T) {
	const instances, perBlock = 60, 2000
	s := openStore(t, Config{Dir: t.TempDir(), RingEntries: 1, HeadEntries: perBlock})
	for n := range perBlock {
		batch := make([]Entry, instances)
		for i := range batch {
			batch[i] = Entry{Instance: fmt.Sprintf("s/%d", i), Message: fmt.Sprintf("%d %s", n, strings.Repeat("x", 300))}
		}
		if err := s.Append(batch); err != nil {
			t.Fatal(err)
		}
	}
	sealAll(t, s)
	var before, during runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	last, total, most := uint64(0), 0, int64(0)
	err := s.Export(t.Context(), ExportRequest{}, func(batch []Entry) error {
		if total%(100*exportBatch) == 0 {
			runtime.GC()
			runtime.ReadMemStats(&during)
			most = max(most, int64(during.HeapAlloc)-int64(before.HeapAlloc))
		}
		for i := range batch {
			if batch[i].Seq != last+1 {
				t.Fatalf("seq %d follows %d", batch[i].Seq, last)
			}
			last = batch[i].Seq
		}
		total += len(batch)
		return nil
	})
	if err != nil || total != instances*perBlock {
		t.Fatalf("%d entries, error %v, want %d", total, err, instances*perBlock)
	}
	// All entries would take 66 MB. Beside those that are held there is the block
	// that is read.
	if most > 48<<20 {
		t.Errorf("%d bytes were held, want at most 48 MiB", most)
	}
}
