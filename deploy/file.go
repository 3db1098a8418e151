package deploy

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// writeFile replaces path in one step: nobody ever reads half of it.
func writeFile(path string, text []byte) error { return account{}.writeFile(path, text, 0o644) }

// writeConf writes an instance's configuration, which the account can read and
// not write. Redis's may hold a password; nginx's is read by workers of another
// user.
func (a account) writeConf(in Instance, path string, text []byte) error {
	if in.Kind == Redis {
		return a.writeFile(path, text, 0o600)
	}
	return a.writeFile(path, text, 0o644)
}

// writeFile gives the file that mode; if it is another account's to read, its
// group reads and nobody else.
func (a account) writeFile(path string, text []byte, mode os.FileMode) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("write %s: %w", path, errors.Join(err, os.Remove(f.Name())))
		}
	}()
	_, err = f.Write(text)
	if a.foreign() {
		mode = 0o640
		err = errors.Join(err, a.chgrp(f.Name()))
	}
	err = errors.Join(err, f.Chmod(mode), f.Sync(), f.Close())
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

func makeDirs(dirs ...string) error {
	for _, dir := range dirs {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return fmt.Errorf("make a directory of the instance: %w", err)
		}
	}
	return nil
}

// fileSize is 0 for a file that is not there.
func fileSize(path string) int64 {
	fi, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return fi.Size()
}

// linesSince gives at most the last n lines that were written to a log after
// offset. A log that cannot be read has none: it only explains, it decides
// nothing.
func (a account) linesSince(path string, offset int64, n int) []string {
	const window = 64 << 10
	f, err := a.open(path)
	if err != nil {
		return nil
	}
	defer f.Close() //nolint:errcheck // it is only read
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil
	}
	size := fileSize(path)
	if size < offset {
		offset = 0 // it was rotated
	}
	text, err := io.ReadAll(io.NewSectionReader(f, max(offset, size-window), window))
	if err != nil {
		return nil
	}
	text = bytes.TrimRight(text, "\r\n")
	if len(text) == 0 {
		return nil
	}
	lines := strings.Split(string(text), "\n")
	return lines[max(0, len(lines)-n):]
}
