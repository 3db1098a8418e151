package file

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
)

// follow looks at a path and reads what is new in its files.
func (f *Follower) follow(t *tracked, now time.Time) {
	if now.Before(t.retry) {
		f.waiting[t] = struct{}{}
		return
	}
	t.retry = time.Time{}
	size := f.look(t)
	// The oldest first: a newer one begins when all before it are read.
	for i := 0; i < len(t.gens); i++ {
		g := t.gens[i]
		newest := i == len(t.gens)-1
		g.limit = 0
		if newest && i > 0 {
			g.limit = size
		}
		switch more, err := f.readOpen(t, g, !newest); {
		case errors.Is(err, errLost):
			f.lose(t, g)
			i--
		case err != nil:
			f.report("read file", t.match.path, err)
			f.waiting[t] = struct{}{}
			return
		case more:
			f.dirty[t] = struct{}{}
			return
		case f.settled(t, g, newest, now):
			if err := f.retire(t, g); err != nil {
				f.report("finish file", t.match.path, err)
				f.waiting[t] = struct{}{}
				return
			}
			i--
		case !newest || len(g.pending) > 0 || t.gone && g.unlinked():
			f.waiting[t] = struct{}{}
		}
	}
}

// look finds out which file the path names, and adds it if it is a new one,
// together with those that came between. It returns the size of the file.
func (f *Follower) look(t *tracked) (size int64) {
	info, err := statPath(t.match.path)
	if err == nil && !info.regular {
		err = errNotRegular
	}
	t.gone = err != nil
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) && !t.refused {
			t.refused = true
			f.report("look at file", t.match.path, err)
		}
		return 0
	}
	t.refused = false
	if i := slices.IndexFunc(t.gens, func(g *generation) bool { return g.id == info.id }); i >= 0 {
		g := t.gens[i]
		g.rel = t.match.rel
		t.gens = append(slices.Delete(t.gens, i, i+1), g) // it may have been moved back
		return info.size
	}
	if len(t.gens) > 0 {
		t.gens = append(t.gens, f.between(t, info.id)...)
	}
	t.gens = append(t.gens, &generation{id: info.id, rel: t.match.rel, mtime: info.mtime})
	f.save(t) // or the file would be unknown if it is renamed while we are away
	return info.size
}

// archives are the endings of files that are no text any more.
var archives = [...]string{".gz", ".xz", ".bz2", ".zst", ".lz4", ".zip"}

// between finds the files that the path named after the last one that is known
// and before the current one: neighbours with the path's name and an ending,
// written to since, and no copies of what is known.
func (f *Follower) between(t *tracked, current identity) []*generation {
	since := t.gens[len(t.gens)-1].mtime
	var found []*generation
	f.siblings(t, func(rel []string, info fileInfo) {
		if info.id == current || info.size == 0 || info.mtime < since || t.knows(info.id) {
			return
		}
		file, err := openBelow(t.source.pattern.root, rel)
		if err != nil {
			return
		}
		g := &generation{id: info.id, rel: rel, mtime: info.mtime, file: file}
		head, err := g.head()
		g.file = nil
		if err := errors.Join(err, file.Close()); err != nil || t.isCopy(head, info.size) {
			return
		}
		found = append(found, g)
	})
	slices.SortFunc(found, func(a, b *generation) int {
		if a.mtime != b.mtime {
			return int(min(1, max(-1, a.mtime-b.mtime)))
		}
		// Within one tick of the file system's clock: error.log.2 is older
		// than error.log.1.
		return suffix(b) - suffix(a)
	})
	return found
}

// suffix is the number at the end of a rotated file's name.
func suffix(g *generation) int {
	name := g.rel[len(g.rel)-1]
	n, err := strconv.Atoi(name[strings.LastIndexAny(name, ".-")+1:])
	if err != nil {
		return 0
	}
	return n
}

// siblings calls do for the regular files beside the path whose names are its
// own and an ending.
func (f *Follower) siblings(t *tracked, do func(rel []string, info fileInfo)) {
	dir, base := path.Split(t.match.path)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		name := e.Name()
		rest, ok := strings.CutPrefix(name, base)
		if !ok || rest == "" || rest[0] != '.' && rest[0] != '-' || !e.Type().IsRegular() || f.tracked[dir+name] != nil ||
			slices.ContainsFunc(archives[:], func(end string) bool { return strings.HasSuffix(name, end) }) {
			continue
		}
		info, err := statPath(dir + name)
		if err != nil || !info.regular {
			continue
		}
		rel := slices.Clone(t.match.rel)
		rel[len(rel)-1] = name
		do(rel, info)
	}
}

