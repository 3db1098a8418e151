package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/tagtail/tagtail/ingest"
	"github.com/tagtail/tagtail/ingest/file"
)

// importSource is an old log file: what is in it, uncompressed.
type importSource struct {
	path string // absolute
	size int64  // on the disk
	end  time.Time
	file *os.File
	read countingReader
	in   io.Reader
	head []byte // the first bytes of what is in it
	done func()
}

// countingReader counts what was read of the file on the disk.
type countingReader struct {
	io.Reader
	count int64
}

// Read implements io.Reader.
func (r *countingReader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	r.count += int64(n)
	return n, err
}

// openImport opens a file, whether it is compressed or not.
func openImport(name string) (*importSource, error) {
	path, err := filepath.Abs(name)
	if err != nil {
		return nil, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("import file: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no regular file: name the log files themselves, as in %s/*.log", name, name)
	}
	s := &importSource{path: path, size: info.Size(), end: info.ModTime()}
	if err := s.rewind(); err != nil {
		return nil, err
	}
	s.head = make([]byte, file.PastHead)
	n, _, err := s.fill(s.head)
	s.head = s.head[:n]
	if err != nil {
		return nil, joinClose(err, s)
	}
	return s, nil
}

func joinClose(err error, s *importSource) error {
	_ = s.close() // it was only read
	return err
}

// rewind goes back to the beginning.
func (s *importSource) rewind() error {
	if err := s.close(); err != nil {
		return err
	}
	f, err := os.Open(s.path)
	if err != nil {
		return fmt.Errorf("import file: %w", err)
	}
	s.file, s.read = f, countingReader{Reader: f}
	buffered := bufio.NewReaderSize(&s.read, 256<<10)
	magic, err := buffered.Peek(4)
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read %s: %w", s.path, joinClose(err, s))
	}
	switch {
	case bytes.HasPrefix(magic, []byte{0x1f, 0x8b}):
		z, err := gzip.NewReader(buffered)
		if err != nil {
			return fmt.Errorf("read %s: %w", s.path, joinClose(err, s))
		}
		s.in = z
	case bytes.HasPrefix(magic, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		z, err := zstd.NewReader(buffered, zstd.WithDecoderMaxMemory(256<<20))
		if err != nil {
			return fmt.Errorf("read %s: %w", s.path, joinClose(err, s))
		}
		s.in, s.done = z, z.Close
	default:
		s.in = buffered
	}
	return nil
}

func (s *importSource) close() error {
	if s.done != nil {
		s.done()
		s.done = nil
	}
	if s.file == nil {
		return nil
	}
	err := s.file.Close()
	s.file = nil
	return err
}

// fill reads as much as there is room for. end tells that the file ends there.
func (s *importSource) fill(buffer []byte) (n int, end bool, err error) {
	for n < len(buffer) {
		more, err := s.in.Read(buffer[n:])
		n += more
		if err == io.EOF { // one that is wrapped is that of a torn file
			return n, true, nil
		}
		if err != nil {
			return n, false, fmt.Errorf("read %s: %w", s.path, err)
		}
	}
	return n, false, nil
}

// known finds the import that has begun with this file: the one that has come
// furthest of those whose every byte is in it. all tells that nothing of the file
// is left to import. Of one that is shorter than what was imported only the head
// can be compared: whole is false then.
func (s *importSource) known(states []ingest.ImportProgress) (found *ingest.ImportProgress, all, whole bool, err error) {
	var alike []*ingest.ImportProgress
	heads := make(map[int]string)
	for i := range states {
		n := states[i].HeadBytes
		if n == 0 || n > len(s.head) || states[i].Entries == 0 && states[i].TooOld > 0 { // nothing was imported
			continue
		}
		if heads[n] == "" {
			sum := sha256.Sum256(s.head[:n])
			heads[n] = hex.EncodeToString(sum[:])
		}
		if heads[n] == states[i].Head {
			alike = append(alike, &states[i])
		}
	}
	if len(alike) == 0 {
		return nil, false, false, nil
	}
	slices.SortFunc(alike, func(a, b *ingest.ImportProgress) int { return int(min(1, max(-1, a.Offset-b.Offset))) })
	if err := s.rewind(); err != nil {
		return nil, false, false, err
	}
	content := sha256.New()
	at := int64(0)
	for _, state := range alike {
		n, err := io.CopyN(content, s.in, state.Offset-at)
		at += n
		if errors.Is(err, io.EOF) {
			if found != nil {
				return found, found.Offset == at, true, nil
			}
			return state, true, false, nil
		}
		if err != nil {
			return nil, false, false, fmt.Errorf("read %s: %w", s.path, err)
		}
		if hex.EncodeToString(content.Sum(nil)) == state.Digest {
			found = state
		}
	}
	if found == nil {
		return nil, false, false, nil
	}
	if found.Offset < at {
		return found, false, true, nil
	}
	n, _, err := s.fill(make([]byte, 1))
	return found, n == 0, true, err
}

// skip goes to an offset of what is in the file.
func (s *importSource) skip(offset int64) error {
	if err := s.rewind(); err != nil {
		return err
	}
	if _, err := io.CopyN(io.Discard, s.in, offset); err != nil {
		return fmt.Errorf("read %s: %w", s.path, err)
	}
	return nil
}

// newID names the import of the file: by its beginning, and a number if there are
// others that begin so.
func (s *importSource) newID(states []ingest.ImportProgress) string {
	sum := sha256.Sum256(s.head)
	id := hex.EncodeToString(sum[:16])
	for n := 2; slices.ContainsFunc(states, func(p ingest.ImportProgress) bool { return p.ID == id }); n++ {
		id = fmt.Sprintf("%s-%d", hex.EncodeToString(sum[:16]), n)
	}
	return id
}

// firstYear finds the year of the first date, where dates have none: 0 if the
// first lines have no such dates.
func (s *importSource) firstYear(zone *time.Location) (int, error) {
	if year, err := file.FirstYear(bytes.NewReader(s.head), s.end, zone); err != nil || year == 0 {
		return year, err
	}
	if err := s.rewind(); err != nil {
		return 0, err
	}
	year, err := file.FirstYear(s.in, s.end, zone)
	if err != nil {
		return 0, fmt.Errorf("read %s: %w", s.path, err)
	}
	return year, nil
}
