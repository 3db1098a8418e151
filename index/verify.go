package index

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/tagtail/tagtail/index/internal/block"
	"github.com/tagtail/tagtail/index/internal/blockindex"
	"github.com/tagtail/tagtail/index/internal/files"
	"github.com/tagtail/tagtail/index/internal/journal"
)

// Progress tells how far a Verify or Rebuild has come, in files.
type Progress struct{ Done, Total int }

// Finding is a file that is not as it should be.
type Finding struct {
	File   string
	Offset int64
	// Derived tells that no entry is lost: Rebuild mends it.
	Derived bool
	What    string
}

// String is one line.
func (f Finding) String() string {
	kind := "damaged"
	if f.Derived {
		kind = "derived"
	}
	return fmt.Sprintf("%s:%d: %s: %s", f.File, f.Offset, kind, f.What)
}

// Report is what Verify has looked at and found.
type Report struct {
	Segments, Frames, Blocks, Filters, Indexes int
	// Entries are those of the blocks and frames that can be read; an entry
	// may be in both.
	Entries  uint64
	Findings []Finding
}

// Verify reads everything and compares every checksum, and the filters and
// word indexes with the blocks. It changes no file, and the store goes on
// meanwhile. What it finds is in the Report; an error tells that it could not
// go on. progress, which may be nil, is called from the calling goroutine.
func (s *Store) Verify(ctx context.Context, progress func(Progress)) (Report, error) {
	if err := s.begin(); err != nil {
		return Report{}, err
	}
	defer s.inUse.Done()
	parts, err := s.journal.Parts()
	if err != nil {
		return Report{}, err
	}
	v := s.newVerifier(progress)
	v.progress.Total = len(parts) + s.Stats().Blocks
	if err := v.checkJournal(ctx, parts); err != nil {
		return v.report, err
	}
	for _, d := range s.allDays() {
		if err := v.checkOpenDay(ctx, s, d); err != nil {
			return v.report, err
		}
	}
	return v.report, nil
}

// checkOpenDay checks a day of which no block is removed meanwhile.
func (v *verifier) checkOpenDay(ctx context.Context, s *Store, d *day) error {
	if err := s.lockBlocks(ctx); err != nil {
		return err
	}
	defer s.unlockBlocks()
	indexed := make(map[string]bool) // those that must be in
	s.mu.Lock()
	paths := slices.Clone(d.unread)
	for _, b := range d.blocks {
		paths = append(paths, b.path)
		indexed[b.id()] = b.indexed.Load() != nil
	}
	s.mu.Unlock()
	sums, err := v.checkBlocks(ctx, s.stopped, d.number, paths, v.checkFilterFiles(d.dir))
	if err != nil || len(sums) == 0 {
		return err
	}
	dir := filepath.Join(d.dir, blockindex.Folder)
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		v.add(dir, 0, true, "the word index is missing")
		return nil
	}
	if words := s.openWords(d); words != nil {
		v.compareWords(ctx, dir, words, sums, func(id string) bool { return indexed[id] })
	}
	return nil
}

// Verify checks the store in cfg.Dir, which nobody has open: else the error is
// ErrLocked. It changes no file.
func Verify(ctx context.Context, cfg Config, progress func(Progress)) (Report, error) {
	if err := cfg.Validate(); err != nil {
		return Report{}, err
	}
	cfg = cfg.withDefaults()
	unlock, err := lockToRead(cfg.Dir, cfg.bootID())
	if err != nil {
		return Report{}, err
	}
	defer unlock()
	codec, err := block.NewCodec()
	if err != nil {
		return Report{}, err
	}
	s := &Store{cfg: cfg, codec: codec}
	v := s.newVerifier(progress)
	parts, err := journal.PartsOf(filepath.Join(cfg.Dir, "journal"))
	if err != nil {
		return Report{}, fmt.Errorf("read journal: %w", err)
	}
	blocks := files.Glob(cfg.Dir, "days/*/*"+block.Suffix)
	v.progress.Total = len(parts) + len(blocks)
	if err := v.checkJournal(ctx, parts); err != nil {
		return v.report, err
	}
	for _, dir := range files.Glob(cfg.Dir, "days/????-??-??") {
		if err := v.checkClosedDay(ctx, dir); err != nil {
			return v.report, err
		}
	}
	return v.report, nil
}

func (v *verifier) checkClosedDay(ctx context.Context, dir string) error {
	start, err := time.Parse(dayLayout, filepath.Base(dir))
	if err != nil {
		return nil // it is not ours
	}
	paths := files.Glob(dir, "*"+block.Suffix)
	stopped := func(ctx context.Context) error { return ctx.Err() }
	filters := v.checkFilterFiles(dir)
	sums, err := v.checkBlocks(ctx, stopped, dayNumber(start), paths, filters)
	if err != nil {
		return err
	}
	stems := make(map[string]bool, len(paths))
	for _, path := range paths {
		stems[strings.TrimSuffix(filepath.Base(path), block.Suffix)] = true
	}
	v.missBlocks(filters, stems)
	words := filepath.Join(dir, blockindex.Folder)
	if len(sums) == 0 {
		return nil
	}
	if _, err := os.Stat(words); errors.Is(err, fs.ErrNotExist) {
		v.add(words, 0, true, "the word index is missing")
		return nil
	}
	x, err := blockindex.OpenReadOnly(words)
	if err != nil {
		v.add(words, 0, true, err.Error())
		return nil
	}
	v.compareWords(ctx, words, x, sums, func(string) bool { return true })
	return x.Close()
}

