package index

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
)

// BackupFile is a file of a store that a Backup passes on.
type BackupFile struct {
	// Name is its path below the store's folder, with slashes.
	Name string
	// Size is in bytes. Content gives as many, or an error.
	Size int64
	// Fixed tells that a file of this name and size is always the same.
	Fixed bool

	Content io.Reader
}

// BackupReport is what a Backup has passed on.
type BackupReport struct {
	Files, Bytes int64
	// Findings are blocks that were read and found damaged. They are passed on
	// as they are.
	Findings []Finding
}

// Backup passes to visit the files of a store that has everything which was
// stored before the call, and perhaps some of what came later; the store goes on
// meanwhile. What can be made again from the others is left out. visit needs not
// read the Content, which is valid until it returns; its error ends the Backup.
func (s *Store) Backup(ctx context.Context, visit func(BackupFile) error) (BackupReport, error) {
	b := &backup{store: s, visit: visit}
	// What is removed meanwhile keeps its file.
	defer s.leases.give(s.leases.takeLong())
	// The journal first: an entry that leaves it is in a block by then.
	err := b.journal(ctx)
	if err == nil {
		err = b.blocks(ctx)
	}
	if err == nil {
		err = b.lock()
	}
	return b.report, err
}

type backup struct {
	store  *Store
	visit  func(BackupFile) error
	report BackupReport
}

func (b *backup) pass(f BackupFile) error {
	b.report.Files++
	b.report.Bytes += f.Size
	return b.visit(f)
}

func (b *backup) journal(ctx context.Context) error {
	s := b.store
	if err := s.begin(); err != nil {
		return err
	}
	parts, err := s.journal.Parts()
	s.inUse.Done()
	if err != nil {
		return fmt.Errorf("list the journal: %w", err)
	}
	for _, p := range parts {
		if err := s.stopped(ctx); err != nil {
			return err
		}
		file, err := os.Open(p.Path)
		if errors.Is(err, fs.ErrNotExist) {
			continue // all of it is in blocks
		}
		if err != nil {
			return fmt.Errorf("read the journal: %w", err)
		}
		err = b.pass(BackupFile{Name: "journal/" + filepath.Base(p.Path), Size: p.Size, Content: io.LimitReader(file, p.Size)})
		if err := errors.Join(err, file.Close()); err != nil {
			return err
		}
	}
	return nil
}

func (b *backup) blocks(ctx context.Context) error {
	s := b.store
	if err := s.begin(); err != nil {
		return err
	}
	if err := s.lockBlocks(ctx); err != nil { // no batch of an import may be half there
		s.inUse.Done()
		return err
	}
	imports, err := s.importFiles()
	var paths []string
	for _, d := range s.allDays() {
		s.mu.Lock()
		paths = append(paths, d.unread...)
		for _, block := range d.blocks {
			paths = append(paths, block.path)
		}
		s.mu.Unlock()
	}
	s.unlockBlocks()
	s.inUse.Done()
	if err != nil {
		return fmt.Errorf("read imports: %w", err)
	}
	for _, name := range slices.Sorted(maps.Keys(imports)) {
		text := imports[name]
		if err := b.pass(BackupFile{Name: "imports/" + name, Size: int64(len(text)), Content: bytes.NewReader(text)}); err != nil {
			return err
		}
	}
	slices.Sort(paths)
	for _, path := range paths {
		if err := s.stopped(ctx); err != nil {
			return err
		}
		if err := b.block(path); err != nil {
			return err
		}
	}
	return nil
}

func (b *backup) block(path string) error {
	s := b.store
	s.moving.RLock()
	file, err := os.Open(path)
	s.moving.RUnlock()
	if errors.Is(err, fs.ErrNotExist) {
		return nil // it was purged
	}
	if err != nil {
		return fmt.Errorf("read block: %w", err)
	}
	info, err := file.Stat()
	if err == nil {
		content := &checkedBlock{backup: b, path: path, file: file}
		err = b.pass(BackupFile{Name: "days/" + filepath.Base(filepath.Dir(path)) + "/" + filepath.Base(path), Size: info.Size(), Fixed: true, Content: content})
	}
	return errors.Join(err, file.Close())
}

// checkedBlock is a block's file that is checked when it is read.
type checkedBlock struct {
	backup *backup
	path   string
	file   *os.File
	left   *bytes.Reader
}

// Read implements io.Reader.
func (c *checkedBlock) Read(p []byte) (int, error) {
	if c.left == nil {
		text, err := io.ReadAll(c.file)
		if err != nil {
			return 0, fmt.Errorf("read block: %w", err)
		}
		_, _, faults := c.backup.store.codec.Check(text)
		for _, f := range faults {
			c.backup.report.Findings = append(c.backup.report.Findings, Finding{File: c.path, Offset: f.Offset, What: f.Err.Error()})
		}
		c.left = bytes.NewReader(text)
	}
	return c.left.Read(p)
}

// lock passes on a lock like that of a machine which has gone down with the store
// open: numbers that were given out after the backup are not given out again.
func (b *backup) lock() error {
	const text = "0 backup open\n"
	return b.pass(BackupFile{Name: lockName, Size: int64(len(text)), Content: bytes.NewReader([]byte(text))})
}
