package index

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/tagtail/tagtail/index/internal/block"
	"github.com/tagtail/tagtail/index/internal/files"
)

// ImportBatch is a part of what is imported under one name.
type ImportBatch struct {
	// ID names the import: digits and small letters.
	ID string
	// State returns what the importer wants to know when it goes on, in JSON. It is
	// kept if and only if the entries are.
	State func(ImportResult) (json.RawMessage, error)
	// Entries have Received set to their own time.
	Entries []Entry
}

// ImportResult is what became of the entries of a batch.
type ImportResult struct {
	Kept int `json:"kept"`
	// TooOld are past what the Config keeps of their instance, and left out.
	TooOld int `json:"too_old,omitempty"`
	// First and Last are the times of the oldest and the newest that was kept.
	First time.Time `json:"first,omitzero"`
	Last  time.Time `json:"last,omitzero"`
}

// ImportState is what an import has left.
type ImportState struct {
	ID    string
	State json.RawMessage
}

// newBlock is a block of an import until it is in the store.
type newBlock struct {
	*storedBlock
	day     *day
	columns block.Columns
	tokens  *tokens // nil if they were given back
}

// importTokens is how many blocks of a batch keep their tokens until they are in
// the word index: those of the others are collected again.
const importTokens = 16

// Import keeps entries under their own times, in the blocks of those days,
// durable when it returns: either all of the batch with its State, or nothing.
// Searches find them at their days, and nobody who follows is shown them. It does
// not keep the slice.
//
// The order matters: the names of the blocks are written down first, then the
// blocks, then the State without the names, which makes them count, and only then
// the store has them. An Open in between deletes what is written down.
func (s *Store) Import(ctx context.Context, batch ImportBatch) (ImportResult, error) {
	path, err := importPath(s.cfg.Dir, batch.ID)
	if err != nil {
		return ImportResult{}, err
	}
	if err := s.begin(); err != nil {
		return ImportResult{}, err
	}
	defer s.inUse.Done()
	if err := s.lockBlocks(ctx); err != nil {
		return ImportResult{}, err
	}
	defer s.unlockBlocks()
	if p, err := readPurge(s.cfg.Dir); err != nil || p != nil {
		return ImportResult{}, errors.Join(errors.New("a purge is not finished: see the log for why, and import when it is"), err)
	}
	before, err := readImport(path)
	if err != nil {
		return ImportResult{}, err
	}
	if before == nil {
		before = &importFile{}
	}
	if err := before.undo(s.cfg.Dir); err != nil { // that of a batch that failed
		return ImportResult{}, fmt.Errorf("undo an earlier import: %w", err)
	}
	before.Pending = nil
	entries, result := s.importable(batch.Entries)
	state, err := batch.State(result)
	if err != nil {
		return ImportResult{}, fmt.Errorf("encode the state of an import: %w", err)
	}
	if err := s.numberImported(entries); err != nil {
		return ImportResult{}, fmt.Errorf("number imported entries: %w", err)
	}
	blocks := s.importedBlocks(entries)
	defer s.giveTokens(blocks)
	pending := &importFile{State: before.State}
	for _, b := range blocks {
		pending.Pending = append(pending.Pending, filepath.Base(b.day.dir)+"/"+filepath.Base(b.path))
	}
	if err := s.writeImport(path, pending, &importFile{State: state}, blocks); err != nil {
		s.forgetNumbers()
		for _, b := range blocks {
			_ = s.removeBlock(b.storedBlock) // or by what follows
		}
		err = fmt.Errorf("import %d entries: %w", len(entries), err)
		undone := pending.undo(s.cfg.Dir)
		if undone == nil {
			undone = before.write(path)
		}
		if undone != nil {
			err = errors.Join(err, fmt.Errorf("undo it, which the next start does: %w", undone))
		}
		return ImportResult{}, err
	}
	s.publish(blocks)
	return result, nil
}

// Imports lists what was imported, and how far that came.
func (s *Store) Imports() ([]ImportState, error) {
	var list []ImportState
	for _, path := range files.Glob(importsDir(s.cfg.Dir), "*"+importSuffix) {
		f, err := readImport(path)
		if err != nil {
			return nil, err
		}
		if f != nil && f.State != nil {
			list = append(list, ImportState{ID: strings.TrimSuffix(filepath.Base(path), importSuffix), State: f.State})
		}
	}
	return list, nil
}

// importable leaves out what would be let go of at once.
func (s *Store) importable(all []Entry) ([]Entry, ImportResult) {
	now := s.cfg.now().UTC()
	oldest := make(map[string]time.Time)
	var result ImportResult
	kept := make([]Entry, 0, len(all))
	for _, e := range all {
		if e.Instance == "" {
			e.Instance = Unassigned
		}
		e.Severity &= Debug
		e.Received = e.Received.UTC().Round(0)
		if e.Received.IsZero() || e.Received.After(now) { // nothing was received later than now
			e.Received = now
		}
		limit, known := oldest[e.Instance]
		if !known {
			limit = s.cfg.Oldest(e.Instance, now)
			oldest[e.Instance] = limit
		}
		if e.Received.Before(limit) {
			result.TooOld++
			continue
		}
		if result.First.IsZero() || e.Received.Before(result.First) {
			result.First = e.Received
		}
		if e.Received.After(result.Last) {
			result.Last = e.Received
		}
		kept = append(kept, e)
	}
	result.Kept = len(kept)
	return kept, result
}