// verifier is one Verify.
type verifier struct {
	codec    *block.Codec
	tokens   *tokens
	tell     func(Progress)
	progress Progress
	report   Report
}

func (s *Store) newVerifier(progress func(Progress)) *verifier {
	if progress == nil {
		progress = func(Progress) {}
	}
	return &verifier{codec: s.codec, tokens: newTokens(s.cfg.WordsPerBlock), tell: progress}
}

func (v *verifier) add(file string, offset int64, derived bool, what string) {
	v.report.Findings = append(v.report.Findings, Finding{File: file, Offset: offset, Derived: derived, What: what})
}

func (v *verifier) step() {
	v.progress.Done++
	v.progress.Total = max(v.progress.Total, v.progress.Done)
	v.tell(v.progress)
}

func (v *verifier) checkJournal(ctx context.Context, parts []journal.Part) error {
	for _, part := range parts {
		if err := ctx.Err(); err != nil {
			return err
		}
		damage, err := journal.Check(part, func(first uint64, payload []byte) error {
			entries, err := decodeRecord(first, payload)
			v.report.Frames++
			v.report.Entries += uint64(len(entries))
			return err
		})
		if err != nil {
			return fmt.Errorf("read journal: %w", err)
		}
		for _, d := range damage {
			v.add(d.Path, d.Offset, false, fmt.Sprintf("%d bytes: %v", d.Bytes, d.Err))
		}
		v.report.Segments++
		v.step()
	}
	return nil
}

// wordSum is what the word index must have of a block.
type wordSum struct {
	path  string
	sum   blockindex.Sum
	marks blockindex.Marks
}

// checkBlocks checks blocks and their filters, and returns the sums of the
// words of those that can be read, by id.
func (v *verifier) checkBlocks(ctx context.Context, stopped func(context.Context) error, day int64, paths []string, filters foundFilters) (map[string]wordSum, error) {
	sums := make(map[string]wordSum)
	for _, path := range paths {
		if err := stopped(ctx); err != nil {
			return nil, err
		}
		v.step()
		b := storedBlock{path: path}
		file, err := os.ReadFile(path)
		if err != nil {
			v.add(path, 0, false, err.Error())
			continue
		}
		v.report.Blocks++
		columns, header, faults := v.codec.Check(file)
		for _, f := range faults {
			v.add(path, f.Offset, false, f.Err.Error())
		}
		if len(faults) > 0 {
			continue
		}
		if n := dayNumber(time.Unix(0, header.MinReceived)); n != day {
			v.add(path, 0, false, "its entries are of "+dayName(n))
			continue
		}
		v.report.Entries += uint64(header.Entries)
		b.header = header
		v.tokens.collect(columns.Message)
		v.checkFilter(&b, filters)
		sum := wordSum{path: path, marks: v.tokens.marks()}
		for _, w := range v.tokens.words.list {
			sum.sum.Add(w.Text, uint64(w.Lines))
		}
		sums[b.id()] = sum
	}
	return sums, nil
}

// compareWords compares the word index with the blocks; must tells of which
// blocks it has to know.
func (v *verifier) compareWords(ctx context.Context, dir string, x *blockindex.Index, want map[string]wordSum, must func(id string) bool) {
	v.report.Indexes++
	got, err := x.Sums(ctx)
	var marked map[string]blockindex.Marks
	if err == nil {
		marked, err = x.Marked()
	}
	if err != nil {
		v.add(dir, 0, true, err.Error())
		return
	}
	for _, id := range sortedKeys(want) {
		w := want[id]
		sum, known := got[id]
		switch {
		case !known && must(id):
			v.add(dir, 0, true, "the word index lacks block "+filepath.Base(w.path))
		case known && (w.marks|marked[id])&blockindex.Overflow == 0 && (sum != w.sum || marked[id] != w.marks):
			v.add(dir, 0, true, "the word index does not agree with block "+filepath.Base(w.path))
		}
	}
}

func sortedKeys[T any](m map[string]T) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// String sums the report up.
func (r Report) String() string {
	return fmt.Sprintf("%d journal segments, %d blocks, %d filters, %d word indexes: %d findings",
		r.Segments, r.Blocks, r.Filters, r.Indexes, len(r.Findings))
}

// Err says what to do about the findings, nil if there are none.
func (r Report) Err() error {
	lost, derived := 0, 0
	for _, f := range r.Findings {
		if f.Derived {
			derived++
		} else {
			lost++
		}
	}
	switch {
	case lost > 0:
		return fmt.Errorf("%d places are damaged: their entries are lost, all others are served", lost)
	case derived > 0:
		return fmt.Errorf("no entry is lost, but %d derived files are damaged or missing: tagtail rebuild makes them again", derived)
	default:
		return nil
	}
}
