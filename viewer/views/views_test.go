package views

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func open(t *testing.T, path string) *Store {
	t.Helper()
	s, err := Open(path, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestViewsAreSeenByTheirScopeAndOutliveARestart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "views.json")
	s := open(t, path)
	for _, v := range []View{
		{Team, "errors", "ann", "?q=severity>=err"}, {Mine, "慢查询", "ann", "?q=slow"}, {Mine, "慢查询", "bob", "?q=took>1s"},
	} {
		if err := s.Put(v, false); err != nil {
			t.Fatal(err)
		}
	}
	want := []View{{Mine, "慢查询", "bob", "?q=took>1s"}, {Team, "errors", "ann", "?q=severity>=err"}}
	if diff := cmp.Diff(want, open(t, path).List("bob")); diff != "" {
		t.Errorf("bob sees (-want +got):\n%s", diff)
	}
	files, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(files) != 1 {
		t.Errorf("the folder has %v (%v), want the one file", files, err)
	}
}

func TestOnlyTheMakerAndAnAdminChangeAView(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "views.json"))
	if err := s.Put(View{Team, "errors", "ann", "?q=a"}, false); err != nil {
		t.Fatal(err)
	}
	if err := s.Put(View{Team, "errors", "bob", "?q=b"}, false); !errors.Is(err, ErrNotYours) {
		t.Errorf("bob changes it: %v", err)
	}
	if err := s.Delete(View{Team, "errors", "bob", ""}, false); !errors.Is(err, ErrNotYours) {
		t.Errorf("bob deletes it: %v", err)
	}
	if err := s.Put(View{Team, "errors", "root", "?q=c"}, true); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff([]View{{Team, "errors", "ann", "?q=c"}}, s.List("bob")); diff != "" {
		t.Errorf("an admin's change (-want +got):\n%s", diff)
	}
	if err := s.Delete(View{Team, "errors", "root", ""}, true); err != nil {
		t.Error(err)
	}
	if err := s.Delete(View{Team, "errors", "ann", ""}, false); !errors.Is(err, ErrNoView) {
		t.Errorf("deleting it again: %v", err)
	}
}

func TestHostileViewsAreRefused(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "views.json"))
	for _, name := range []string{"", " a", "a/b", `a\b`, "..", "a\x00b", "a\nb", "\u202ea", "\xff", strings.Repeat("x", MaxNameRunes+1)} {
		if err := s.Put(View{Mine, name, "ann", ""}, false); !errors.Is(err, ErrInvalid) {
			t.Errorf("name %q: %v", name, err)
		}
	}
	for _, search := range []string{"q=a", "?" + strings.Repeat("x", MaxSearchBytes), "?\xff"} {
		if err := s.Put(View{Mine, "a", "ann", search}, false); !errors.Is(err, ErrInvalid) {
			t.Errorf("search %.20q: %v", search, err)
		}
	}
	if err := s.Put(View{"all", "a", "ann", ""}, false); !errors.Is(err, ErrInvalid) {
		t.Errorf("scope all: %v", err)
	}
	if got := s.List("ann"); len(got) != 0 {
		t.Errorf("kept %v", got)
	}
}

func TestThereIsABoundToThePersonalViews(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "views.json"))
	for i := range MaxMine {
		s.views = append(s.views, View{Mine, fmt.Sprint(i), "ann", ""})
	}
	if err := s.Put(View{Mine, "more", "ann", ""}, false); !errors.Is(err, ErrFull) {
		t.Errorf("one more: %v", err)
	}
	if err := s.Put(View{Mine, "7", "ann", "?q=a"}, false); err != nil {
		t.Errorf("changing one: %v", err)
	}
	if err := s.Put(View{Mine, "first", "bob", ""}, false); err != nil {
		t.Errorf("somebody else's: %v", err)
	}
}

func TestConcurrentWritesAreAllKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "views.json")
	s := open(t, path)
	var wg sync.WaitGroup
	for i := range 32 {
		wg.Go(func() {
			if err := s.Put(View{Team, fmt.Sprint(i), "ann", ""}, false); err != nil {
				t.Error(err)
			}
			s.List("bob")
		})
	}
	wg.Wait()
	if got := len(open(t, path).List("bob")); got != 32 {
		t.Errorf("%d views after a restart, want 32", got)
	}
}

func TestADamagedFileIsKeptAsideAndSaidOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "views.json")
	for n, damage := range []string{`[{"scope":"me","na`, `[{"scope":"all","name":"a"}]`, ""} {
		if err := os.WriteFile(path, []byte(damage), 0o600); err != nil {
			t.Fatal(err)
		}
		var log bytes.Buffer
		s, err := Open(path, slog.New(slog.NewTextHandler(&log, nil)))
		if err != nil {
			t.Fatal(err)
		}
		if got := s.List("ann"); len(got) != 0 || strings.Count(log.String(), "level=WARN") != 1 {
			t.Errorf("%q: %v, logged %s", damage, got, &log)
		}
		kept, err := os.ReadFile(fmt.Sprintf("%s.damaged-%d", path, n+1))
		if err != nil || string(kept) != damage {
			t.Errorf("%q: kept %q (%v)", damage, kept, err)
		}
		if err := s.Put(View{Mine, "a", "ann", ""}, false); err != nil {
			t.Error(err)
		}
	}
}

func TestWhatCannotBeWrittenIsNotKept(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "gone")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	s := open(t, filepath.Join(dir, "views.json"))
	if err := os.Remove(dir); err != nil {
		t.Fatal(err)
	}
	if err := s.Put(View{Mine, "a", "ann", ""}, false); err == nil || len(s.List("ann")) != 0 {
		t.Errorf("Put = %v, and keeps %v", err, s.List("ann"))
	}
}
