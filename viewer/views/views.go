// Package views keeps the searches that people save under a name.
//
//	Put, Delete → the list in memory → views.json, written anew and renamed
//
// Invariants: what Put and Delete have returned without an error is on disk; the
// file is always one whole version of the list; there is a bound to how much a
// person and the team keep. A file that cannot be read is kept aside, said once,
// and an empty list begun. The package knows nothing of what a search means.
// Start reading at Store.
package views

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// The bounds of what is kept: some 20 MB in the worst case, a few kB in life.
const (
	MaxMine        = 200     // of one person
	MaxTeam        = 1000    // of all
	MaxViews       = 2000    // of everybody together
	MaxSearchBytes = 8 << 10 // of one search
	MaxNameRunes   = 100
)

// Scope is who sees a view.
type Scope string

// The scopes.
const (
	Mine Scope = "me"   // only the maker
	Team Scope = "team" // everybody
)

// View is a search with a name, which is unique among the views of the team, and
// among those of one person.
type View struct {
	Scope Scope  `json:"scope"`
	Name  string `json:"name"`
	// By is the person who made it.
	By string `json:"by"`
	// Search is the query of the page's address, "?q=timeout&from=1h": it holds
	// the search text, the instances, the range and the columns.
	Search string `json:"search"`
}

// What Put and Delete may be refused for; the errors wrap these.
var (
	ErrNotYours = errors.New("somebody else has made this view")
	ErrFull     = errors.New("too many views")
	ErrNoView   = errors.New("there is no such view")
	ErrInvalid  = errors.New("this cannot be a view")
)

// Store is the list of views. Its methods may be called from several goroutines.
type Store struct {
	path string // immutable after Open

	mu    sync.Mutex
	views []View // sorted by scope, name, maker
}

// Open reads the file, which need not exist.
func Open(path string, logger *slog.Logger) (*Store, error) {
	s := &Store{path: path}
	data, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return s, nil
	}
	if err != nil {
		return nil, fmt.Errorf("open saved views: %w", err)
	}
	if err := s.decode(data); err != nil {
		aside, keepErr := keepAside(path)
		if keepErr != nil {
			return nil, fmt.Errorf("keep damaged file of saved views aside: %w", keepErr)
		}
		s.views = nil
		logger.Warn("saved views are damaged and begin anew", "kept", aside, "err", err)
	}
	return s, nil
}

func (s *Store) decode(data []byte) error {
	if err := json.Unmarshal(data, &s.views); err != nil {
		return fmt.Errorf("decode saved views: %w", err)
	}
	for _, v := range s.views {
		if err := v.check(); err != nil {
			return err
		}
	}
	s.sort()
	return nil
}

// keepAside renames the file to a name that is free.
func keepAside(path string) (string, error) {
	for n := 1; ; n++ {
		aside := fmt.Sprintf("%s.damaged-%d", path, n)
		if _, err := os.Lstat(aside); errors.Is(err, os.ErrNotExist) {
			return aside, os.Rename(path, aside)
		} else if err != nil {
			return "", err
		}
	}
}

// List returns what the person sees: their own views, then those of the team.
// The caller owns the slice.
func (s *Store) List(person string) []View {
	s.mu.Lock()
	defer s.mu.Unlock()
	seen := []View{}
	for _, v := range s.views {
		if v.Scope == Team || v.By == person {
			seen = append(seen, v)
		}
	}
	return seen
}

// Put saves a view in the name of v.By, in the place of the one that it may
// have made before under that name; an admin also changes views of others, which
// stay theirs.
func (s *Store) Put(v View, admin bool) error {
	if err := v.check(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	next := slices.Clone(s.views)
	if i := find(next, v); i >= 0 {
		if next[i].By != v.By && !admin {
			return fmt.Errorf("save view %q: %w", v.Name, ErrNotYours)
		}
		next[i].Search = v.Search
		return s.save(next)
	}
	own, most := 0, MaxMine
	if v.Scope == Team {
		most = MaxTeam
	}
	for _, other := range next {
		if other.Scope == v.Scope && (v.Scope == Team || other.By == v.By) {
			own++
		}
	}
	if own >= most || len(next) >= MaxViews {
		return fmt.Errorf("save view %q: %w", v.Name, ErrFull)
	}
	return s.save(append(next, v))
}

// Delete removes the view of that scope and name. Only its maker and an admin
// may.
func (s *Store) Delete(v View, admin bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := find(s.views, v)
	if i < 0 {
		return fmt.Errorf("delete view %q: %w", v.Name, ErrNoView)
	}
	if s.views[i].By != v.By && !admin {
		return fmt.Errorf("delete view %q: %w", v.Name, ErrNotYours)
	}
	return s.save(slices.Delete(slices.Clone(s.views), i, i+1))
}

// find returns the index of the view with v's scope and name; one's own are
// only seen by oneself.
func find(views []View, v View) int {
	return slices.IndexFunc(views, func(other View) bool {
		return other.Scope == v.Scope && other.Name == v.Name && (v.Scope == Team || other.By == v.By)
	})
}

func (v View) check() error {
	switch {
	case v.Scope != Mine && v.Scope != Team:
		return fmt.Errorf("%w: its scope is %q, not me or team", ErrInvalid, v.Scope)
	case v.Name == "" || strings.TrimSpace(v.Name) != v.Name || !utf8.ValidString(v.Name) || utf8.RuneCountInString(v.Name) > MaxNameRunes:
		return fmt.Errorf("%w: a name has 1 to %d characters and no space around it", ErrInvalid, MaxNameRunes)
	case strings.ContainsFunc(v.Name, func(r rune) bool { return r == '/' || r == '\\' || !unicode.IsPrint(r) }) || v.Name == "." || v.Name == "..":
		return fmt.Errorf("%w: a name has letters, digits, spaces and signs, but no slash", ErrInvalid)
	case len(v.Search) > MaxSearchBytes || !utf8.ValidString(v.Search) || v.Search != "" && v.Search[0] != '?':
		return fmt.Errorf("%w: a search begins with ? and has up to %d bytes", ErrInvalid, MaxSearchBytes)
	}
	return nil
}

// save makes next the list, on disk first: if that fails, nothing has changed.
func (s *Store) save(next []View) error {
	old := s.views
	s.views = next
	s.sort()
	if err := s.write(); err != nil {
		s.views = old
		return err
	}
	return nil
}

func (s *Store) sort() {
	slices.SortFunc(s.views, func(a, b View) int {
		return cmp.Or(cmp.Compare(a.Scope, b.Scope), cmp.Compare(a.Name, b.Name), cmp.Compare(a.By, b.By))
	})
}

// write replaces the file: a crash leaves the old one or the new one.
func (s *Store) write() error {
	data, err := json.MarshalIndent(s.views, "", " ")
	if err != nil {
		return fmt.Errorf("encode saved views: %w", err)
	}
	if err := s.replace(data); err != nil {
		return fmt.Errorf("write saved views: %w", err)
	}
	return nil
}

func (s *Store) replace(data []byte) error {
	temp, err := os.CreateTemp(filepath.Dir(s.path), filepath.Base(s.path)+".new-*")
	if err != nil {
		return err
	}
	_, err = temp.Write(data)
	if err = errors.Join(err, temp.Sync(), temp.Close()); err == nil {
		err = os.Rename(temp.Name(), s.path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(temp.Name()))
	}
	dir, err := os.Open(filepath.Dir(s.path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
