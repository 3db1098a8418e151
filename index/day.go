package index

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sort"
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

	blocks []*storedBlock // guarded by Store.mu; only ever appended to

	mu     sync.Mutex
	words  *blockindex.Index // nil until it is needed
	closed bool

	completing sync.Mutex // taken before mu
	complete   bool       // every block that was there at Open is in words
}

// storedBlock is a block's file.
type storedBlock struct {
	path   string
	size   int64
	header block.Header

	indexed  atomic.Bool // its words are in the day's index
	overflow atomic.Bool // but not all of them: the others are in the filter
	damaged  atomic.Bool // this was reported
}

// id names the block in the index of words.
func (b *storedBlock) id() string { return fmt.Sprintf("%d-%d", b.header.First, b.header.Last) }

func (b *storedBlock) filterPath() string {
	return strings.TrimSuffix(b.path, block.Suffix) + filter.Suffix
}

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
	d := &day{number: number, dir: filepath.Join(s.cfg.Dir, "days", dayName(number))}
	files, err := os.ReadDir(d.dir)
	if err != nil {
		return fmt.Errorf("read day: %w", err)
	}
	for _, file := range files {
		path := filepath.Join(d.dir, file.Name())
		if strings.HasSuffix(path, ".tmp") {
			_ = os.Remove(path) // a block that was never finished: the journal has it
			continue
		}
		_, last, ok := block.ParseFileName(file.Name())
		if !ok {
			continue
		}
		s.lastSeq = max(s.lastSeq, last)
		header, size, err := block.ReadHeader(path)
		if err != nil {
			s.counters.damagedBlocks.Add(1)
			s.cfg.Logger.Error("block cannot be read", slog.String("file", path), slog.Any("err", err))
			continue
		}
		s.lastSeq = max(s.lastSeq, header.Last)
		d.blocks = append(d.blocks, &storedBlock{path: path, size: size, header: header})
		s.instanceLocked(header.Instance).keepBlock(&header)
	}
	s.days[number] = d
	return nil
}

// dayLocked returns the day, new if need be; its folder may not be there yet.
func (s *Store) dayLocked(number int64) *day {
	d := s.days[number]
	if d == nil {
		d = &day{number: number, dir: filepath.Join(s.cfg.Dir, "days", dayName(number))}
		s.days[number] = d
	}
	return d
}

// sealedRanges are the numbers that are in blocks.
type sealedRanges map[headKey][]seqRange

type seqRange struct{ first, last uint64 }

func (s *Store) sealedRangesLocked() sealedRanges {
	sealed := make(sealedRanges)
	for _, d := range s.days {
		for _, b := range d.blocks {
			key := headKey{b.header.Instance, d.number}
			sealed[key] = append(sealed[key], seqRange{b.header.First, b.header.Last})
		}
	}
	for _, ranges := range sealed {
		sort.Slice(ranges, func(i, j int) bool { return ranges[i].first < ranges[j].first })
	}
	return sealed
}

func (r sealedRanges) has(key headKey, seq uint64) bool {
	ranges := r[key]
	i := sort.Search(len(ranges), func(i int) bool { return ranges[i].last >= seq })
	return i < len(ranges) && ranges[i].first <= seq
}

// openWords returns the day's index of words. It is nil if the index cannot be
// had; trouble is logged.
func (s *Store) openWords(d *day) *blockindex.Index {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed || d.words != nil {
		return d.words
	}
	dir := filepath.Join(d.dir, blockindex.Folder)
	words, err := blockindex.Open(dir)
	if err != nil {
		s.reportIndex("word index is built again", d, err)
		if err = os.RemoveAll(dir); err == nil {
			words, err = blockindex.Open(dir)
		}
	}
	if err != nil {
		s.reportIndex("word index cannot be opened", d, err)
		return nil
	}
	d.words = words
	return words
}

