// Package journal keeps frames of bytes in append-only, checksummed segments.
//
//	Append → write(2) → active segment → Sync (one fsync for all who wait) → Remove
//
// A frame is there for good for this machine's other processes when Append
// returns, and for a power cut when Sync returns. Open hands every whole frame
// back in order, skips what is damaged, cuts a torn tail and reports both. A
// segment is never written to again after a restart. FORMAT.md, beside the
// index package, has the layout. The package does not know what is in a
// frame; it knows the first and last sequence number, to name and to remove
// segments. Start reading at Open, then Append.
package journal

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"sync"
)

// DefaultSegmentBytes is the size at which a segment is closed: small enough
// that finished ones are soon removed, large enough that files stay few.
const DefaultSegmentBytes = 4 << 20

// ErrClosed is returned by Append and Sync after Close.
var ErrClosed = errors.New("journal is closed")

// File is what the journal needs of a file; the seam for fault injection.
type File interface {
	Write(p []byte) (int, error)
	Truncate(size int64) error
	Sync() error
	Close() error
}

// Config says where a journal is.
type Config struct {
	Dir string
	// SegmentBytes is the size at which a new segment begins; 0 means
	// DefaultSegmentBytes.
	SegmentBytes int64
	// Create makes a new file that is only appended to; nil means os.OpenFile.
	Create func(path string) (File, error)
}

// Journal is safe for use by several goroutines.
type Journal struct {
	cfg Config // immutable after Open

	mu      sync.Mutex
	active  *segment   // nil after an error: the next Append begins one
	older   []*segment // oldest first; one may have failed
	written uint64     // bytes since Open
	synced  uint64     // of written, those that are on the disk
	round   *syncRound // the fsync that is running, or nil
	newName bool       // a segment was created since the folder was synced
	closed  bool
}

type segment struct {
	path        string
	first, last uint64 // last is 0 while it has no frame
	size        int64
	salt        uint32
	readable    bool  // at a replay: it is a segment of this version
	file        File  // nil once it is synced and no longer active, or has failed to
	failed      error // of its fsync: what is in it may not be on the disk
}

// syncRound is one fsync and those who wait for it.
type syncRound struct {
	done chan struct{}
	err  error // valid when done is closed
}

// Open replays the journal in cfg.Dir, oldest frame first, and then begins a
// new segment for sequence numbers from next(), which is asked after the
// replay. replay may not keep the payload; an error from it counts as damage
// of that frame, or ends Open if it is marked with Stop.
func Open(cfg Config, replay func(first uint64, payload []byte) (last uint64, err error), next func([]Damage) uint64) (*Journal, []Damage, error) {
	if cfg.SegmentBytes == 0 {
		cfg.SegmentBytes = DefaultSegmentBytes
	}
	if cfg.Create == nil {
		cfg.Create = createFile
	}
	if err := os.MkdirAll(cfg.Dir, 0o750); err != nil {
		return nil, nil, fmt.Errorf("create journal: %w", err)
	}
	segments, damage, err := replayDir(cfg.Dir, replay)
	if err != nil {
		return nil, nil, err
	}
	j := &Journal{cfg: cfg, older: segments}
	if err := j.beginLocked(next(damage)); err != nil {
		return nil, damage, err
	}
	j.dropEmptyLocked()
	return j, damage, nil
}

// Append writes a frame that begins with HeaderBytes to be filled in and holds
// the sequence numbers first to last. After an error nothing of the frame is
// replayed if that can be had: numbers should still not be used again.
func (j *Journal) Append(frame []byte, first, last uint64) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed {
		return ErrClosed
	}
	if len(frame) > maxFrameBytes {
		return fmt.Errorf("append to journal: frame of %d bytes is larger than %d", len(frame), maxFrameBytes)
	}
	if j.active == nil || j.active.size+int64(len(frame)) > j.cfg.SegmentBytes && j.active.last != 0 {
		if err := j.beginLocked(first); err != nil {
			return err
		}
	}
	s := j.active
	putHeader(frame, first, s.salt)
	if _, err := s.file.Write(frame); err != nil {
		if cut := s.file.Truncate(s.size); cut != nil {
			j.retireLocked()
			err = errors.Join(err, cut)
		}
		return fmt.Errorf("append to journal: %w", err)
	}
	s.size += int64(len(frame))
	s.last = last
	j.written += uint64(len(frame))
	return nil
}

