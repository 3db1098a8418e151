package archive

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

const stateStart = "state-"

// Have lists the fixed files of the backup in a folder, none if there is none.
func Have(dir string) (map[string]int64, error) {
	m, err := manifestOf(dir)
	if errors.Is(err, fs.ErrNotExist) {
		entries, err := os.ReadDir(dir)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("read folder of the backup: %w", err)
		}
		for _, e := range entries {
			if e.Name() != "logs" && !strings.HasPrefix(e.Name(), stateStart) {
				return nil, fmt.Errorf("%s has something else in it (%s): name an empty folder, or one that tagtail backup has made", dir, e.Name())
			}
		}
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	for name, size := range m.Fixed {
		if info, err := os.Stat(filepath.Join(dir, filepath.FromSlash(name))); err != nil || info.Size() != size {
			delete(m.Fixed, name)
		}
	}
	return m.Fixed, nil
}

func manifestOf(dir string) (*Manifest, error) {
	file, err := os.Open(filepath.Join(dir, manifestName))
	if err != nil {
		return nil, fmt.Errorf("read backup in %s: %w", dir, err)
	}
	defer func() { _ = file.Close() }() // it was only read
	m, err := readManifest(file)
	if err == nil && (!strings.HasPrefix(m.State, stateStart) || !filepath.IsLocal(m.State)) {
		err = errNotWhole
	}
	return m, err
}

// Saved says what a Save has done.
type Saved struct {
	*Manifest
	// New is the number of bytes that were not there before.
	New int64
}

// Save keeps the backup of a tar in a folder, beside the fixed files of the one
// before, and then removes what only that has.
func Save(dir string, r io.Reader) (Saved, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return Saved{}, fmt.Errorf("make folder of the backup: %w", err)
	}
	state, err := os.MkdirTemp(dir, stateStart)
	if err != nil {
		return Saved{}, fmt.Errorf("make folder of the backup: %w", err)
	}
	var s Saved
	s.Manifest, err = read(r, func(f File) error {
		s.New += f.Size
		if f.Fixed {
			return write(filepath.Join(dir, filepath.FromSlash(f.Name)), f)
		}
		return write(filepath.Join(state, filepath.FromSlash(f.Name)), f)
	})
	if err == nil {
		err = s.complete(dir)
	}
	if err == nil {
		s.State = filepath.Base(state)
		err = s.settle(dir)
	}
	if err != nil {
		return s, errors.Join(err, os.RemoveAll(state))
	}
	return s, s.removeOthers(dir)
}

// complete checks that every fixed file is there.
func (s *Saved) complete(dir string) error {
	for name, size := range s.Fixed {
		if info, err := os.Stat(filepath.Join(dir, filepath.FromSlash(name))); err != nil || info.Size() != size {
			return fmt.Errorf("the backup is not whole: %s is missing in %s; make it again", name, dir)
		}
	}
	return nil
}

// settle makes it the backup of the folder, in one step.
func (s *Saved) settle(dir string) error {
	text, err := json.Marshal(s.Manifest)
	if err != nil {
		return fmt.Errorf("encode manifest: %w", err)
	}
	if err := syncTree(dir); err != nil {
		return err
	}
	return write(filepath.Join(dir, manifestName), File{Name: manifestName, Size: int64(len(text)), Mode: 0o600, Content: strings.NewReader(string(text))})
}

// removeOthers removes what is not of the backup.
func (s *Saved) removeOthers(dir string) error {
	return filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		name = filepath.ToSlash(name)
		top, _, _ := strings.Cut(name, "/")
		switch _, fixed := s.Fixed[name]; {
		case name == ".", name == manifestName, fixed:
			return nil
		case top == s.State:
			return fs.SkipDir
		case e.IsDir() && strings.HasPrefix(top, stateStart):
			if err := os.RemoveAll(path); err != nil {
				return err
			}
			return fs.SkipDir
		case e.IsDir():
			if os.Remove(path) == nil { // it was empty
				return fs.SkipDir
			}
			return nil
		}
		return os.Remove(path)
	})
}

// write makes a file whole or not at all, durable.
func write(path string, f File) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	file, err := os.OpenFile(path+".tmp", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, f.Mode.Perm()|0o600)
	if err != nil {
		return err
	}
	n, err := io.Copy(file, f.Content)
	if err == nil && n != f.Size {
		err = io.ErrUnexpectedEOF
	}
	err = errors.Join(err, file.Sync(), file.Close())
	if err == nil {
		err = os.Rename(path+".tmp", path)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("write %s: %w", path, err), os.Remove(path+".tmp"))
	}
	return nil
}

// syncTree makes the names of all files below durable.
func syncTree(dir string) error {
	return filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.IsDir() {
			return err
		}
		folder, err := os.Open(path)
		if err != nil {
			return err
		}
		return errors.Join(folder.Sync(), folder.Close())
	})
}

// Each passes the files of a backup to visit: of a folder, or of a tar that is a
// file, or of standard input for "-".
func Each(from string, stdin io.Reader, visit func(File) error) (*Manifest, error) {
	if from == "-" {
		return read(stdin, visit)
	}
	info, err := os.Stat(from)
	if err != nil {
		return nil, fmt.Errorf("read backup: %w", err)
	}
	if info.IsDir() {
		return eachOfFolder(from, visit)
	}
	file, err := os.Open(from)
	if err != nil {
		return nil, fmt.Errorf("read backup: %w", err)
	}
	defer func() { _ = file.Close() }() // it was only read
	return read(file, visit)
}

func eachOfFolder(dir string, visit func(File) error) (*Manifest, error) {
	m, err := manifestOf(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no backup in %s: name the folder or the tar that tagtail backup has made", dir)
	}
	if err != nil {
		return nil, err
	}
	for name := range m.Changing {
		if err := visitFile(filepath.Join(dir, m.State, filepath.FromSlash(name)), name, m.Changing[name], false, visit); err != nil {
			return nil, err
		}
	}
	for name := range m.Fixed {
		if err := visitFile(filepath.Join(dir, filepath.FromSlash(name)), name, m.Fixed[name], true, visit); err != nil {
			return nil, err
		}
	}
	return m, nil
}

func visitFile(path, name string, size int64, fixed bool, visit func(File) error) error {
	file, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("read backup: %w", err)
	}
	defer func() { _ = file.Close() }() // it was only read
	info, err := file.Stat()
	if err == nil && info.Size() != size {
		err = fmt.Errorf("%s has %d bytes, not %d: the backup is damaged", path, info.Size(), size)
	}
	if err != nil {
		return err
	}
	return visit(File{Name: name, Size: size, Mode: info.Mode().Perm(), Fixed: fixed, Content: file})
}

// Put writes a file of a backup to its place below dir.
func Put(dir, name string, f File) error {
	return write(filepath.Join(dir, filepath.FromSlash(name)), f)
}
