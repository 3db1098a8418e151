package main

import (
	"errors"
	"fmt"
	"log/slog"
	"testing"

	"github.com/tagtail/tagtail/index"
)

func TestASendersNewestEntriesAreRecalledPageByPage(t *testing.T) {
	store, err := index.Open(index.Config{Dir: t.TempDir(), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	}()
	const count = 2*recallPage + 10
	for i := range count {
		err = errors.Join(err, store.Append([]index.Entry{
			{Input: "relp://:1", Source: "a", Message: fmt.Sprint(i)}, {Input: "relp://:1", Source: "b", Message: "other"},
		}))
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, limit := range []int{0, 1, recallPage, recallPage + 1, 2 * recallPage, count, count + 1, 10 * count} {
		next := count
		err := recaller{store}.Recall(t.Context(), "relp://:1", "a", limit, func(e *index.Entry) {
			if next--; e.Source != "a" || e.Message != fmt.Sprint(next) {
				t.Fatalf("got %q of %s, want %d", e.Message, e.Source, next)
			}
		})
		if got, want := count-next, min(limit, count); err != nil || got != want {
			t.Errorf("got %d entries of %d, %v", got, want, err)
		}
	}
}
