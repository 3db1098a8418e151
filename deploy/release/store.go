package release

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// How many of the newest releases stay.
const (
	KeepTrees   = 10
	KeepRecords = 50
)

// Store is one instance's releases.
type Store struct {
	dir  string // of the releases
	link string // what is live
}

// Open takes the releases in dir, absolute, which need not be there yet. link
// is the path of the link to the live one's tree, beside dir.
func Open(dir, link string) *Store { return &Store{filepath.Clean(dir), filepath.Clean(link)} }

// Dir gives the folder of a release.
func (s *Store) Dir(r Release) string { return filepath.Join(s.dir, r.dirName()) }

// Name gives the folder of a release as people are told of it.
func (s *Store) Name(r Release) string { return filepath.Join(filepath.Base(s.dir), r.dirName()) }

// List gives the releases, newest first.
func (s *Store) List() ([]Release, error) {
	entries, err := os.ReadDir(s.dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("list releases: %w", err)
	}
	live := s.liveName()
	var list []Release
	for _, e := range entries {
		if !e.IsDir() || !dirPattern.MatchString(e.Name()) {
			continue
		}
		r := readRecord(s.dir, e.Name())
		r.Live = e.Name() == live
		info, err := os.Lstat(filepath.Join(s.dir, e.Name(), treeName))
		r.Kept = err == nil && info.IsDir()
		list = append(list, r)
	}
	slices.SortFunc(list, func(a, b Release) int { return b.Number - a.Number })
	return list, nil
}

// liveName is the name of the live release's folder, or nothing.
func (s *Store) liveName() string {
	target, err := os.Readlink(s.link)
	if err != nil {
		return ""
	}
	if !filepath.IsAbs(target) {
		target = filepath.Join(filepath.Dir(s.link), target)
	}
	dir := filepath.Dir(filepath.Clean(target))
	if filepath.Base(target) != treeName || filepath.Dir(dir) != s.dir {
		return "" // somebody's own link
	}
	return filepath.Base(dir)
}

// Live reads the record of the release that is live only.
func (s *Store) Live() (Release, bool) {
	name := s.liveName()
	if !dirPattern.MatchString(name) {
		return Release{}, false
	}
	r := readRecord(s.dir, name)
	r.Live, r.Kept = true, true
	return r, true
}

// Live gives the release that is live.
func Live(list []Release) (Release, bool) {
	i := slices.IndexFunc(list, func(r Release) bool { return r.Live })
	if i < 0 {
		return Release{}, false
	}
	return list[i], true
}

// Previous gives the release to which a rollback without a number goes: the
// newest good one before what is live that has other code.
func Previous(list []Release) (Release, bool) {
	live, ok := Live(list)
	if !ok {
		return Release{}, false
	}
	base := live
	for range list { // a rollback of a rollback of …
		i := slices.IndexFunc(list, func(r Release) bool { return base.Kind == Rollback && r.Number == base.Of })
		if i < 0 {
			break
		}
		base = list[i]
	}
	i := slices.IndexFunc(list, func(r Release) bool {
		return r.Number < base.Number && r.Kept && r.Result == Succeeded && r.SHA != live.SHA && r.Kind != Config
	})
	if i < 0 {
		return Release{}, false
	}
	return list[i], true
}

// Begin makes the folder and the record of a new release, numbered after all
// that are there. r.SHA has 40 digits.
func (s *Store) Begin(r Release) (Release, error) {
	list, err := s.List()
	if err != nil {
		return r, err
	}
	r.Number, r.Parent, r.Result, r.When = 1, 0, Running, time.Now()
	if len(list) > 0 {
		r.Number = list[0].Number + 1
	}
	if live, ok := Live(list); ok {
		r.Parent = live.Number
	}
	if !dirPattern.MatchString(r.dirName()) {
		return r, fmt.Errorf("begin release %d: commit %.60q is not one", r.Number, r.SHA)
	}
	if err := os.MkdirAll(s.Dir(r), 0o755); err != nil {
		return r, fmt.Errorf("begin release %d: %w", r.Number, err)
	}
	return r, writeRecord(s.Dir(r), r)
}

// Tree makes the empty folder of a release's files. The caller closes it.
func (s *Store) Tree(r Release) (*os.Root, error) {
	tree := filepath.Join(s.Dir(r), treeName)
	if err := os.Mkdir(tree, 0o755); err != nil {
		return nil, fmt.Errorf("make tree of release %d: %w", r.Number, err)
	}
	// The process's umask is not the release's.
	if err := os.Chmod(tree, 0o755); err != nil {
		return nil, fmt.Errorf("make tree of release %d: %w", r.Number, err)
	}
	return os.OpenRoot(tree)
}