// beginLocked makes a new active segment whose numbers begin at first.
func (j *Journal) beginLocked(first uint64) error {
	path := filepath.Join(j.cfg.Dir, segmentName(first))
	file, err := j.cfg.Create(path)
	if err != nil {
		return fmt.Errorf("begin journal segment: %w", err)
	}
	header, salt, err := newSegmentHeader()
	if err == nil {
		_, err = file.Write(header)
	}
	if err != nil {
		return fmt.Errorf("begin journal segment: %w", errors.Join(err, file.Close(), os.Remove(path)))
	}
	j.retireLocked()
	// An empty one whose fsync has failed may have had the name: Remove would
	// delete the new one by it.
	j.older = slices.DeleteFunc(j.older, func(s *segment) bool { return s.path == path })
	j.active = &segment{path: path, first: first, size: int64(len(header)), salt: salt, file: file}
	j.written += uint64(len(header))
	j.newName = true
	return nil
}

// retireLocked moves the active segment to the older ones; its file stays open
// until it is synced.
func (j *Journal) retireLocked() {
	if j.active != nil {
		j.older = append(j.older, j.active)
		j.active = nil
	}
}

// dropEmptyLocked removes older segments that hold no frame: the name of the
// active one tells how far the numbers have come.
func (j *Journal) dropEmptyLocked() {
	kept := j.older[:0]
	for _, s := range j.older {
		if s.last == 0 && s.path != j.active.path {
			_ = os.Remove(s.path) // what stays is dropped at the next start
			continue
		}
		if s.path != j.active.path {
			kept = append(kept, s)
		}
	}
	j.older = kept
}

// Sync returns when everything that was appended before the call is on the
// disk. All who wait at the same time share one fsync. Once the fsync of a
// segment has failed, it returns an error until Remove has deleted the segment.
func (j *Journal) Sync(ctx context.Context) error { return j.SyncFrom(ctx, 0) }

// SyncFrom is Sync for who needs only the numbers from first on: that segments
// with lower ones have failed is no error. They may fail a round that has the
// wanted numbers, or none of them: the next round tells.
func (j *Journal) SyncFrom(ctx context.Context, first uint64) error {
	j.mu.Lock()
	target := j.written
	for again := first > 0; j.synced < target; {
		if j.closed {
			j.mu.Unlock()
			return ErrClosed
		}
		round, mine := j.round, false
		if round == nil {
			round, mine = &syncRound{done: make(chan struct{})}, true
			j.round = round
		}
		j.mu.Unlock()
		if mine {
			j.runRound(round)
		}
		select {
		case <-round.done:
		case <-ctx.Done():
			return ctx.Err()
		}
		j.mu.Lock()
		if round.err != nil {
			if !again || j.failedLocked(first) != nil {
				j.mu.Unlock()
				return round.err
			}
			again = false
		}
	}
	defer j.mu.Unlock()
	return j.failedLocked(first)
}

// failedLocked is the error of a segment that may not be on the disk and has a
// number from first on.
func (j *Journal) failedLocked(first uint64) error {
	for _, s := range j.older {
		if s.failed != nil && s.last >= first {
			return fmt.Errorf("sync journal segment %s: %w", s.path, s.failed)
		}
	}
	return nil
}

// Waiting is how many finished segments wait for a Sync with their files open.
func (j *Journal) Waiting() (segments int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, s := range j.older {
		if s.file != nil {
			segments++
		}
	}
	return segments
}

// Unsynced is the highest sequence number that is in a segment whose fsync has
// failed, 0 if there is none.
func (j *Journal) Unsynced() uint64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	last := uint64(0)
	for _, s := range j.older {
		if s.failed != nil {
			last = max(last, s.last)
		}
	}
	return last
}