// importedBlocks makes blocks of the entries, each of one instance and day.
func (s *Store) importedBlocks(entries []Entry) []newBlock {
	heads := make(map[headKey][]*Entry)
	var keys []headKey
	for i := range entries {
		key := keyOf(&entries[i])
		if heads[key] == nil {
			keys = append(keys, key)
		}
		heads[key] = append(heads[key], &entries[i])
	}
	slices.SortFunc(keys, func(a, b headKey) int {
		return cmp.Or(cmp.Compare(a.day, b.day), cmp.Compare(a.instance, b.instance))
	})
	var blocks []newBlock
	for _, key := range keys {
		s.mu.Lock()
		d := s.dayLocked(key.day)
		s.mu.Unlock()
		rest := heads[key]
		slices.SortFunc(rest, func(a, b *Entry) int { return cmp.Compare(a.Seq, b.Seq) })
		for len(rest) > 0 {
			n := s.blockLength(rest)
			columns := block.NewColumns(key.instance, n)
			for _, e := range rest[:n] {
				appendEntry(&columns, e)
			}
			blocks = append(blocks, newBlock{storedBlock: &storedBlock{
				path: filepath.Join(d.dir, block.FileName(columns.Seq[0], columns.Seq[n-1], key.instance)),
			}, day: d, columns: columns})
			rest = rest[n:]
		}
	}
	return blocks
}

// blockLength is how many of the entries go into one block.
func (s *Store) blockLength(entries []*Entry) int {
	bytes := uint64(0)
	for n, e := range entries {
		bytes += textBytes(e)
		if n+1 >= s.cfg.HeadEntries || bytes >= uint64(s.cfg.HeadBytes) {
			return n + 1
		}
	}
	return len(entries)
}

// writeImport makes the blocks durable, and makes them count.
func (s *Store) writeImport(path string, pending, done *importFile, blocks []newBlock) error {
	if len(blocks) > 0 {
		if err := pending.write(path); err != nil {
			return fmt.Errorf("write down what is imported: %w", err)
		}
		s.atImport("pending")
	}
	for i := range blocks {
		b := &blocks[i]
		t := s.tokens.Get().(*tokens)
		if i < importTokens {
			b.tokens = t
		}
		t.collect(b.columns.Message)
		var file []byte
		file, b.header = s.codec.Encode(nil, &b.columns, &t.shapes)
		b.size = int64(len(file))
		err := s.writeBlock(b.day, b.storedBlock, file)
		if err == nil {
			if _, e := s.writeFilter(b.day, b.storedBlock, t); e != nil {
				s.reportIndex("write a filter", b.day, e) // it is built when it is needed
			}
		}
		if i >= importTokens {
			s.tokens.Put(t)
		}
		if err != nil {
			return fmt.Errorf("write block: %w", err)
		}
		s.atImport("block")
	}
	if err := done.write(path); err != nil {
		return fmt.Errorf("write down what was imported: %w", err)
	}
	s.atImport("done")
	return nil
}

// atImport tells a test how far it is.
func (s *Store) atImport(step string) {
	if s.cfg.atImport != nil {
		s.cfg.atImport(step)
	}
}

// publish puts blocks that are on the disk into the store.
func (s *Store) publish(blocks []newBlock) {
	s.showAgain(blocks)
	s.mu.Lock()
	for i := range blocks {
		b := &blocks[i]
		d := s.dayLocked(b.day.number)
		d.blocks = append(d.blocks, b.storedBlock)
		s.instanceLocked(b.header.Instance).keepBlock(&b.header)
		s.counters.importedEntries.Add(uint64(b.header.Entries))
	}
	s.mu.Unlock()
	days := make(map[*day]bool)
	for i := range blocks {
		b := &blocks[i]
		days[b.day] = true
		words := s.openWords(b.day)
		if words == nil {
			continue
		}
		if b.tokens == nil {
			b.tokens = s.tokens.Get().(*tokens)
			b.tokens.collect(b.columns.Message)
		}
		if err := addWords(words, b.storedBlock, b.tokens); err != nil {
			s.reportIndex("add a block", b.day, err) // it is searched without
		}
		s.tokens.Put(b.tokens)
		b.tokens = nil
	}
	for d := range days {
		s.joinNewFilters(d)
	}
}

func (s *Store) giveTokens(blocks []newBlock) {
	for i := range blocks {
		if t := blocks[i].tokens; t != nil {
			s.tokens.Put(t)
		}
	}
}

// showAgain ends the hiding of what was purged, of what is imported now: it may
// have the same Seqs.
func (s *Store) showAgain(blocks []newBlock) {
	old := s.purges.Load()
	if old == nil {
		return
	}
	list := slices.Clone(*old)
	for i := range list {
		has := func(b newBlock) bool { return b.columns.Instance == list[i].Instance }
		if slices.ContainsFunc(blocks, has) {
			list[i].Imports = false
		}
	}
	s.purges.Store(&list)
}
