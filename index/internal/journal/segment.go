package journal

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/tagtail/tagtail/index/internal/files"
)

// HeaderBytes is what Append needs at the start of a frame.
const HeaderBytes = 20

const (
	segmentMagic       = "TTJRNL\x00\x01" // the last byte is the version
	segmentHeaderBytes = 16
	segmentSuffix      = ".journal"
	frameMarker        = "\xf7TTf"
	maxFrameBytes      = 256 << 20
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Damage is a place in a segment that could not be read.
type Damage struct {
	Path          string
	Offset, Bytes int64
	// Torn tells that nothing whole came after it: it was cut off.
	Torn bool
	Err  error
}

// String says it in one line.
func (d Damage) String() string {
	kind := "damaged"
	if d.Torn {
		kind = "torn, cut off"
	}
	return fmt.Sprintf("%s: %d bytes at offset %d %s: %v", d.Path, d.Bytes, d.Offset, kind, d.Err)
}

var (
	errHeader   = errors.New("segment header is not readable")
	errFrame    = errors.New("no frame header")
	errLength   = errors.New("frame ends behind the file")
	errChecksum = errors.New("checksum does not match")
)

// stopError ends a replay.
type stopError struct{ error }

func (e stopError) Unwrap() error { return e.error }

// Stop marks an error of replay that is no damage: Open returns it, and leaves
// the frame alone.
func Stop(err error) error { return stopError{err} }

// segmentName sorts by number.
func segmentName(first uint64) string { return fmt.Sprintf("%020d%s", first, segmentSuffix) }

// newSegmentHeader returns a header with a random salt. Every checksum in the
// segment begins with the salt, so that no sender can put a valid frame into
// a message for the search behind a damaged place to find.
func newSegmentHeader() (header []byte, salt uint32, err error) {
	var random [4]byte
	if _, err := rand.Read(random[:]); err != nil {
		return nil, 0, err
	}
	header = append(header, segmentMagic...)
	header = append(header, random[:]...)
	header = binary.LittleEndian.AppendUint32(header, crc32.Checksum(header, castagnoli))
	return header, binary.LittleEndian.Uint32(random[:]), nil
}

func parseSegmentHeader(data []byte) (salt uint32, ok bool) {
	if len(data) < segmentHeaderBytes || string(data[:8]) != segmentMagic ||
		crc32.Checksum(data[:12], castagnoli) != binary.LittleEndian.Uint32(data[12:]) {
		return 0, false
	}
	return binary.LittleEndian.Uint32(data[8:]), true
}

// putHeader fills in the first HeaderBytes of frame: marker, length of the
// payload, checksum, first number.
func putHeader(frame []byte, first uint64, salt uint32) {
	copy(frame, frameMarker)
	binary.LittleEndian.PutUint32(frame[4:], uint32(len(frame)-HeaderBytes))
	binary.LittleEndian.PutUint64(frame[12:], first)
	binary.LittleEndian.PutUint32(frame[8:], frameChecksum(frame, salt))
}

func frameChecksum(frame []byte, salt uint32) uint32 {
	sum := crc32.Update(salt, castagnoli, frame[4:8])
	return crc32.Update(sum, castagnoli, frame[12:])
}

// parseFrame returns the frame at the start of data.
func parseFrame(data []byte, salt uint32) (first uint64, frame []byte, err error) {
	if len(data) < HeaderBytes || string(data[:4]) != frameMarker {
		return 0, nil, errFrame
	}
	size := uint64(binary.LittleEndian.Uint32(data[4:])) + HeaderBytes
	if size > uint64(len(data)) {
		return 0, nil, errLength
	}
	frame = data[:size]
	if frameChecksum(frame, salt) != binary.LittleEndian.Uint32(frame[8:]) {
		return 0, nil, errChecksum
	}
	return binary.LittleEndian.Uint64(frame[12:]), frame, nil
}

// replayDir reads all segments of dir, oldest first.
func replayDir(dir string, replay func(uint64, []byte) (uint64, error)) ([]*segment, []Damage, error) {
	names, err := os.ReadDir(dir)
	if err != nil {
		return nil, nil, fmt.Errorf("read journal: %w", err)
	}
	var segments []*segment
	var damage []Damage
	for _, entry := range names { // ReadDir sorts by name
		number, ok := strings.CutSuffix(entry.Name(), segmentSuffix)
		first, err := strconv.ParseUint(number, 10, 64)
		if !ok || err != nil {
			continue
		}
		s := &segment{path: filepath.Join(dir, entry.Name()), first: first}
		found, err := s.replay(replay)
		if err != nil {
			return nil, damage, fmt.Errorf("replay journal segment %s: %w", s.path, err)
		}
		damage = append(damage, found...)
		if s.readable {
			segments = append(segments, s)
		}
	}
	return segments, damage, nil
}

// LastName returns the highest number in the name of a segment in dir: every
// number below it was given out.
func LastName(dir string) uint64 {
	newest := uint64(0)
	for _, path := range files.Glob(dir, "*"+segmentSuffix) {
		number, _ := strings.CutSuffix(filepath.Base(path), segmentSuffix)
		if first, err := strconv.ParseUint(number, 10, 64); err == nil { // another file may have any name
			newest = max(newest, first)
		}
	}
	return newest
}

// replay reads one segment. Behind a damaged frame it looks for the next whole
// one. A whole frame that is refused is skipped, and the segment not used: the
// file stays, because a program that reads the frame may come.
func (s *segment) replay(replay func(uint64, []byte) (uint64, error)) ([]Damage, error) {
	data, err := os.ReadFile(s.path)
	if err != nil {
		return nil, err
	}
	s.size = int64(len(data))
	if len(data) == 0 { // the process was killed as it made the file
		s.readable = true
		return nil, nil
	}
	salt, ok := parseSegmentHeader(data)
	if !ok {
		// Without the salt no frame can be told from a forged one. The file
		// stays, for whoever can make something of it.
		return []Damage{{Path: s.path, Bytes: s.size, Err: errHeader}}, nil
	}
	s.readable = true
	var damage []Damage
	var stop error
	cut := len(data)
	walkFrames(data, salt, func(f foundFrame) {
		if stop != nil {
			return
		}
		if f.err == nil {
			last, err := replay(f.first, f.payload)
			if errors.As(err, new(stopError)) {
				stop = err
				return
			}
			s.readable = s.readable && err == nil
			s.last = max(s.last, last)
			f.err = err
		}
		if f.err != nil {
			d := s.damaged(f.from, f.to, f.err)
			d.Torn = f.torn
			damage = append(damage, d)
		}
		if f.torn {
			cut = f.from
		}
	})
	if stop != nil || cut == len(data) {
		return damage, stop
	}
	if err := os.Truncate(s.path, int64(cut)); err != nil {
		return damage, err
	}
	s.size = int64(cut)
	return damage, nil
}

func (s *segment) damaged(from, to int, err error) Damage {
	return Damage{Path: s.path, Offset: int64(from), Bytes: int64(to - from), Err: err}
}
