// Package spool is a queue on disk for what is forwarded.
//
//	Append → segments → Read → sent → Ack → segments deleted
//
// A segment is a file of records: length and CRC-32C, 4 bytes each in little
// endian, then the bytes. The file "position" says up to where all is
// acknowledged. Invariants: what was appended outlives the end of the process;
// what was not acknowledged is read again; the files take no more than the
// bound, and what that costs is counted; a damaged record costs what is behind
// it in its segment. Start reading at Spool.
package spool

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	headerBytes = 8
	// maxRecordBytes bounds a record: a longer length is damage.
	maxRecordBytes = 2 << 20
	// maxSegmentBytes is where a segment ends, in a queue that is large enough.
	maxSegmentBytes = 4 << 20
	// segmentsAtLeast is into how many parts the bound is divided: it costs one
	// of them to make room.
	segmentsAtLeast = 8
	// saveEvery is how often the position is written.
	saveEvery = 200 * time.Millisecond

	suffix       = ".seg"
	positionFile = "position"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Config bounds a Spool.
type Config struct {
	// Dir is its folder, made if it is missing.
	Dir string
	// MaxBytes bounds its files.
	MaxBytes int64
	// DropNewest drops what comes when it is full, not what waits longest.
	DropNewest bool
}

// Position is a place behind a record.
type Position struct {
	segment uint64
	offset  int64
}

// Record is one that was appended.
type Record struct {
	Data []byte // valid until the next Read
	// After is the place behind it, for Ack.
	After Position
}

// Spool is the queue. One goroutine may append while another reads.
type Spool struct {
	cfg   Config
	limit int64 // of a segment
	ready chan struct{}

	mu       sync.Mutex
	segments []*segment // the oldest first; the last is written to
	cursor   Position   // what is read next
	acked    Position
	lost     uint64
	saved    time.Time
	later    *time.Timer // saves what was acknowledged since
	buf      []byte      // of Append
	in       []byte      // of Read
	closed   bool
}

type segment struct {
	id    uint64
	file  *os.File
	size  int64
	count int // of records
	acked int
}

// ErrFull says that there is no room, and that new records are to be dropped.
var ErrFull = errors.New("the queue is full")

// Open opens the queue in cfg.Dir, or makes one.
func Open(cfg Config) (*Spool, error) {
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("make folder of queue: %w", err)
	}
	s := &Spool{cfg: cfg, limit: min(maxSegmentBytes, max(64<<10, cfg.MaxBytes/segmentsAtLeast)), ready: make(chan struct{}, 1)}
	if err := s.load(); err != nil {
		return nil, errors.Join(err, s.closeFiles())
	}
	if s.countLocked() > 0 {
		s.wake()
	}
	return s, nil
}

func (s *Spool) load() error {
	names, err := filepath.Glob(filepath.Join(s.cfg.Dir, "*"+suffix))
	if err != nil {
		return fmt.Errorf("list queue: %w", err)
	}
	slices.Sort(names)
	s.acked = s.readPosition()
	for _, name := range names {
		id, err := strconv.ParseUint(strings.TrimSuffix(filepath.Base(name), suffix), 10, 64)
		if err != nil {
			continue // not ours
		}
		if id < s.acked.segment {
			if err := os.Remove(name); err != nil {
				return fmt.Errorf("remove segment of queue: %w", err)
			}
			continue
		}
		if err := s.loadSegment(name, id); err != nil {
			return err
		}
	}
	if len(s.segments) == 0 {
		if err := s.addSegment(max(1, s.acked.segment+1)); err != nil {
			return err
		}
	}
	if first := s.segments[0]; s.acked.segment != first.id || s.acked.offset > first.size {
		s.acked = Position{segment: first.id}
	}
	s.cursor = s.acked
	return nil
}

// loadSegment reads a segment and cuts off what is behind its last whole
// record.
func (s *Spool) loadSegment(name string, id uint64) error {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_APPEND, 0)
	if err != nil {
		return fmt.Errorf("open segment of queue: %w", err)
	}
	g := &segment{id: id, file: f}
	s.segments = append(s.segments, g)
	data, err := io.ReadAll(f)
	if err != nil {
		return fmt.Errorf("read segment of queue: %w", err)
	}
	for rest := data; ; {
		record, n := cutRecord(rest)
		if record == nil {
			break
		}
		rest = rest[n:]
		g.size += int64(n)
		g.count++
		if s.acked.segment == id && g.size <= s.acked.offset {
			g.acked++
		}
	}
	if int64(len(data)) > g.size {
		if err := f.Truncate(g.size); err != nil {
			return fmt.Errorf("cut segment of queue: %w", err)
		}
	}
	return nil
}