// OpenTree opens the kept tree of a release. The caller closes it.
func (s *Store) OpenTree(r Release) (*os.Root, error) {
	return os.OpenRoot(filepath.Join(s.Dir(r), treeName))
}

// Switch makes r live by one rename. A real folder at the link's place, as
// there is before the first release, is exchanged with the link and kept;
// moved is then its new path.
func (s *Store) Switch(r Release) (moved string, err error) {
	target, err := filepath.Rel(filepath.Dir(s.link), filepath.Join(s.Dir(r), treeName))
	if err != nil {
		return "", fmt.Errorf("switch to release %d: %w", r.Number, err)
	}
	temporary := s.link + ".new"
	if err := os.RemoveAll(temporary); err != nil {
		return "", fmt.Errorf("switch to release %d: %w", r.Number, err)
	}
	if err := os.Symlink(target, temporary); err != nil {
		return "", fmt.Errorf("switch to release %d: %w", r.Number, err)
	}
	if info, err := os.Lstat(s.link); err != nil || !info.IsDir() {
		if err := os.Rename(temporary, s.link); err != nil {
			return "", fmt.Errorf("switch to release %d: %w", r.Number, err)
		}
		return "", nil
	}
	if err := unix.Renameat2(unix.AT_FDCWD, temporary, unix.AT_FDCWD, s.link, unix.RENAME_EXCHANGE); err != nil {
		return "", fmt.Errorf("switch to release %d: exchange the folder %s: %w", r.Number, s.link, err)
	}
	moved = fmt.Sprintf("%s.before-%06d", s.link, r.Number)
	if err := os.Rename(temporary, moved); err != nil {
		return "", fmt.Errorf("keep the folder that was at %s: %w", s.link, err)
	}
	return moved, nil
}

// Finish writes how r ended and removes what is too old. The tree of one that
// has never been live goes too. That something old cannot be removed does not
// make the release fail; the error tells of it.
func (s *Store) Finish(r Release) error {
	r.TookMS = max(time.Since(r.When).Milliseconds(), 1)
	if err := writeRecord(s.Dir(r), r); err != nil {
		return err
	}
	var err error
	if r.Kind != Config && !r.Switched {
		err = s.removeTree(r)
	}
	return errors.Join(err, s.prune())
}

func (s *Store) removeTree(r Release) error {
	if err := os.RemoveAll(filepath.Join(s.Dir(r), treeName)); err != nil {
		return fmt.Errorf("remove tree of release %d: %w", r.Number, err)
	}
	return nil
}

// prune never touches the live release, nor the one before it, to which people
// go back.
func (s *Store) prune() error {
	list, err := s.List()
	if err != nil {
		return err
	}
	live, _ := Live(list)
	trees, records := 0, 0
	for _, r := range list {
		records++
		if r.Kept {
			trees++
		}
		switch {
		case r.Live || r.Number == live.Parent:
		case records > KeepRecords:
			err = errors.Join(err, os.RemoveAll(filepath.Join(s.dir, r.dirName())))
		case r.Kept && trees > KeepTrees:
			err = errors.Join(err, os.RemoveAll(filepath.Join(s.dir, r.dirName(), treeName)))
		}
	}
	if err != nil {
		return fmt.Errorf("remove old releases: %w", err)
	}
	return nil
}

// Recover ends what a crash has left half done, and gives the releases that
// are abandoned now. It is called before anything else changes the Store.
func (s *Store) Recover() ([]Release, error) {
	list, err := s.List()
	if err != nil {
		return nil, err
	}
	var abandoned []Release
	for _, r := range list {
		if r.Result == Damaged && !r.Live && !r.Kept {
			err = errors.Join(err, s.removeEmpty(r))
		}
		if r.Result != Running {
			continue
		}
		r.Result, r.Error = Abandoned, "Tagtail ended before the release did"
		r.Switched = r.Switched || r.Live
		err = errors.Join(err, writeRecord(s.Dir(r), r))
		if !r.Switched && r.Kind != Config {
			err = errors.Join(err, s.removeTree(r))
			r.Kept = false
		}
		abandoned = append(abandoned, r)
	}
	if err := os.RemoveAll(s.link + ".new"); err != nil {
		return abandoned, fmt.Errorf("remove half a link: %w", err)
	}
	return abandoned, err
}

// removeEmpty removes a folder that was made and has no record yet.
func (s *Store) removeEmpty(r Release) error {
	if _, err := os.Lstat(filepath.Join(s.Dir(r), recordName)); errors.Is(err, os.ErrNotExist) {
		return os.RemoveAll(s.Dir(r))
	}
	return nil
}