// runRound syncs all that is written now.
func (j *Journal) runRound(round *syncRound) {
	j.mu.Lock()
	upTo, newName := j.written, j.newName
	var files []syncedFile
	for _, s := range append(j.older[:len(j.older):len(j.older)], j.active) {
		if s != nil && s.file != nil {
			files = append(files, syncedFile{segment: s, size: s.size})
		}
	}
	j.newName = false
	j.mu.Unlock()

	var err error
	for i := range files {
		f := &files[i]
		f.err = f.file.Sync()
		err = errors.Join(err, f.err)
	}
	var dirErr error
	if newName && err == nil {
		dirErr = syncDir(j.cfg.Dir)
		err = dirErr
	}

	j.mu.Lock()
	defer j.mu.Unlock()
	if err == nil {
		j.synced = max(j.synced, upTo)
	} else {
		j.newName = j.newName || newName
		round.err = fmt.Errorf("sync journal: %w", err)
	}
	for i := range files {
		j.settleLocked(&files[i], dirErr)
	}
	j.round = nil
	close(round.done)
}

// syncedFile is a segment in a round.
type syncedFile struct {
	*segment
	size int64 // when the round began
	err  error
}

// settleLocked closes the file if it is done with. The kernel forgets dirty
// pages after a failed fsync, so that the next one would lie: the segment is
// given up then, and remembered as long as it has something.
func (j *Journal) settleLocked(f *syncedFile, dirErr error) {
	s := f.segment
	if f.err = errors.Join(f.err, dirErr); f.err != nil {
		if j.active == s {
			j.retireLocked()
		}
		if s.last != 0 {
			s.failed = f.err
		}
	}
	// What came while the fsync ran waits for the next round.
	whole := f.err != nil || s.size == f.size
	if s != j.active && s.file != nil && whole {
		_ = s.file.Close() // it is synced, or has said that it is not
		s.file = nil
	}
}

// Remove deletes every finished segment whose numbers are all below before.
func (j *Journal) Remove(before uint64) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	var err error
	kept := j.older[:0]
	for _, s := range j.older {
		// A file that is open may be in a running fsync.
		if s.last >= before || s.file != nil && j.round != nil {
			kept = append(kept, s)
			continue
		}
		if s.file != nil {
			_ = s.file.Close() // what is in it is in blocks
			s.file = nil
		}
		if e := os.Remove(s.path); e != nil && !errors.Is(e, os.ErrNotExist) {
			err = errors.Join(err, e)
			kept = append(kept, s)
		}
	}
	j.older = kept
	if err != nil {
		return fmt.Errorf("remove journal segment: %w", err)
	}
	return nil
}

// Turn ends the active segment, so that Remove can delete it once nothing in
// it is needed. The next one holds numbers from first on.
func (j *Journal) Turn(first uint64) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed {
		return ErrClosed
	}
	if j.active != nil && j.active.last == 0 && j.active.first >= first {
		return nil
	}
	return j.beginLocked(first)
}

// Active tells whether there is a segment to append to, and so one whose name
// says how far the numbers have come: after an error there may be none.
func (j *Journal) Active() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.active != nil
}

// First is the lowest number that a replay could bring back.
func (j *Journal) First() uint64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	first := uint64(math.MaxUint64)
	for _, s := range j.older {
		first = min(first, s.first)
	}
	if j.active != nil {
		first = min(first, j.active.first)
	}
	return first
}

// Holding is the highest number in the segments that a number up to last may be
// in, 0 if there are none: what has to be in blocks before they can go.
func (j *Journal) Holding(last uint64) uint64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	highest := uint64(0)
	for _, s := range append(j.older[:len(j.older):len(j.older)], j.active) {
		if s != nil && s.first <= last {
			highest = max(highest, s.last)
		}
	}
	return highest
}

// Size is the number of bytes in all segments, and how many there are.
func (j *Journal) Size() (bytes int64, segments int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, s := range j.older {
		bytes += s.size
	}
	segments = len(j.older)
	if j.active != nil {
		bytes += j.active.size
		segments++
	}
	return bytes, segments
}

// Close syncs and closes, with an error if something may not be on the disk.
// It may be called again.
func (j *Journal) Close() error {
	j.mu.Lock()
	done := j.closed
	j.mu.Unlock()
	if done {
		return nil
	}
	err := j.Sync(context.Background())
	j.mu.Lock()
	defer j.mu.Unlock()
	j.closed = true
	for _, s := range append(j.older, j.active) {
		if s != nil && s.file != nil {
			err = errors.Join(err, s.file.Close())
			s.file = nil
		}
	}
	return err
}

func createFile(path string) (File, error) {
	return os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY|os.O_APPEND, 0o640)
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