// cutRecord returns the record at the start of data and what it takes, nil if
// it is not whole.
func cutRecord(data []byte) (record []byte, n int) {
	if len(data) < headerBytes {
		return nil, 0
	}
	length := int(binary.LittleEndian.Uint32(data))
	if length > maxRecordBytes || len(data) < headerBytes+length {
		return nil, 0
	}
	record = data[headerBytes : headerBytes+length : headerBytes+length]
	if crc32.Checksum(record, castagnoli) != binary.LittleEndian.Uint32(data[4:]) {
		return nil, 0
	}
	return record, headerBytes + length
}

func (s *Spool) addSegment(id uint64) error {
	f, err := os.OpenFile(filepath.Join(s.cfg.Dir, fmt.Sprintf("%020d%s", id, suffix)), os.O_RDWR|os.O_APPEND|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("make segment of queue: %w", err)
	}
	s.segments = append(s.segments, &segment{id: id, file: f})
	return nil
}

// Append adds records. If it returns an error, those that are lost are counted.
func (s *Spool) Append(records [][]byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.wake()
	for len(records) > 0 {
		n, bytes := 0, int64(0)
		g := s.segments[len(s.segments)-1]
		for n < len(records) && (n == 0 || g.size+bytes < s.limit) {
			bytes += int64(headerBytes + len(records[n]))
			n++
		}
		if g.size > 0 && g.size+bytes > s.limit {
			if err := s.addSegment(g.id + 1); err != nil {
				s.lost += uint64(len(records))
				return err
			}
			continue
		}
		if err := s.makeRoomLocked(bytes); err != nil {
			s.lost += uint64(len(records))
			return err
		}
		err := s.writeLocked(s.segments[len(s.segments)-1], records[:n])
		if err != nil && s.freeLocked() {
			err = s.writeLocked(s.segments[len(s.segments)-1], records[:n])
		}
		if err != nil {
			s.lost += uint64(len(records))
			return err
		}
		records = records[n:]
	}
	return nil
}

// writeLocked writes records at the end of g, all or none.
func (s *Spool) writeLocked(g *segment, records [][]byte) error {
	s.buf = s.buf[:0]
	for _, r := range records {
		s.buf = binary.LittleEndian.AppendUint32(s.buf, uint32(len(r)))
		s.buf = binary.LittleEndian.AppendUint32(s.buf, crc32.Checksum(r, castagnoli))
		s.buf = append(s.buf, r...)
	}
	defer func() {
		if cap(s.buf) > maxSegmentBytes/4 {
			s.buf = nil
		}
	}()
	if _, err := g.file.Write(s.buf); err != nil {
		// What was written of it would be taken for damage.
		return errors.Join(fmt.Errorf("write queue: %w", err), g.file.Truncate(g.size))
	}
	g.size += int64(len(s.buf))
	g.count += len(records)
	return nil
}

// makeRoomLocked makes room for so many bytes, at the cost of the oldest.
func (s *Spool) makeRoomLocked(bytes int64) error {
	for s.bytesLocked()+bytes > s.cfg.MaxBytes && s.bytesLocked() > 0 {
		if s.cfg.DropNewest {
			return ErrFull
		}
		if len(s.segments) == 1 {
			if err := s.addSegment(s.segments[0].id + 1); err != nil {
				return err
			}
		}
		g := s.segments[0]
		s.lost += uint64(g.count - g.acked)
		if err := s.removeFirstLocked(); err != nil {
			return err
		}
	}
	return nil
}

// freeLocked gives a full disk the place of what was acknowledged, and tells
// whether there was any.
func (s *Spool) freeLocked() (freed bool) {
	for {
		g := s.segments[0]
		if g.size == 0 || g.acked < g.count || len(s.segments) == 1 && s.addSegment(g.id+1) != nil || s.removeFirstLocked() != nil {
			return freed
		}
		freed = true
	}
}

// removeFirstLocked deletes the oldest segment, which is not the only one.
func (s *Spool) removeFirstLocked() error {
	g := s.segments[0]
	s.segments = s.segments[1:]
	next := Position{segment: s.segments[0].id}
	if s.cursor.segment <= g.id {
		s.cursor = next
	}
	if s.acked.segment <= g.id {
		s.acked = next
	}
	return errors.Join(g.file.Close(), os.Remove(g.file.Name()))
}

