package index

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tagtail/tagtail/index/internal/block"
	"github.com/tagtail/tagtail/index/internal/blockindex"
	"github.com/tagtail/tagtail/index/internal/filter"
)

// day is the blocks of one UTC day of Received, and the index of their words.
type day struct {
	number int64 // since 1970; immutable, like dir
	dir    string

	blocks  []*storedBlock // guarded by Store.mu, like remains
	remains int            // blocks that are gone but have files
	filters []*filterFile  // guarded by Store.placing, like joined
	joined  int            // the highest number of a file of joined filters
	unread  []string       // files of blocks that could not be read at Open; guarded by Store.mu

	settled int // how many blocks there were when nothing was left to merge and optimise; Store.keeping guards it
	tries   int // to optimise; like settled

	mu     sync.Mutex
	words  *blockindex.Index // nil until it is needed
	older  bool              // there may be one of another version beside it
	closed bool

	completing chan struct{} // has one while a search completes words; taken before mu
	complete   bool          // every block that was there at Open is in words; completing guards it
}

func (s *Store) newDay(number int64) *day {
	return &day{
		number: number, dir: filepath.Join(s.cfg.Dir, "days", dayName(number)),
		completing: make(chan struct{}, 1),
	}
}

// storedBlock is a block's file.
type storedBlock struct {
	path   string
	size   int64 // of the block's file
	header block.Header

	filter atomic.Pointer[filterPlace] // nil: it has to be built

	indexed atomic.Pointer[blockindex.Index] // its words are in this one, which a rebuild may have deleted
	marks   atomic.Uint32                    // what is not in there, as blockindex.Marks
	damaged atomic.Bool                      // this was reported
	moved   atomic.Pointer[moved]            // it was purged
}

// marked tells whether the index of words has the mark for the block.
func (b *storedBlock) marked(m blockindex.Marks) bool { return blockindex.Marks(b.marks.Load())&m != 0 }

// id names the block in the index of words.
func (b *storedBlock) id() string { return fmt.Sprintf("%d-%d", b.header.First, b.header.Last) }

const dayLayout = "2006-01-02"

func dayName(number int64) string { return time.Unix(number*24*60*60, 0).UTC().Format(dayLayout) }

// openDays reads the headers of all blocks.
func (s *Store) openDays() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	root := filepath.Join(s.cfg.Dir, "days")
	if err := os.MkdirAll(root, 0o750); err != nil {
		return fmt.Errorf("make days: %w", err)
	}
	names, err := os.ReadDir(root)
	if err != nil {
		return fmt.Errorf("read days: %w", err)
	}
	for _, name := range names {
		if strings.HasSuffix(name.Name(), ".tmp") {
			_ = os.RemoveAll(filepath.Join(root, name.Name())) // a day that is gone
			continue
		}
		start, err := time.Parse(dayLayout, name.Name())
		if err != nil || !name.IsDir() {
			continue
		}
		if err := s.openDayLocked(dayNumber(start)); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) openDayLocked(number int64) error {
	d := s.newDay(number)
	files, err := os.ReadDir(d.dir)
	if err != nil {
		return fmt.Errorf("read day: %w", err)
	}
	var filters []string
	for _, file := range files {
		path := filepath.Join(d.dir, file.Name())
		if strings.HasSuffix(path, ".tmp") {
			_ = os.Remove(path) // a block that was never finished: the journal has it
			continue
		}
		if strings.HasSuffix(path, filter.Suffix) || strings.HasSuffix(path, joinedSuffix) {
			filters = append(filters, path)
			if number, err := strconv.Atoi(strings.TrimSuffix(file.Name(), joinedSuffix)); err == nil {
				d.joined = max(d.joined, number)
			}
			continue
		}
		if blockindex.Older(file.Name()) {
			d.older = true
			continue
		}
		_, last, ok := block.ParseFileName(file.Name())
		if !ok {
			continue
		}
		s.seenLocked(last)
		b := &storedBlock{path: path}
		if err := b.readHeader(number); err != nil {
			s.reportBlock(b, err)
			d.unread = append(d.unread, path)
			continue
		}
		s.seenLocked(b.header.Last)
		d.blocks = append(d.blocks, b)
	}
	s.findFilters(d, filters, d.blocks)
	s.settle(d)
	for _, b := range d.blocks {
		s.instanceLocked(b.header.Instance).keepBlock(&b.header)
	}
	s.days[number] = d
	return nil
}

// seenLocked takes note of a Seq that was given out by Append.
func (s *Store) seenLocked(seq uint64) {
	if !Imported(seq) {
		s.lastSeq = max(s.lastSeq, seq)
	}
}

// readHeader reads what is known of the block, which is of that day.
func (b *storedBlock) readHeader(day int64) error {
	header, size, err := block.ReadHeader(b.path)
	if err != nil {
		return err
	}
	for _, received := range []int64{header.MinReceived, header.MaxReceived} {
		if n := dayNumber(time.Unix(0, received)); n != day {
			return fmt.Errorf("%w: it is of %s", block.ErrDamaged, dayName(n))
		}
	}
	b.header, b.size = header, size
	return nil
}

// dayLocked returns the day, new if need be; its folder may not be there yet.
func (s *Store) dayLocked(number int64) *day {
	d := s.days[number]
	if d == nil {
		d = s.newDay(number)
		s.days[number] = d
	}
	return d
}

// sealedRanges are the numbers that are in blocks, by first number.
type sealedRanges map[headKey][]seqRange

type seqRange struct {
	first, last uint64
	// reach is the highest last of this range and all before it: ranges of
	// damaged or older stores may overlap.
	reach uint64
}

func (s *Store) sealedRangesLocked() sealedRanges {
	sealed := make(sealedRanges)
	for _, d := range s.days {
		for _, b := range d.blocks {
			key := headKey{b.header.Instance, d.number}
			sealed[key] = append(sealed[key], seqRange{first: b.header.First, last: b.header.Last})
		}
	}
	for _, ranges := range sealed {
		sort.Slice(ranges, func(i, j int) bool { return ranges[i].first < ranges[j].first })
		reach := uint64(0)
		for i := range ranges {
			reach = max(reach, ranges[i].last)
			ranges[i].reach = reach
		}
	}
	return sealed
}

// begun is how many of the key's ranges begin at seq or before.
func (r sealedRanges) begun(key headKey, seq uint64) int {
	ranges := r[key]
	return sort.Search(len(ranges), func(i int) bool { return ranges[i].first > seq })
}

func (r sealedRanges) has(key headKey, seq uint64) bool {
	n := r.begun(key, seq)
	return n > 0 && r[key][n-1].reach >= seq
}

// written tells that a whole block has the path now, where there may have been
// one that could not be read.
func (s *Store) written(d *day, path string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d.unread = slices.DeleteFunc(d.unread, func(unread string) bool { return unread == path })
}

// close closes the index of words for good.
func (d *day) close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = true
	return d.restLocked()
}

// rest closes the index of words until it is needed again.
func (d *day) rest() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.restLocked()
}

func (d *day) restLocked() error {
	if d.words == nil {
		return nil
	}
	words := d.words
	d.words = nil
	return words.Close()
}
