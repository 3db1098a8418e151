package release

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// sha40 is a commit's name that differs in the first digits.
func sha40(n int) string { return fmt.Sprintf("%07x%033d", n, 0) }

func newStore(t *testing.T) (*Store, string) {
	t.Helper()
	prefix := t.TempDir()
	return Open(filepath.Join(prefix, "releases"), filepath.Join(prefix, "src")), prefix
}

// put makes a whole release whose only file holds text.
func put(t *testing.T, s *Store, r Release, text string) Release {
	t.Helper()
	r = begin(t, s, r, text)
	if _, err := s.Switch(r); err != nil {
		t.Fatal(err)
	}
	r.Switched, r.Result = true, Succeeded
	if err := s.Finish(r); err != nil {
		t.Fatal(err)
	}
	return r
}

func begin(t *testing.T, s *Store, r Release, text string) Release {
	t.Helper()
	if r.Kind == "" {
		r.Kind = Deploy
	}
	r, err := s.Begin(r)
	if err != nil {
		t.Fatal(err)
	}
	tree, err := s.Tree(r)
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Close()
	if err := tree.WriteFile("main.lua", []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return r
}

func list(t *testing.T, s *Store) string {
	t.Helper()
	all, err := s.List()
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, r := range all {
		fmt.Fprintf(&b, "%d %s", r.Number, r.Result)
		if r.Live {
			b.WriteString(" live")
		}
		if r.Kept {
			b.WriteString(" kept")
		}
		b.WriteString("\n")
	}
	return b.String()
}

func liveText(t *testing.T, prefix string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(prefix, "src", "main.lua"))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestReleasesAreNumberedAndSwitchedByALink(t *testing.T) {
	s, prefix := newStore(t)
	if got := list(t, s); got != "" {
		t.Errorf("got %q, want no releases", got)
	}
	one := put(t, s, Release{SHA: sha40(1), By: "ann"}, "one")
	two := put(t, s, Release{SHA: sha40(2), By: "ann"}, "two")
	if one.Number != 1 || two.Number != 2 || two.Parent != 1 || liveText(t, prefix) != "two" {
		t.Errorf("got %+v and %+v", one, two)
	}
	if target, err := os.Readlink(filepath.Join(prefix, "src")); err != nil || target != "releases/000002-0000002/src" {
		t.Errorf("got the link %q, %v", target, err)
	}
	if got := list(t, s); got != "2 succeeded live kept\n1 succeeded kept\n" {
		t.Errorf("got %s", got)
	}
}

func TestAFolderInTheLinksPlaceIsKept(t *testing.T) {
	s, prefix := newStore(t)
	if err := os.Mkdir(filepath.Join(prefix, "src"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(prefix, "src/old.lua"), []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	r := begin(t, s, Release{SHA: sha40(1)}, "new")
	moved, err := s.Switch(r)
	if err != nil || liveText(t, prefix) != "new" {
		t.Fatalf("got %q, %v", moved, err)
	}
	if b, err := os.ReadFile(filepath.Join(moved, "old.lua")); err != nil || string(b) != "old" {
		t.Errorf("the folder is lost: %v", err)
	}
}

func TestOldTreesAndRecordsGoAndNeverTheLiveOneAndItsParent(t *testing.T) {
	s, prefix := newStore(t)
	put(t, s, Release{SHA: sha40(1)}, "one")
	put(t, s, Release{SHA: sha40(2)}, "two")
	for n := 3; n <= KeepRecords+5; n++ { // none of them gets live
		r := begin(t, s, Release{SHA: sha40(n)}, "never")
		r.Result, r.Switched = Failed, true // and all keep their trees
		if err := s.Finish(r); err != nil {
			t.Fatal(err)
		}
	}
	all, err := s.List()
	if err != nil {
		t.Fatal(err)
	}
	trees := 0
	for _, r := range all {
		if r.Kept {
			trees++
		}
	}
	if len(all) != KeepRecords+2 || trees != KeepTrees+2 {
		t.Errorf("got %d records and %d trees, want %d and %d", len(all), trees, KeepRecords+2, KeepTrees+2)
	}
	if last := all[len(all)-2:]; !last[0].Live || !last[0].Kept || last[1].Number != 1 || !last[1].Kept || liveText(t, prefix) != "two" {
		t.Errorf("got %+v", last)
	}
	r := begin(t, s, Release{SHA: sha40(99)}, "refused")
	r.Result = Failed
	if err := s.Finish(r); err != nil {
		t.Fatal(err)
	}
	if all, _ := s.List(); all[0].Kept {
		t.Error("the tree of one that was never live stays")
	}
}

func TestWhatACrashLeftIsAbandonedAndItsTreeRemoved(t *testing.T) {
	s, prefix := newStore(t)
	put(t, s, Release{SHA: sha40(1)}, "one")
	begin(t, s, Release{SHA: sha40(2)}, "half")
	if err := os.MkdirAll(filepath.Join(prefix, "releases/000003-0000003"), 0o755); err != nil {
		t.Fatal(err)
	}
	got, err := s.Recover()
	if err != nil || len(got) != 1 || got[0].Number != 2 {
		t.Fatalf("got %+v, %v, want the second", got, err)
	}
	if got := list(t, s); got != "2 abandoned\n1 succeeded live kept\n" {
		t.Errorf("got %s", got)
	}
	r := begin(t, s, Release{SHA: sha40(3)}, "three")
	if _, err := s.Switch(r); err != nil { // and it crashes after this
		t.Fatal(err)
	}
	if _, err := s.Recover(); err != nil || liveText(t, prefix) != "three" {
		t.Errorf("the live tree is gone: %v", err)
	}
	if got := list(t, s); got != "3 abandoned live kept\n2 abandoned\n1 succeeded kept\n" {
		t.Errorf("got %s", got)
	}
}

func TestADamagedRecordHidesNoOther(t *testing.T) {
	for name, text := range map[string]string{"cut": `{"number": 2, "res`, "empty": "", "another's": `{"number": 9, "sha": "abcdef0"}`, "nonsense": "\x00\xff"} {
		s, prefix := newStore(t)
		for n := 1; n <= 3; n++ {
			put(t, s, Release{SHA: sha40(n)}, fmt.Sprint(n))
		}
		if err := os.WriteFile(filepath.Join(prefix, "releases/000002-0000002/release.json"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if got := list(t, s); got != "3 succeeded live kept\n2 damaged kept\n1 succeeded kept\n" {
			t.Errorf("%s: got %s", name, got)
		}
		if r := put(t, s, Release{SHA: sha40(4)}, "four"); r.Number != 4 {
			t.Errorf("%s: got number %d, want 4", name, r.Number)
		}
	}
}

func TestTheReleaseBeforeIsAGoodOneWithOtherCode(t *testing.T) {
	all := func(list ...Release) []Release { return list }
	for name, c := range map[string]struct {
		list []Release
		want int
	}{
		"none live":   {all(Release{Number: 1, Kept: true, Result: Succeeded}), 0},
		"first":       {all(Release{Number: 1, Live: true, Kept: true, Result: Succeeded}), 0},
		"plain":       {all(Release{Number: 2, SHA: "b", Live: true}, Release{Number: 1, SHA: "a", Kept: true, Result: Succeeded}), 1},
		"failed":      {all(Release{Number: 3, SHA: "c", Live: true}, Release{Number: 2, SHA: "b", Kept: true, Result: Failed}, Release{Number: 1, SHA: "a", Kept: true, Result: Succeeded}), 1},
		"same code":   {all(Release{Number: 3, SHA: "b", Live: true}, Release{Number: 2, SHA: "b", Kept: true, Result: Succeeded}, Release{Number: 1, SHA: "a", Kept: true, Result: Succeeded}), 1},
		"config":      {all(Release{Number: 3, SHA: "c", Live: true}, Release{Number: 2, SHA: "b", Kind: Config, Kept: true, Result: Succeeded}, Release{Number: 1, SHA: "a", Kept: true, Result: Succeeded}), 1},
		"tree gone":   {all(Release{Number: 2, SHA: "b", Live: true}, Release{Number: 1, SHA: "a", Result: Succeeded}), 0},
		"rolled back": {all(Release{Number: 4, SHA: "b", Kind: Rollback, Of: 2, Live: true}, Release{Number: 3, SHA: "c", Kept: true, Result: Succeeded}, Release{Number: 2, SHA: "b", Kept: true, Result: Succeeded}, Release{Number: 1, SHA: "a", Kept: true, Result: Succeeded}), 1},
	} {
		if got, _ := Previous(c.list); got.Number != c.want {
			t.Errorf("%s: got %d, want %d", name, got.Number, c.want)
		}
	}
}