// Read returns the next records, up to about maxBytes of them, or none.
func (s *Spool) Read(maxBytes int) ([]Record, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		i := slices.IndexFunc(s.segments, func(g *segment) bool { return g.id == s.cursor.segment })
		if i < 0 {
			i, s.cursor = 0, Position{segment: s.segments[0].id}
		}
		g := s.segments[i]
		if left := g.size - s.cursor.offset; left > 0 {
			records, err := s.readLocked(g, min(left, int64(maxBytes)))
			if err != nil || len(records) > 0 {
				return records, err
			}
			s.lost++ // at least: the rest of the segment cannot be read
			s.cursor.offset = g.size
		}
		if i == len(s.segments)-1 {
			return nil, nil
		}
		s.cursor = Position{segment: s.segments[i+1].id}
	}
}

func (s *Spool) readLocked(g *segment, bytes int64) ([]Record, error) {
	for {
		if int64(cap(s.in)) < bytes {
			s.in = make([]byte, bytes)
		}
		data := s.in[:bytes]
		if _, err := g.file.ReadAt(data, s.cursor.offset); err != nil {
			return nil, fmt.Errorf("read queue: %w", err)
		}
		var records []Record
		for {
			record, n := cutRecord(data)
			if record == nil {
				break
			}
			data = data[n:]
			s.cursor.offset += int64(n)
			records = append(records, Record{Data: record, After: s.cursor})
		}
		// One that is longer than what was asked for.
		more := min(maxRecordBytes+headerBytes, g.size-s.cursor.offset)
		if len(records) > 0 || more <= bytes {
			return records, nil
		}
		bytes = more
	}
}

// Ack says that all records up to the place have arrived, count of them.
func (s *Spool) Ack(to Position, count int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if to.segment < s.segments[0].id {
		return nil // was dropped meanwhile
	}
	if to.segment < s.acked.segment || to.segment == s.acked.segment && to.offset <= s.acked.offset {
		return nil
	}
	s.acked = to
	for _, g := range s.segments {
		if g.id == to.segment {
			g.acked = min(g.count, g.acked+count)
		}
	}
	var errs []error
	for len(s.segments) > 1 && s.segments[0].id < to.segment {
		errs = append(errs, s.removeFirstLocked())
	}
	if g := s.segments[0]; len(s.segments) > 1 && g.id == to.segment && to.offset == g.size {
		errs = append(errs, s.removeFirstLocked())
	}
	switch wait := saveEvery - time.Since(s.saved); {
	case wait <= 0:
		// On a full disk what arrives has to go on: it makes room. The worst of
		// an old position is that a crash sends again.
		_ = s.saveLocked()
	case s.later == nil: // or a quiet queue would send it all again after a crash
		s.later = time.AfterFunc(wait, s.saveLater)
	}
	return errors.Join(errs...)
}

func (s *Spool) saveLater() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.later == nil || s.closed {
		return
	}
	s.later = nil
	_ = s.saveLocked() // as in Ack
}

// Rewind makes Read begin again behind what was acknowledged.
func (s *Spool) Rewind() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cursor = s.acked
	s.wake()
}

// Ready has a token if there may be something to read.
func (s *Spool) Ready() <-chan struct{} { return s.ready }

func (s *Spool) wake() {
	select {
	case s.ready <- struct{}{}:
	default:
	}
}

// Len is how many records are not acknowledged.
func (s *Spool) Len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.countLocked()
}

func (s *Spool) countLocked() (n int) {
	for _, g := range s.segments {
		n += g.count - g.acked
	}
	return n
}

func (s *Spool) bytesLocked() (n int64) {
	for _, g := range s.segments {
		n += g.size
	}
	return n
}

// Lost is how many records were dropped since Open.
func (s *Spool) Lost() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lost
}

func (s *Spool) readPosition() (p Position) {
	text, err := os.ReadFile(filepath.Join(s.cfg.Dir, positionFile))
	if err != nil {
		return Position{}
	}
	if _, err := fmt.Sscanf(string(text), "%d %d\n", &p.segment, &p.offset); err != nil || p.offset < 0 {
		return Position{} // all is sent again
	}
	return p
}

func (s *Spool) saveLocked() error {
	s.saved = time.Now()
	if s.later != nil {
		s.later.Stop()
		s.later = nil
	}
	path := filepath.Join(s.cfg.Dir, positionFile)
	if err := os.WriteFile(path+".new", fmt.Appendf(nil, "%d %d\n", s.acked.segment, s.acked.offset), 0o600); err != nil {
		return fmt.Errorf("write position of queue: %w", err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		return fmt.Errorf("write position of queue: %w", err)
	}
	return nil
}

// Close writes the position, syncs and closes.
func (s *Spool) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	err := s.saveLocked()
	last := s.segments[len(s.segments)-1]
	return errors.Join(err, last.file.Sync(), s.closeFiles())
}

func (s *Spool) closeFiles() error {
	var errs []error
	for _, g := range s.segments {
		errs = append(errs, g.file.Close())
	}
	return errors.Join(errs...)
}