// completeWords sees to it once that all blocks of the day are in its index, as
// far as ctx lets it. Only searches wait for it: a block is indexed as it is
// sealed.
func (s *Store) completeWords(ctx context.Context, d *day, index *blockindex.Index, blocks []*storedBlock) {
	d.completing.Lock()
	defer d.completing.Unlock()
	if d.complete {
		return
	}
	if err := s.addMissing(ctx, index, blocks); err != nil {
		s.reportIndex("word index is not complete", d, err)
		return
	}
	d.complete = true
}

// addMissing adds the blocks that are not in the index.
func (s *Store) addMissing(ctx context.Context, index *blockindex.Index, blocks []*storedBlock) error {
	ids, err := index.IDs()
	if err != nil {
		return err
	}
	overflowed, err := index.Overflowed()
	if err != nil {
		return err
	}
	for _, b := range blocks {
		if b.indexed.Load() || b.damaged.Load() {
			continue
		}
		if ids[b.id()] {
			b.overflow.Store(overflowed[b.id()])
			b.indexed.Store(true)
			continue
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := s.addBlock(index, b); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) addBlock(index *blockindex.Index, b *storedBlock) error {
	columns, err := s.load(b)
	if err != nil {
		return nil // it is reported, and has nothing that can be found
	}
	t := s.tokens.Get().(*tokens)
	defer s.tokens.Put(t)
	t.collect(columns.Message)
	if err := addWords(index, b, t); err != nil {
		return err
	}
	s.counters.rebuiltDoc.Add(1)
	return nil
}

func addWords(index *blockindex.Index, b *storedBlock, t *tokens) error {
	if err := index.Add(b.id(), t.list, t.overflow); err != nil {
		return err
	}
	b.overflow.Store(t.overflow)
	b.indexed.Store(true)
	return nil
}

func (s *Store) reportIndex(message string, d *day, err error) {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return
	}
	s.counters.indexErrors.Add(1)
	s.cfg.Logger.Warn(message, slog.String("day", filepath.Base(d.dir)), slog.Any("err", err))
}

// load reads a block. The first error is reported; after that the block counts
// as damaged.
func (s *Store) load(b *storedBlock) (*block.Columns, error) {
	file, err := os.ReadFile(b.path)
	if err == nil {
		var columns *block.Columns
		if columns, err = s.codec.Decode(file); err == nil {
			return columns, nil
		}
	}
	if b.damaged.CompareAndSwap(false, true) {
		s.counters.damagedBlocks.Add(1)
		s.cfg.Logger.Error("block cannot be read", slog.String("file", b.path), slog.Any("err", err))
	}
	return nil, err
}

// filter reads the filter of a block and builds it again if it cannot be read.
// It is nil if the block is damaged.
func (s *Store) filter(b *storedBlock) *filter.Filter {
	data, err := os.ReadFile(b.filterPath())
	if err == nil {
		if f, err := filter.Parse(data); err == nil {
			return f
		}
	}
	columns, err := s.load(b)
	if err != nil {
		return nil
	}
	t := s.tokens.Get().(*tokens)
	defer s.tokens.Put(t)
	t.collect(columns.Message)
	f, err := s.writeFilter(b, t)
	if err != nil {
		s.counters.indexErrors.Add(1)
		return f
	}
	s.counters.rebuiltFilters.Add(1)
	return f
}

// writeFilter makes the filter of what t has collected. The filter is valid
// also if it could not be written.
func (s *Store) writeFilter(b *storedBlock, t *tokens) (*filter.Filter, error) {
	f, err := t.filter()
	if err != nil {
		return nil, err
	}
	data, err := f.AppendTo(nil)
	if err != nil {
		return f, err
	}
	temporary := b.filterPath() + ".tmp"
	if err := os.WriteFile(temporary, data, 0o640); err != nil {
		return f, errors.Join(err, os.Remove(temporary))
	}
	return f, os.Rename(temporary, b.filterPath())
}

func (d *day) close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = true
	if d.words == nil {
		return nil
	}
	words := d.words
	d.words = nil
	return words.Close()
}
