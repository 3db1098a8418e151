package file

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// compactBytes is when the state file is written anew.
const compactBytes = 1 << 20

// state is the file of positions: lines of a checksum and a JSON object, the
// newest of a path counts. A torn or flipped line ends what is read.
type state struct {
	path string
	boot string
	file *os.File

	size   int64
	lines  int  // of records since the start of the file
	marked int  // of them, those whose entries are durable
	torn   bool // the last write failed: the file has to be written anew
}

// record is what is known of a path.
type record struct {
	Path string       `json:"path"`
	Gens []savedGen   `json:"files,omitempty"`
	Past []savedPrint `json:"past,omitempty"`
}

// savedGen is how far an inode was read.
type savedGen struct {
	identity
	Pos   int64       `json:"pos"`
	Skip  bool        `json:"skip,omitempty"`
	Print fingerprint `json:"print"`
	Mtime int64       `json:"mtime"`
}

// savedPrint is an inode that is done with.
type savedPrint struct {
	identity
	Print fingerprint `json:"print"`
}

// line is one of the file: a record or a mark.
type line struct {
	Record *record `json:"record,omitempty"`
	// Boot names the boot that writes from here on.
	Boot string `json:"boot,omitempty"`
	// Durable says that so many records are followed by durable entries.
	Durable int `json:"durable,omitempty"`
}

// openState reads the state file, if there is one, and writes it anew.
func openState(path string) (*state, map[string]record, error) {
	s := &state{path: path}
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return nil, nil, fmt.Errorf("read boot id: %w", err)
	}
	s.boot = strings.TrimSpace(string(boot))
	data, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, nil, fmt.Errorf("read positions: %w", err)
	}
	records := s.parse(data)
	if err := s.rewrite(records); err != nil {
		return nil, nil, err
	}
	return s, records, nil
}

// parse returns the newest record of each path that counts in this boot.
func (s *state) parse(data []byte) map[string]record {
	var all []record
	boot, durable := "", 0
	for text := range bytes.Lines(data) {
		l, ok := parseLine(text)
		if !ok {
			break
		}
		if l.Boot != "" {
			boot = l.Boot
		}
		durable = max(durable, l.Durable)
		if l.Record != nil {
			all = append(all, *l.Record)
		}
	}
	if boot != s.boot {
		all = all[:min(durable, len(all))]
	}
	records := map[string]record{}
	for _, r := range all {
		records[r.Path] = r
		if len(r.Gens) == 0 && len(r.Past) == 0 {
			delete(records, r.Path)
		}
	}
	return records
}

func parseLine(text []byte) (line, bool) {
	var l line
	sum, object, ok := bytes.Cut(bytes.TrimSuffix(text, []byte{'\n'}), []byte{' '})
	if !ok || text[len(text)-1] != '\n' {
		return l, false
	}
	want, err := strconv.ParseUint(string(sum), 16, 32)
	if err != nil || uint32(want) != crc32.ChecksumIEEE(object) {
		return l, false
	}
	return l, json.Unmarshal(object, &l) == nil
}

func appendLine(dst []byte, l line) ([]byte, error) {
	object, err := json.Marshal(l)
	if err != nil {
		return dst, fmt.Errorf("encode position: %w", err)
	}
	dst = fmt.Appendf(dst, "%08x ", crc32.ChecksumIEEE(object))
	return append(append(dst, object...), '\n'), nil
}

// rewrite replaces the file by one with these records, which are durable.
func (s *state) rewrite(records map[string]record) error {
	text, err := appendLine(nil, line{Boot: s.boot, Durable: len(records)})
	if err != nil {
		return err
	}
	for _, r := range records {
		if text, err = appendLine(text, line{Record: &r}); err != nil {
			return err
		}
	}
	next, err := replaceFile(s.path, text)
	if err != nil {
		return fmt.Errorf("write positions: %w", err)
	}
	old := s.file
	s.file, s.size, s.lines, s.marked, s.torn = next, int64(len(text)), len(records), len(records), false
	if old != nil {
		return old.Close()
	}
	return nil
}

// replaceFile puts a file with this text at path, durably, and returns it open
// for appending.
func replaceFile(path string, text []byte) (_ *os.File, err error) {
	next, err := os.OpenFile(path+".new", os.O_CREATE|os.O_TRUNC|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, next.Close())
		}
	}()
	if _, err := next.Write(text); err != nil {
		return nil, err
	}
	if err := next.Sync(); err != nil {
		return nil, err
	}
	if err := os.Rename(path+".new", path); err != nil {
		return nil, err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	return next, errors.Join(dir.Sync(), dir.Close())
}

// put appends a record. It is safe from the end of the process, not from that
// of the machine.
func (s *state) put(r record) error {
	if err := s.append(line{Record: &r}); err != nil {
		return err
	}
	s.lines++
	return nil
}

// mark notes that the entries behind all records so far are durable.
func (s *state) mark() error {
	if s.marked == s.lines {
		return nil
	}
	if err := s.append(line{Durable: s.lines}); err != nil {
		return err
	}
	if err := s.file.Sync(); err != nil {
		return fmt.Errorf("sync positions: %w", err)
	}
	s.marked = s.lines
	return nil
}

func (s *state) append(l line) error {
	if s.torn {
		return errTorn
	}
	text, err := appendLine(nil, l)
	if err != nil {
		return err
	}
	n, err := s.file.Write(text)
	s.size += int64(n)
	if err != nil {
		s.torn = true
		return fmt.Errorf("write position: %w", err)
	}
	return nil
}

// errTorn says that the file has to be written anew before anything is
// appended.
var errTorn = errors.New("the state file ends in a torn line")

// wantsRewrite tells whether it is time to write the file anew.
func (s *state) wantsRewrite() bool { return s.torn || s.size > compactBytes }

func (s *state) close() error { return s.file.Close() }