// knows tells whether a file is one of the path's, or was.
func (t *tracked) knows(id identity) bool {
	return slices.ContainsFunc(t.gens, func(g *generation) bool { return g.id == id }) ||
		slices.ContainsFunc(t.past, func(p savedPrint) bool { return p.identity == id })
}

// telling is how many bytes tell one log file from another; two that begin
// within the same second have the date in common.
const telling = 64

// isCopy tells whether a file that begins with head is a copy of one that is
// known, as copytruncate makes them.
func (t *tracked) isCopy(head []byte, size int64) bool {
	same := func(p fingerprint) bool {
		return p.N > 0 && p.fits(head) && (p.N >= telling || int64(p.N) == size)
	}
	return slices.ContainsFunc(t.gens, func(g *generation) bool { return same(g.print) }) ||
		slices.ContainsFunc(t.past, func(p savedPrint) bool { return same(p.Print) })
}

// errLost says that a file is gone before it was read to its end.
var errLost = errors.New("the file is gone")

// readOpen opens g if it must be, and reads.
func (f *Follower) readOpen(t *tracked, g *generation, settled bool) (more bool, err error) {
	if g.file == nil {
		if f.unchanged(t, g) {
			return false, nil
		}
		if err := f.openFile(t, g); err != nil {
			return false, err
		}
	}
	if el := f.opened[g]; el != nil {
		f.open.MoveToFront(el)
	}
	return f.read(t, g, settled, false)
}

// unchanged tells whether the path's file is as it was when it was closed, so
// that it need not be opened if many others are.
func (f *Follower) unchanged(t *tracked, g *generation) bool {
	if f.open.Len() < f.cfg.MaxOpen || len(g.pending) > 0 || g != t.gens[len(t.gens)-1] {
		return false
	}
	info, err := statPath(t.match.path)
	return err == nil && info.id == g.id && info.size == g.end() && info.mtime == g.mtime
}

// openFile opens g where it is now: where it was last, or renamed beside it.
func (f *Follower) openFile(t *tracked, g *generation) error {
	found, err := f.openAt(t, g, g.rel)
	if err != nil || found {
		return err
	}
	var place []string
	f.siblings(t, func(rel []string, info fileInfo) {
		if info.id == g.id {
			place = rel
		}
	})
	if place == nil {
		return errLost
	}
	found, err = f.openAt(t, g, place)
	if err == nil && !found {
		return errLost
	}
	return err
}

// openAt opens g if it is there.
func (f *Follower) openAt(t *tracked, g *generation, rel []string) (found bool, err error) {
	file, err := openBelow(t.source.pattern.root, rel)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	info, err := statFile(file)
	if err != nil || info.id != g.id {
		return false, errors.Join(err, file.Close())
	}
	g.rel, g.file = rel, file
	if g.grew.IsZero() {
		g.grew = f.cfg.Now()
	}
	f.opened[g] = f.open.PushFront(g)
	return true, f.closeOldest()
}

// closeOldest keeps the number of open files bounded.
func (f *Follower) closeOldest() error {
	if f.open.Len() <= f.cfg.MaxOpen {
		return nil
	}
	return f.closeFile(f.open.Back().Value.(*generation))
}

func (f *Follower) closeFile(g *generation) error {
	if el := f.opened[g]; el != nil {
		f.open.Remove(el)
		delete(f.opened, g)
	}
	if g.file == nil {
		return nil
	}
	file := g.file
	g.file = nil
	return file.Close()
}

// settled tells whether g, which is read to its end, is done with.
func (f *Follower) settled(t *tracked, g *generation, newest bool, now time.Time) bool {
	if newest && !t.gone || g.file == nil || now.Sub(g.grew) < lingerRotated {
		return false
	}
	return !newest || g.unlinked()
}

// retire gives out the rest of g and forgets it.
func (f *Follower) retire(t *tracked, g *generation) error {
	for {
		more, err := f.read(t, g, true, true)
		if err != nil {
			return err
		}
		if !more {
			break
		}
	}
	f.remove(t, g)
	return nil
}

// lose gives out what is pending of a file that is gone and forgets it.
func (f *Follower) lose(t *tracked, g *generation) {
	if g.pos > 0 || len(g.pending) > 0 {
		f.counters.lost.Add(1)
		f.report("follow file", t.match.path, errLost)
	}
	if err := f.take(t, g, nil, end{all: true, last: true}); err != nil {
		f.report("finish file", t.match.path, err)
	}
	f.remove(t, g)
}

func (f *Follower) remove(t *tracked, g *generation) {
	if err := f.closeFile(g); err != nil {
		f.report("close file", t.match.path, err)
	}
	f.setPending(g, nil)
	t.gens = slices.DeleteFunc(t.gens, func(other *generation) bool { return other == g })
	t.remember(savedPrint{g.id, g.print})
	f.save(t)
}
